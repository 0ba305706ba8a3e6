from django.apps import AppConfig

from tocsin.config import adapters, checks, subscriptions


class TocsinConfig(AppConfig):
    """Loaded last: when the apps know their tables, they are told of each other and of the vendors."""

    name = "tocsin.config"
    label = "config"

    def ready(self) -> None:
        adapters.fill()
        subscriptions.wire()
        checks.register()
