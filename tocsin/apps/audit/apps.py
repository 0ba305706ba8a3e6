from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "tocsin.apps.audit"
    label = "audit"
