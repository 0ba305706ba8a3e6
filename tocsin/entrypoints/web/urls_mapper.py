from django.urls import path

from tocsin.entrypoints.web.views import mailrules, mapper

urlpatterns = [
    path("integrations/<name:name>/mapper", mapper.show, name="mapper"),
    path("integrations/<name:name>/mapper/test", mapper.test, name="mapper_test"),
    path("integrations/<name:name>/mapper/save", mapper.save, name="mapper_save"),
    path("integrations/<name:name>/rules", mailrules.edit, name="rules"),
]
