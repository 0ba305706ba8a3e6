from django.urls import include, path, re_path

from tocsin.entrypoints.api.compat import alertmanager_urls, opsgenie
from tocsin.entrypoints.api.root import patterns

urlpatterns = [
    path("api/v1/", include((patterns(), "ninja"), namespace="api")),
    *alertmanager_urls.urlpatterns,
    re_path(r"^(?:opsgenie/)?v2/(?:alerts|heartbeats)(?:/.*)?$", opsgenie.enter),
]
