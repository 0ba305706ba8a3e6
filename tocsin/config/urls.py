from django.urls import include, path

_ERRORS = "tocsin.entrypoints.web.views.errors"

urlpatterns = [
    path("accounts/", include("allauth.urls")),
    path("", include("tocsin.entrypoints.api.urls")),
    path("", include("tocsin.entrypoints.web.urls")),
]

handler400 = f"{_ERRORS}.bad_request"
handler403 = f"{_ERRORS}.forbidden"
handler404 = f"{_ERRORS}.not_found"
handler500 = f"{_ERRORS}.server_error"
