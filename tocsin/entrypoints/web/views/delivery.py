"""How messages leave: the log of every one, the queue, vendors, workers, and the limits they keep to."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from tocsin.apps.incidents import queries as incidents
from tocsin.apps.notify import actions, deliveries, queries
from tocsin.apps.notify.deliveries import DeliveryFilter
from tocsin.apps.notify.types import ThrottleInfo
from tocsin.domain.errors import FieldError, Invalid, NotFound
from tocsin.domain.notification.model import MessageKind
from tocsin.domain.notification.throttle import Limit, Scope
from tocsin.domain.permissions import Permission, can, require
from tocsin.domain.time import format_duration, parse_duration
from tocsin.entrypoints.web import forms, reach
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views import outbox
from tocsin.entrypoints.web.views.common import names, signed_in
from tocsin.lib.clock import now

STATES = ("planned", "claimed", "sent", "delivered", "read", "failed", "cancelled", "merged", "bundled",
          "suppressed")  # fmt: skip


@dataclass(frozen=True)
class LimitRow:
    """The limits of one channel and scope, as they are typed: `1 in 1m, 5 in 15m`."""

    via: str
    scope: str
    text: str
    shipped: bool
    from_file: bool
    error: str = ""


@signed_in
@require_GET
def index(request: HttpRequest, reader: Reader) -> HttpResponse:
    at = now()
    problem = ""
    try:
        filters = filters_of(request, reader)
        found = deliveries.deliveries(
            actor=reader.actor, filters=filters, cursor=request.GET.get("cursor") or None
        )
        rows, following = found.items, found.next_cursor
    except (Invalid, NotFound) as error:
        rows, following, problem = (), None, str(error)
    waiting, since = queries.waiting(at)
    channels = queries.channels()
    context = {
        "rows": rows,
        "next_cursor": following,
        "problem": problem,
        "filtered": any(value for field, value in request.GET.items() if field not in {"cursor", "here"}),
        "queue": deliveries.queue(at),
        "vendors": queries.vendors(),
        "workers": [worker for worker in queries.workers(at) if worker.alive],
        "titles": reach.titles(),
        "names": names(),
        "channels": channels,
        "states": STATES,
        "kinds": list(MessageKind),
        "known_vendors": deliveries.known_vendors(),
        "mails": outbox.mails(reader),
        "leaves": any(channel.type == "email" and channel.counts for channel in channels),
        "waiting": waiting,
        "since": since,
    }
    return render(request, "delivery/index.html", context)


def filters_of(request: HttpRequest, reader: Reader) -> DeliveryFilter:
    """The filters in the address. Raises Invalid or NotFound for what stands for nothing."""
    ref = forms.text(request.GET, "incident")
    return DeliveryFilter(
        person=forms.person(request.GET.get("person", ""), "person"),
        via=forms.text(request.GET, "via"),
        state=forms.text(request.GET, "state"),
        vendor=forms.text(request.GET, "vendor"),
        kind=forms.text(request.GET, "kind"),
        incident_id=incidents.incident(ref, actor=reader.actor).id if ref else None,
        since=forms.local_time(request.GET, "since"),
        until=forms.local_time(request.GET, "until"),
        problems=request.GET.get("problems") == "yes",
    )


@signed_in
@require_GET
def show(request: HttpRequest, reader: Reader, delivery_id: int) -> HttpResponse:
    row = deliveries.delivery(delivery_id, actor=reader.actor)
    return render(request, "delivery/show.html", {"row": row, "titles": reach.titles(), "names": names()})


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def limits(request: HttpRequest, reader: Reader) -> HttpResponse:
    """How much a contact, and a vendor, is given in a while: everybody sees it, administrators change it."""
    if request.method != "POST":
        return _limits(request, reader)
    require(reader.actor, Permission.CONFIGURE)
    via, scope = forms.text(request.POST, "via"), forms.text(request.POST, "scope")
    text = request.POST.get("limits", "")
    try:
        wanted = None if "reset" in request.POST else limits_of(text)
        actions.set_throttles(actor=reader.actor, via=via, scope=scope, limits=wanted, now=now())
    except Invalid as error:
        message = "; ".join(one.message for one in error.errors)
        return _limits(request, reader, refused=LimitRow(via, scope, text, False, False, message))
    messages.success(request, "Those shipped hold again." if wanted is None else "The limits are saved.")
    return redirect("delivery_limits")


def _limits(request: HttpRequest, reader: Reader, refused: LimitRow | None = None) -> HttpResponse:
    rows = _rows(queries.throttles())
    if refused is not None:
        mine = (refused.via, refused.scope)
        rows = [refused if (row.via, row.scope) == mine else row for row in rows]
    context = {
        "rows": rows,
        "titles": reach.titles(),
        "may_edit": can(reader.actor, Permission.CONFIGURE),
    }
    return render(request, "delivery/limits.html", context, status=422 if refused else 200)


def _rows(infos: Iterable[ThrottleInfo]) -> list[LimitRow]:
    """A row for each channel and scope, one without a limit too."""
    known: dict[tuple[str, str], list[ThrottleInfo]] = {}
    for info in infos:
        known.setdefault((info.via, info.scope), []).append(info)
    channels = {via for via, _ in known} | {c.type for c in queries.channels() if c.counts}
    found = []
    for via in sorted(channels):
        for scope in Scope:
            mine = known.get((via, str(scope)), [])
            text = ", ".join(f"{one.most} in {format_duration(one.within)}" for one in mine if one.most)
            shipped = all(one.shipped for one in mine)
            found.append(LimitRow(via, str(scope), text, shipped, any(one.from_file for one in mine)))
    return found


def limits_of(text: str) -> tuple[Limit, ...]:
    """`1 in 1m, 5 in 15m`; nothing: no limit. Raises Invalid that names what it could not read."""
    found = []
    for part in text.replace("\n", ",").split(","):
        if not part.strip():
            continue
        most, _, within = (word.strip() for word in part.partition(" in "))
        try:
            found.append(Limit(int(most), _positive(within)))
        except ValueError:
            message = f"“{part.strip()}”: expected a number and a time, such as “5 in 15m”."
            raise Invalid(FieldError("limits", message)) from None
    return tuple(found)


def _positive(text: str) -> timedelta:
    span = parse_duration(text)
    if not span:
        raise ValueError
    return span
