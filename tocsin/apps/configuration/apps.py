from django.apps import AppConfig


class ConfigurationConfig(AppConfig):
    name = "tocsin.apps.configuration"
    label = "configuration"
