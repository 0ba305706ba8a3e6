from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    name = "tocsin.apps.integrations"
    label = "integrations"
