"""Being on call: one's own shifts, swaps, absences, calendars, checks, pay."""

from django.urls import path

from tocsin.entrypoints.web.views import (
    away,
    calendars,
    checks,
    feeds,
    history,
    myoncall,
    notices,
    pay,
    swaps,
)

urlpatterns = [
    path("my-on-call", myoncall.index, name="my_oncall"),
    path("readiness/<int:readiness_id>/confirm", myoncall.ready, name="readiness_confirm"),
    path("absences/add", away.add, name="absence_add"),
    path("absences/<int:absence_id>/remove", away.remove, name="absence_remove"),
    path("feeds/make", feeds.make, name="feed_make"),
    path("feeds/<int:feed_id>/renew", feeds.renew, name="feed_renew"),
    path("feeds/<int:feed_id>/revoke", feeds.revoke, name="feed_revoke"),
    path("people/<str:email>/notices", notices.save, name="notices_set"),
    path("swaps/", swaps.index, name="swaps"),
    path("swaps/new", swaps.new, name="swap_new"),
    path("swaps/take", swaps.take, name="swap_take"),
    path("swaps/<int:swap_id>", swaps.show, name="swap"),
    path("swaps/<int:swap_id>/<str:deed>", swaps.act, name="swap_act"),
    path("schedules/<name:name>/checks", checks.show, name="schedule_checks"),
    path("schedules/<name:name>/history", history.show, name="schedule_history"),
    path("schedules/<name:name>/calendars", calendars.of_schedule, name="schedule_calendars"),
    path("people/<str:email>/calendars", calendars.of_person, name="person_calendars"),
    path("calendars/", calendars.of_everybody, name="calendars"),
    path("calendars/add", calendars.add, name="calendar_add"),
    path("calendars/<int:calendar_id>/<str:deed>", calendars.act, name="calendar_act"),
    path("pay/", pay.index, name="pay"),
    path("pay/corrections", pay.correct, name="pay_correct"),
    path("pay/corrections/<int:correction_id>/withdraw", pay.withdraw, name="pay_withdraw"),
]
