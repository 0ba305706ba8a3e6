from django.apps import AppConfig


class NotifyConfig(AppConfig):
    name = "tocsin.apps.notify"
    label = "notify"
