"""Being on call: one's own shifts, swaps, absences, calendars, checks, pay."""

from django.urls import path

from tocsin.entrypoints.web.views import myoncall, swaps

urlpatterns = [
    path("my-on-call", myoncall.index, name="my_oncall"),
    path("swaps/", swaps.index, name="swaps"),
    path("swaps/new", swaps.new, name="swap_new"),
    path("swaps/take", swaps.take, name="swap_take"),
    path("swaps/<int:swap_id>", swaps.show, name="swap"),
]
