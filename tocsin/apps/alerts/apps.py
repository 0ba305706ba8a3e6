from django.apps import AppConfig


class AlertsConfig(AppConfig):
    name = "tocsin.apps.alerts"
    label = "alerts"
