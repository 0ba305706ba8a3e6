from django.apps import AppConfig


class IdentityConfig(AppConfig):
    name = "tocsin.apps.identity"
    label = "identity"
