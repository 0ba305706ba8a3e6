from django.urls import include, path

from tocsin.entrypoints.api.compat import alertmanager_urls
from tocsin.entrypoints.api.root import patterns

urlpatterns = [
    path("api/v1/", include((patterns(), "ninja"), namespace="api")),
    *alertmanager_urls.urlpatterns,
]
