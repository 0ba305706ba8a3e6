from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "tocsin.apps.catalog"
    label = "catalog"
