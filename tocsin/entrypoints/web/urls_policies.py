"""Services, the policies that say who is called for them, and the screen that shows it."""

from django.urls import path

from tocsin.entrypoints.web.views import policies, service_edit, services, wall

urlpatterns = [
    path("policies/", policies.index, name="policies"),
    path("policies/new", policies.new, name="policy_new"),
    path("policies/<name:name>", policies.show, name="policy"),
    path("policies/<name:name>/edit", policies.edit, name="policy_edit"),
    path("policies/<name:name>/delete", policies.delete, name="policy_delete"),
    path("services/", services.index, name="services"),
    path("services/new", service_edit.new, name="service_new"),
    path("services/<name:name>", services.show, name="service"),
    path("services/<name:name>/edit", service_edit.edit, name="service_edit"),
    path("services/<name:name>/delete", service_edit.delete, name="service_delete"),
    path("wall/", wall.show, name="wall"),
    path("wall/link", wall.link, name="wall_link"),
    path("wall/screen/<str:token>", wall.display, name="wall_display"),
    path("wall/screen/<str:token>/ticket", wall.ticket, name="wall_ticket"),
]
