from django.urls import re_path

from tocsin.entrypoints.api.compat import alertmanager as views

_KEY = r"^alertmanager/(?P<key>[0-9a-f]{32})"

urlpatterns = [
    re_path(_KEY + r"/api/v2/alerts$", views.alerts),
    re_path(_KEY + r"/api/v2/alerts/groups$", views.groups),
    re_path(_KEY + r"/api/v2/silences$", views.silences),
    re_path(_KEY + r"/api/v2/silence/(?P<uid>[^/]{1,64})$", views.silence),
    re_path(_KEY + r"/api/v2/status$", views.status),
    re_path(_KEY + r"/api/v2/receivers$", views.receivers),
    re_path(_KEY + r"/api/v2/(?P<rest>.*)$", views.nowhere),
    re_path(_KEY + r"/api/v1/(?P<rest>.*)$", views.version_one),
    re_path(_KEY + r"/-/(?:healthy|ready)$", views.fine),
    re_path(_KEY + r"/metrics$", views.metrics),
]
