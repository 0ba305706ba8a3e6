from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db.models import Min, Q

from tocsin.apps.identity.models import User, UserState
from tocsin.apps.notify import compose, jobs, limits
from tocsin.apps.notify import vendors as _vendors
from tocsin.apps.notify.directory import Directory, counts, keep_own_address, shown_address, why_not
from tocsin.apps.notify.models import (
    Attempt,
    ContactMethod,
    LocalMail,
    Notification,
    NotificationRule,
    NotificationState,
    Page,
    QuietHours,
    WorkerProcess,
)
from tocsin.apps.notify.types import (
    AttemptInfo,
    ChannelInfo,
    LocalMailInfo,
    MethodInfo,
    NotificationInfo,
    PageInfo,
    QuietHoursInfo,
    RuleInfo,
    SentInfo,
    ThrottleInfo,
    WorkerInfo,
)
from tocsin.apps.notify.vendors import VendorInfo
from tocsin.domain.errors import NotFound
from tocsin.domain.notification.model import MessageKind, Occasion
from tocsin.domain.severity import Urgency
from tocsin.ports import registry

ALIVE: timedelta = timedelta(seconds=4)  # a worker silent for longer is dead: its claims are taken over
_OPEN = (NotificationState.PLANNED, NotificationState.CLAIMED)


def methods(email: str) -> list[MethodInfo]:
    keep_own_address(email)
    rows = ContactMethod.objects.filter(user__email=email.lower())
    return [method_of(row) for row in rows]


def shut_methods(email: str) -> list[MethodInfo]:
    """Those that were disabled because nothing arrives there, and of which nobody has thought since."""
    rows = ContactMethod.objects.filter(user__email=email.lower(), disabled_at__isnull=False)
    return [method_of(row) for row in rows.exclude(disabled_reason__startswith="by ")]


def rules(email: str) -> list[RuleInfo]:
    """Of this person, and everybody's for what they have none of their own for."""
    own = own_rules(email)
    kept = {(rule.occasion, rule.urgency) for rule in own}
    return own + [rule for rule in default_rules() if (rule.occasion, rule.urgency) not in kept]


def own_rules(email: str) -> list[RuleInfo]:
    return [_rule(row) for row in NotificationRule.objects.filter(user__email=email.lower())]


def default_rules() -> list[RuleInfo]:
    return [_rule(row) for row in NotificationRule.objects.filter(user=None)]


def _rule(row: NotificationRule) -> RuleInfo:
    return RuleInfo(
        row.pk,
        Urgency(row.urgency),
        row.after_s,
        row.via,
        row.from_file,
        Occasion(row.occasion),
        row.user_id is not None,
    )


def quiet_hours(email: str) -> QuietHoursInfo | None:
    row = QuietHours.objects.filter(user__email=email.lower()).first()
    if row is None:
        return None
    return QuietHoursInfo(
        row.timezone, tuple(row.days), row.start.isoformat("minutes"), row.end.isoformat("minutes")
    )


def deliverable(emails: Iterable[str]) -> dict[str, bool]:
    """Whether a message to them would reach them: a usable method over a channel that counts."""
    directory = Directory()
    wanted = [email.lower() for email in emails]
    directory.load(wanted)
    return {email: directory.deliverable(email) for email in wanted}


def channels() -> tuple[ChannelInfo, ...]:
    return tuple(
        ChannelInfo(
            channel.type,
            channel.title,
            channel.ready,
            channel.counts,
            channel.address,
            tuple(channel.fields),
            channel.abilities,
        )
        for _, channel in sorted(registry.channels.items())
    )


def can_reach_anybody() -> str:
    """ "" when somebody can be reached; otherwise why nobody can, for the red banner."""
    usable = [channel.type for channel in registry.channels.values() if channel.counts and not channel.ready]
    if not usable:
        return "Nobody can be reached: no channel is set up. Set TOCSIN_SMTP_URL so that mails can leave."
    people = User.objects.exclude(state=UserState.LEFT)
    reachable = ContactMethod.objects.filter(
        type__in=usable, verified_at__isnull=False, disabled_at=None, user__in=people
    )
    if "email" in usable and people.filter(contact_methods=None).exists():
        return ""
    if not reachable.exists():
        return "Nobody can be reached: no person has a verified contact method over a channel that is set up."
    return ""


def pages_of_incident(incident_id: int) -> list[PageInfo]:
    """Everybody who was called or told, oldest first, each message with its trail."""
    rows = Page.objects.filter(incident_id=incident_id).select_related("user").order_by("started_at", "id")
    return _pages(list(rows))


def pages_of_person(email: str, limit: int = 50) -> list[PageInfo]:
    """The newest first."""
    rows = (
        Page.objects.filter(user__email=email.lower()).select_related("user").order_by("-started_at", "-id")
    )
    return _pages(list(rows[:limit]))


