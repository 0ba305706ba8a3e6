"""How people are reached, and what became of each message."""

from django.urls import path

from tocsin.entrypoints.web.views import delivery, everybody, methods, reached, rules

_PERSON = "people/<str:email>"
_METHOD = f"{_PERSON}/methods/<int:method_id>"

urlpatterns = [
    path("me/reached", reached.own, name="reached"),
    path(f"{_PERSON}/reached", reached.show, name="person_reached"),
    path(f"{_PERSON}/methods", methods.add, name="method_add"),
    path(f"{_METHOD}/remove", methods.remove, name="method_remove"),
    path(f"{_METHOD}/move", methods.move, name="method_move"),
    path(f"{_METHOD}/switch", methods.switch, name="method_switch"),
    path(f"{_METHOD}/code", methods.send_code, name="method_code"),
    path(f"{_METHOD}/verify", methods.verify, name="method_verify"),
    path(f"{_METHOD}/test", methods.test_one, name="method_test"),
    path(f"{_PERSON}/rules/<str:group>", rules.save, name="rules_set"),
    path(f"{_PERSON}/rules/<str:group>/preview", rules.preview, name="rules_preview"),
    path(f"{_PERSON}/quiet-hours", rules.set_quiet_hours, name="quiet_set"),
    path(f"{_PERSON}/test", methods.send_test, name="person_test"),
    path(f"{_PERSON}/tests/<int:page_id>", reached.trail, name="person_trail"),
    path(f"{_PERSON}/tests/<int:page_id>/rest", methods.send_rest, name="person_test_rest"),
    path("delivery/", delivery.index, name="delivery"),
    path("delivery/limits", delivery.limits, name="delivery_limits"),
    path("delivery/rules", everybody.show, name="default_rules"),
    path("delivery/rules/<str:group>", everybody.save, name="default_rules_set"),
    path("delivery/<int:delivery_id>", delivery.show, name="delivery_show"),
]
