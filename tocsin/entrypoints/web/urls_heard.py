"""Heartbeats and change events: what is heard and pages nobody."""

from django.urls import path

from tocsin.entrypoints.web.views import changes, heartbeats

urlpatterns = [
    path("heartbeats/", heartbeats.index, name="heartbeats"),
    path("heartbeats/new", heartbeats.edit, name="heartbeat_new"),
    path("heartbeats/<int:number>", heartbeats.show, name="heartbeat"),
    path("heartbeats/<int:number>/edit", heartbeats.edit, name="heartbeat_edit"),
    path("heartbeats/<int:number>/pause", heartbeats.pause, name="heartbeat_pause"),
    path("heartbeats/<int:number>/delete", heartbeats.delete, name="heartbeat_delete"),
    path("changes/", changes.index, name="changes"),
    path("changes/<int:number>", changes.show, name="change"),
]
