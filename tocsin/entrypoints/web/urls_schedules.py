"""Schedules and rotations: looking, overriding, editing."""

from django.urls import path

from tocsin.entrypoints.web.views import oncall, overrides, schedule

urlpatterns = [
    path("schedules/", oncall.schedules, name="schedules"),
    path("schedules/<str:name>", schedule.show, name="schedule"),
    path("schedules/<str:name>/override", overrides.add, name="override_add"),
    path("schedules/<str:name>/preview", overrides.preview, name="override_preview"),
    path("schedules/<str:name>/overrides/<int:override_id>", overrides.edit, name="override_edit"),
    path("schedules/<str:name>/overrides/<int:override_id>/delete", overrides.remove, name="override_remove"),
]
