from importlib import import_module
from importlib.util import find_spec

from django.urls import URLPattern

_NEEDED = ("incidents.queries", "incidents.actions", "escalation.queries", "notify.queries", "notify.actions")

urlpatterns: list[URLPattern] = []
if all(find_spec(f"tocsin.apps.{name}") for name in _NEEDED):
    urlpatterns = import_module("tocsin.entrypoints.web.pages").urlpatterns
