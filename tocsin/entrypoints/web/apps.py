from django.apps import AppConfig
from django.urls import register_converter

from tocsin.lib.segments import named, segment


class Name:
    """The name of a schedule, a team, a service, ...: `<name:name>` in an address."""

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        return named(value)

    def to_url(self, value: str) -> str:
        return segment(value)


class WebConfig(AppConfig):
    name = "tocsin.entrypoints.web"
    label = "web"
    verbose_name = "Pages"

    def ready(self) -> None:
        register_converter(Name, "name")
