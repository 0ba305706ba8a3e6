from django.apps import AppConfig


class OncallConfig(AppConfig):
    name = "tocsin.apps.oncall"
    label = "oncall"
