from importlib import import_module

from django.apps import AppConfig


class TocsinConfig(AppConfig):
    """Loaded last: when the apps know their tables, they are told of each other and of the vendors."""

    name = "tocsin.config"
    label = "config"

    def ready(self) -> None:
        # By name: this file is read before the tables are, and these know tables.
        import_module("tocsin.config.adapters").fill()
        import_module("tocsin.config.subscriptions").wire()
        import_module("tocsin.config.checks").register()
