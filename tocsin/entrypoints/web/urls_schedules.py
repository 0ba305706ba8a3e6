"""Schedules and rotations: looking, overriding, editing."""

from django.urls import path

from tocsin.entrypoints.web.views import oncall, overrides, rota, schedule, schedule_edit

urlpatterns = [
    path("schedules/", oncall.schedules, name="schedules"),
    path("schedules/new", schedule_edit.new, name="schedule_new"),
    path("schedules/<name:name>", schedule.show, name="schedule"),
    path("schedules/<name:name>/edit", schedule_edit.edit, name="schedule_edit"),
    path("schedules/<name:name>/delete", schedule_edit.delete, name="schedule_delete"),
    path("rotations/new", rota.new, name="rotation_new"),
    path("rotations/<name:name>/edit", rota.edit, name="rotation_edit"),
    path("rotations/<name:name>/delete", rota.delete, name="rotation_delete"),
    path("schedules/<name:name>/override", overrides.add, name="override_add"),
    path("schedules/<name:name>/preview", overrides.preview, name="override_preview"),
    path("schedules/<name:name>/overrides/<int:override_id>", overrides.edit, name="override_edit"),
    path(
        "schedules/<name:name>/overrides/<int:override_id>/delete", overrides.remove, name="override_remove"
    ),
]
