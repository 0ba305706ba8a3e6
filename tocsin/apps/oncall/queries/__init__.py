"""What is known of the rota."""

from tocsin.apps.oncall.queries.absences import absences, may_keep_absences
from tocsin.apps.oncall.queries.answers import (
    names,
    now_board,
    on_call,
    on_call_anywhere,
    shifts,
    shifts_of,
    shifts_of_all,
)
from tocsin.apps.oncall.queries.calendars import calendar, calendars
from tocsin.apps.oncall.queries.checks import checks, load
from tocsin.apps.oncall.queries.cover import cover
from tocsin.apps.oncall.queries.feeds import feed, feeds
from tocsin.apps.oncall.queries.history import uses
from tocsin.apps.oncall.queries.lists import rotations, schedule, schedules
from tocsin.apps.oncall.queries.notices import notices
from tocsin.apps.oncall.queries.pay import may_correct, may_see_pay, pay
from tocsin.apps.oncall.queries.preview import layers, preview, versions
from tocsin.apps.oncall.queries.readiness import one_readiness, readiness
from tocsin.apps.oncall.queries.stored import (
    book,
    holds_from,
    implied_schedule,
    override_of,
    overrides,
    pasts,
    rotation_definitions,
    schedule_definitions,
    schedule_pasts,
)
from tocsin.apps.oncall.queries.swaps import may_act_for, may_do, swap, swap_of, swaps, terms_of

__all__ = [
    "absences",
    "book",
    "calendar",
    "calendars",
    "checks",
    "cover",
    "feed",
    "feeds",
    "holds_from",
    "implied_schedule",
    "layers",
    "load",
    "may_act_for",
    "may_correct",
    "may_do",
    "may_keep_absences",
    "may_see_pay",
    "names",
    "notices",
    "now_board",
    "on_call",
    "on_call_anywhere",
    "one_readiness",
    "override_of",
    "overrides",
    "pasts",
    "pay",
    "preview",
    "readiness",
    "rotation_definitions",
    "rotations",
    "schedule",
    "schedule_definitions",
    "schedule_pasts",
    "schedules",
    "shifts",
    "shifts_of",
    "shifts_of_all",
    "swap",
    "swap_of",
    "swaps",
    "terms_of",
    "uses",
    "versions",
]
