from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "tocsin.entrypoints.web"
    label = "web"
    verbose_name = "Pages"