def called(incident_id: int) -> tuple[str, ...]:
    """Whoever was paged for this incident, stakeholders included."""
    kinds = (MessageKind.PAGE, MessageKind.STAKEHOLDER)
    rows = Page.objects.filter(incident_id=incident_id, kind__in=kinds).order_by("started_at", "id")
    return tuple(dict.fromkeys(rows.values_list("user__email", flat=True)))


def sent_by_ref(vendor: str, ref: str) -> SentInfo | None:
    """The message that the vendor calls `ref`."""
    row = Notification.objects.filter(vendor=vendor, ref=ref).exclude(ref="").first()
    return _sent(row) if row is not None else None


def sent_by_key(key: str) -> SentInfo | None:
    row = Notification.objects.filter(key=key).first()
    return _sent(row) if row is not None else None


def vendors() -> tuple[VendorInfo, ...]:
    """How each vendor does, those that fail first."""
    return _vendors.vendors()


def throttles() -> tuple[ThrottleInfo, ...]:
    """What holds, by channel and scope; `most` 0: no limit."""
    return tuple(limits.all_of_them())


def _sent(row: Notification) -> SentInfo:
    (job,) = jobs.read([row.pk])
    beside = compose.listed(job)
    incidents = (job.incident_id, *(one.incident_id for one in beside))
    return SentInfo(
        row.pk,
        row.key,
        row.via,
        row.address,
        job.email,
        job.kind,
        job.call_out_id,
        tuple(dict.fromkeys(one for one in incidents if one)),
        (compose.headline(job, beside), *compose.lines(job, beside)),
    )


def local_mails(limit: int = 200) -> tuple[LocalMailInfo, ...]:
    """What the console twin wrote instead of sending, the newest first."""
    rows = LocalMail.objects.order_by("-at", "-id")[:limit]
    return tuple(LocalMailInfo(r.pk, r.at, r.to, r.subject, r.text, r.html) for r in rows)


def local_mail(mail_id: int) -> LocalMailInfo:
    row = LocalMail.objects.filter(pk=mail_id).first()
    if row is None:
        raise NotFound("mail", mail_id)
    return LocalMailInfo(row.pk, row.at, row.to, row.subject, row.text, row.html)


def workers(now: datetime) -> tuple[WorkerInfo, ...]:
    return tuple(
        WorkerInfo(r.pk, r.host, r.pid, r.started_at, r.heartbeat_at, r.heartbeat_at > now - ALIVE)
        for r in WorkerProcess.objects.order_by("started_at")
    )


def waiting(now: datetime) -> tuple[int, datetime | None]:
    """How many messages are due, and since when the oldest is: what the watchdog looks at."""
    due = Notification.objects.filter(state__in=_OPEN, due_at__lte=now)
    # A message that is being retried is not late: its way is shut, which is another alarm.
    fresh = due.filter(Q(state=NotificationState.PLANNED) | Q(claimed_at__lte=now - ALIVE))
    return due.count(), fresh.aggregate(oldest=Min("due_at"))["oldest"]


def method_of(row: ContactMethod) -> MethodInfo:
    disabled = (row.disabled_reason or "by its owner") if row.disabled_at else ""
    return MethodInfo(
        row.pk,
        row.type,
        row.address,
        row.verified_at is not None,
        disabled,
        row.position,
        row.from_file,
        why_not(row.type, verified=row.verified_at is not None, disabled=disabled),
        counts(row.type),
        row.config,
        channel.title if (channel := registry.channels.get(row.type)) else row.type,
        shown_address(row.type, row.address),
        row.code_expires_at if row.code and row.verified_at is None else None,
    )


def _pages(rows: Sequence[Page]) -> list[PageInfo]:
    sent: dict[int, list[Notification]] = defaultdict(list)
    for notification in Notification.objects.filter(page__in=rows).order_by("wanted_at", "id"):
        sent[notification.page_id].append(notification)
    trails: dict[int, list[AttemptInfo]] = defaultdict(list)
    for attempt in Attempt.objects.filter(notification__page__in=rows).order_by("at", "id"):
        info = AttemptInfo(attempt.at, attempt.result, attempt.detail, attempt.vendor)
        trails[attempt.notification_id].append(info)
    return [
        PageInfo(
            page.pk,
            page.call_out_id,
            page.user.email if page.user else "",
            str(page.user) if page.user else page.headline,
            MessageKind(page.kind),
            Urgency(page.urgency),
            page.step,
            page.reason,
            page.headline,
            page.started_at,
            page.ended_at,
            page.end_reason,
            tuple(_notification_of(row, trails[row.pk]) for row in sent[page.pk]),
            page.occasion,
            page.incident_id,
            page.generation,
        )
        for page in rows
    ]


def _notification_of(row: Notification, trail: Sequence[AttemptInfo]) -> NotificationInfo:
    return NotificationInfo(
        row.pk,
        row.via,
        shown_address(row.via, row.address),
        row.state,
        row.reason,
        row.due_at,
        row.sent_at,
        row.receipt,
        row.attempts,
        tuple(trail),
        row.hold,
        row.carried_by_id,
        row.vendor,
        row.ref,
        row.wanted_at,
    )
