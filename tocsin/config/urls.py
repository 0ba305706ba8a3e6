from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [path("accounts/", include("allauth.urls"))]
if find_spec("tocsin.entrypoints.api") and find_spec("tocsin.entrypoints.api.urls"):
    urlpatterns.append(path("", include("tocsin.entrypoints.api.urls")))
if find_spec("tocsin.entrypoints.web.urls"):
    urlpatterns.append(path("", include("tocsin.entrypoints.web.urls")))

if find_spec("tocsin.entrypoints.web.views.errors"):
    handler400 = "tocsin.entrypoints.web.views.errors.bad_request"
    handler403 = "tocsin.entrypoints.web.views.errors.forbidden"
    handler404 = "tocsin.entrypoints.web.views.errors.not_found"
    handler500 = "tocsin.entrypoints.web.views.errors.server_error"
