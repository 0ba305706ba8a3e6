from django.apps import AppConfig


class EscalationConfig(AppConfig):
    name = "tocsin.apps.escalation"
    label = "escalation"
