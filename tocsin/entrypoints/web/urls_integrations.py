from django.urls import path

from tocsin.entrypoints.web.views import integration, integration_deeds, integrations

urlpatterns = [
    path("integrations/", integrations.index, name="integrations"),
    path("integrations/add", integrations.add, name="integration_add"),
    path("integrations/<name:name>", integration.show, name="integration"),
    path("integrations/<name:name>/first", integration.first, name="integration_first"),
    path("integrations/<name:name>/edit", integration.edit, name="integration_edit"),
    path("integrations/<name:name>/switch", integration_deeds.switch, name="integration_switch"),
    path("integrations/<name:name>/delete", integration_deeds.delete, name="integration_delete"),
    path("integrations/<name:name>/test", integration_deeds.send_test, name="integration_test"),
    path("integrations/<name:name>/rotate", integration_deeds.rotate, name="integration_rotate"),
    path("integrations/<name:name>/end-old-key", integration_deeds.end_old_key, name="integration_end_old"),
    path("integrations/<name:name>/trouble", integration_deeds.trouble, name="integration_trouble"),
]
