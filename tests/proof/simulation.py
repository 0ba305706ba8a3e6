"""A few hours of a company's night on a clock that we move: real code, a real database, chance, and faults.

Everything random comes from one seed, so that what fails can be played again.
"""

import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import time_machine
from django.db import OperationalError, connection
from django.db.models import Min

from tests.proof import promises
from tests.proof.company import WAYS, Company
from tests.proof.promises import BrokenPromiseError
from tests.proof.vendors import CONFIRMED_WITHIN, FakeChannel, Vendors
from tocsin.apps.configuration import actions as configuration
from tocsin.apps.escalation.models import CallOut
from tocsin.apps.identity import queries as identity
from tocsin.apps.incidents import actions, jobs
from tocsin.apps.incidents.models import Incident
from tocsin.apps.integrations.models import Event, Integration
from tocsin.apps.notify import actions as notify
from tocsin.apps.notify import delivery
from tocsin.apps.notify.models import Notification, NotificationState, Page
from tocsin.apps.notify.types import Job
from tocsin.apps.oncall import actions as oncall
from tocsin.domain.errors import TocsinError
from tocsin.domain.escalation.model import Target, TargetKind
from tocsin.domain.permissions import SYSTEM, Actor
from tocsin.domain.schedule.definition import OverrideDefinition
from tocsin.domain.severity import Severity
from tocsin.domain.signal import lane_of
from tocsin.entrypoints.worker import app
from tocsin.lib import clock
from tocsin.ports import registry
from tocsin.ports.channel import PLAIN, Abilities, Message, Receipt

PLAYED = timedelta(minutes=110)
CALM = timedelta(minutes=25)  # at the end nothing fails, so that all that is due can leave
TAKEN_OVER = timedelta(seconds=5)  # so long after a worker's death
LATENCY = timedelta(seconds=1)
_STEP = timedelta(milliseconds=200)
DEEDS = (
    *("acknowledge",) * 4,
    *("respond", "raise", "lower", "snooze", "unsnooze", "reassign", "escalate", "resolve"),
    *("override", "help", "accept", "decline", "reopen", "seen"),
)


@dataclass
class Simulation:
    seed: int
    calm: bool = False  # without faults
    chance: random.Random = field(init=False)
    company: Company = field(init=False)
    now: datetime = field(init=False)
    vendors: Vendors = field(init=False)
    story: list[str] = field(default_factory=list)
    agenda: list[tuple[datetime, int, Callable[[], None]]] = field(default_factory=list)
    asleep: list[tuple[datetime, datetime]] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)  # incidents that a person did something about
    policy_of: dict[int, str] = field(default_factory=dict)
    broken: list[BrokenPromiseError] = field(default_factory=list)
    due: datetime = field(init=False)  # when the worker has something to do next
    faulty: bool = False  # something failed in this round
    worker: int = 0
    faults: bool = True
    lost_s: float = 0.0  # that our own outages cost so far

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.company = Company(self.chance)
        self.now = self.company.began
        self.end = self.now + PLAYED
        self.due = self.now
        self.vendors = Vendors(self.chance, lambda: self.now, self.leaves)

    # ---- the run ----

    def run(self) -> None:
        with time_machine.travel(self.now, tick=False) as self.traveller:
            self.begin()
            while self.now < self.end + CALM:
                self.one()
            self.check_end()

    def begin(self) -> None:
        for way in WAYS:
            able = Abilities(receipts=CONFIRMED_WITHIN) if way == "sms" else PLAIN
            registry.channels[way] = FakeChannel(way, self.vendors, able)
        configuration.apply(actor=SYSTEM, files={"company.yaml": self.company.text}, now=self.now)
        for number in range(self.chance.randint(1, 5)):
            self.at(self.chance.uniform(0, 60), lambda number=number: self.trouble(number))  # type: ignore[misc]  # lambda with a default
        for _ in range(self.chance.randint(0, 12)):
            self.at(self.chance.uniform(1, 105), self.somebody_acts)
        if self.calm:
            return
        for _ in range(self.chance.randint(0, 2)):
            start = self.now + timedelta(minutes=self.chance.uniform(1, 90))
            long = self.chance.choice((0.1, 1, 4, 12))
            self.asleep.append((start, start + timedelta(minutes=long)))
        for way in self.chance.sample(WAYS, self.chance.randint(0, 2)):
            start = self.now + timedelta(minutes=self.chance.uniform(0, 80))
            lasts = timedelta(minutes=self.chance.choice((0.5, 3, 20)))
            self.vendors.down.setdefault(way, []).append((start, min(start + lasts, self.end)))
            self.tell(f"{way} is down from {start:%H:%M:%S} for {lasts}")

    def one(self) -> None:
        """Go to the next instant at which anything happens, and let it."""
        self.agenda.sort(key=lambda entry: entry[:2])
        planned = self.agenda[0][0] if self.agenda else self.end + CALM
        callback = min((at for at, _, _ in self.vendors.callbacks), default=planned)
        self.move(max(self.now + _STEP, min(self.due + _STEP, planned, callback)))
        if self.now >= self.end:
            self.faults = False
        while self.agenda and self.agenda[0][0] <= self.now:
            self.agenda.pop(0)[2]()
        self.hear_callbacks()
        for start, end in self.asleep:
            if start <= self.now < end:
                self.tell(f"the worker sleeps until {end:%H:%M:%S}")
                self.lost_s += (end - self.now).total_seconds()
                self.asleep.remove((start, end))
                self.sleep_until(end)
                break
        self.round()
        self.check_round()

    def sleep_until(self, end: datetime) -> None:
        """Nothing of ours works but the web: people go on acting, and vendors go on telling."""
        while True:
            self.agenda.sort(key=lambda entry: entry[:2])
            planned = self.agenda[0][0] if self.agenda else end
            told = min((at for at, _, _ in self.vendors.callbacks), default=end)
            if min(planned, told) >= end:
                break
            self.move(max(min(planned, told), self.now))
            self.hear_callbacks()
            if planned <= self.now:
                self.agenda.pop(0)[2]()
        self.move(end)
        self.hear_callbacks()

    def move(self, to: datetime) -> None:
        self.now = to
        self.traveller.move_to(to)

    def at(self, minutes: float, deed: Callable[[], None]) -> None:
        self.agenda.append((self.now + timedelta(minutes=minutes), len(self.agenda), deed))

    def next_due(self) -> datetime:
        """When the worker has something to do next."""
        steps = CallOut.objects.aggregate(at=Min("due_at"))["at"]
        messages = Notification.objects.filter(state=NotificationState.PLANNED).aggregate(at=Min("due_at"))[
            "at"
        ]
        receipts = Notification.objects.aggregate(at=Min("receipt_due_at"))["at"]
        held = Incident.objects.aggregate(at=Min("held_until"), opening=Min("raise_at"))
        waiting = self.now if Event.objects.filter(processed_at=None).exists() else None
        ahead = (steps, messages, receipts, held["at"], held["opening"], waiting)
        return min((at for at in ahead if at is not None), default=self.end + CALM)

    def tell(self, text: str) -> None:
        self.story.append(f"{self.now:%d %H:%M:%S} {text}")

    # ---- the worker ----

    def round(self) -> None:
        """What its loops do, until nothing is due; whatever fails is tried again, as the loops do."""
        for _ in range(60):
            self.faulty = False
            done = [
                self.work(lambda: bool(jobs.process_waiting(clock.now()))),
                self.work(lambda: app._escalation() == 0.0),
                self.work(lambda: bool(jobs.sweep(clock.now())) and False),
                self.work(lambda: bool(delivery.look_after_receipts(clock.now()))),
                self.deliver(),
            ]
            self.due = self.next_due()
            if not any(done) or (self.due > self.now and not self.faulty):
                return
        raise BrokenPromiseError("the worker never comes to rest")

    def work(self, step: Callable[[], bool]) -> bool:
        """Once; with a fault of the database it counts as work left to do."""
        try:
            with self.database():
                return step()
        except OperationalError:
            self.tell("the database went away")
            self.faulty = True
            return True

    @contextmanager
    def database(self) -> Iterator[None]:
        """It may go away at any statement: what was not committed is not there."""
        if self.calm or not self.faults or self.chance.random() > 0.04:
            yield
            return
        left = [self.chance.randint(1, 40)]

        def execute(run: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                raise OperationalError("the server closed the connection unexpectedly")
            return run(sql, params, many, context)

        with connection.execute_wrapper(execute):
            yield

    def deliver(self) -> bool:
        name = f"w{self.worker}"
        try:
            with self.database():
                claimed = delivery.claim(name, clock.now(), 24)
        except OperationalError:
            self.faulty = True
            return True
        if claimed and self.chance.random() < 0.2:
            # Somebody answers while it is on its way.
            self.somebody_acts(("acknowledge", "respond", "resolve", "snooze", "decline"))
        for number, job in enumerate(claimed):
            if not self.hand_over(job, name):
                self.dies(name, len(claimed) - number)
                return True
        return bool(claimed)

    def hand_over(self, job: Job, name: str) -> bool:
        """False: the worker was killed with it in hand."""
        if self.strikes(0.02):
            return False
        receipt = self.until_it_works(lambda: delivery.send(job, name))
        if self.strikes(0.02):
            self.vendors.may_repeat.add(job.key)  # it may have left, and nobody remembers
            return False
        self.until_it_works(lambda: delivery.keep(job, name, receipt))
        return True

    def until_it_works(self, deed: Callable[[], Any]) -> Receipt:
        for _ in range(50):
            try:
                with self.database():
                    made: Receipt = deed()
                    return made
            except OperationalError:
                continue
        raise BrokenPromiseError("it never works")

    def strikes(self, share: float) -> bool:
        return not self.calm and self.faults and self.chance.random() < share

    def dies(self, name: str, held: int) -> None:
        self.tell(f"the worker is killed with {held} messages in hand")
        self.worker += 1
        self.lost_s += TAKEN_OVER.total_seconds()

        def taken_over() -> None:
            mine = Notification.objects.filter(claimed_by=name, state=NotificationState.CLAIMED)
            mine.update(state=NotificationState.PLANNED, claimed_by="")

        self.agenda.append((self.now + TAKEN_OVER, len(self.agenda), taken_over))

    def hear_callbacks(self) -> None:
        over = [entry for entry in self.vendors.callbacks if entry[0] <= self.now]
        self.vendors.callbacks = [entry for entry in self.vendors.callbacks if entry[0] > self.now]
        for _, via, word in over:
            notify.progress(vendor=via, progress=word, now=self.now)

    # ---- what happens in the world ----

    def trouble(self, number: int) -> None:
        """A tool sends an alert; or a person declares an incident, or calls somebody directly."""
        how = self.chance.random()
        if how < 0.7:
            self.alert(number)
            return
        name = self.chance.choice(("web", "store"))
        try:
            with self.database():
                if how < 0.85:
                    severity = self.chance.choice(list(Severity))
                    title = f"Declared {number}"
                    actions.declare(actor=SYSTEM, title=title, service=name, severity=severity, now=self.now)
                else:
                    who = Target(TargetKind.USER, self.chance.choice(self.company.people))
                    actions.page(actor=SYSTEM, target=who, title=f"Come {number}", now=self.now)
                self.tell(f"declared or called by hand: {number}")
        except OperationalError:
            self.tell("the database went away before it was declared")

    def alert(self, number: int) -> None:
        of = self.chance.choice(("web", "store"))
        severity = self.chance.choice(("SEV1", "SEV2", "SEV2", "critical", "SEV3"))
        body = {
            "action": "trigger", "dedup_key": f"a{number}", "summary": f"Alert {number}",
            "severity": severity, "labels": {"of": of},
        }  # fmt: skip
        self.send(body)
        self.tell(f"alert {number} of {of}, {severity}")
        if self.chance.random() < 0.25:
            over = {"action": "resolve", "dedup_key": f"a{number}"}
            self.at(self.chance.uniform(0.5, 60), lambda: self.send(over))

    def send(self, body: dict[str, Any]) -> None:
        row = Integration.objects.get(name="tools")
        for envelope in registry.source("generic").envelope(json.dumps(body).encode()):
            Event.objects.create(
                event_id=f"{self.seed}-{self.now.timestamp()}",
                integration=row,
                action=envelope.action,
                dedup_key=envelope.dedup_key,
                lane=lane_of(row.pk, envelope.dedup_key),
                payload=envelope.payload,
                received_at=self.now,
            )

    def somebody_acts(self, deeds: tuple[str, ...] = DEEDS) -> None:
        rows = list(Incident.objects.filter(resolved_at=None).order_by("pk"))
        if not rows:
            return
        incident = self.chance.choice(rows)
        pages = Page.objects.filter(incident_id=incident.pk, user__isnull=False).order_by("pk")
        called = list(pages.values_list("user__email", flat=True))
        who = called if called and self.chance.random() < 0.8 else self.company.people
        actor = identity.actor_for_email(self.chance.choice(who))
        name = self.chance.choice(deeds)
        self.touched.add(incident.pk)
        self.tell(f"{actor.email}: {name} {incident.ref}")
        try:
            with self.database():
                self.act(name, actor, incident)
        except TocsinError as error:
            self.tell(f"  … refused: {error}")
        except OperationalError:
            self.tell("  … the database went away")

    def act(self, name: str, actor: Actor, incident: Incident) -> None:
        other = self.chance.choice(self.company.people)
        ref, now = incident.ref, self.now
        if name in {"raise", "lower"}:
            severity = Severity.SEV1 if name == "raise" else Severity.SEV3
            actions.set_severity(actor=SYSTEM, ref=ref, severity=severity, now=now)
        elif name == "snooze":
            until = now + timedelta(minutes=self.chance.randint(2, 40))
            actions.snooze(actor=SYSTEM, ref=ref, until=until, now=now)
        elif name == "reassign":
            actions.reassign(actor=SYSTEM, ref=ref, emails=[other], now=now)
        elif name == "help":
            actions.ask_help(actor=SYSTEM, ref=ref, target=Target(TargetKind.USER, other), text="", now=now)
        elif name == "override":
            span = OverrideDefinition(now, now + timedelta(minutes=self.chance.randint(5, 90)), user=other)
            schedule = self.chance.choice(("first", "second"))
            oncall.add_override(actor=SYSTEM, schedule=schedule, change=span, now=now)
        else:
            whose = SYSTEM if name in {"escalate", "resolve", "unsnooze"} else actor
            deeds: dict[str, Callable[..., object]] = {
                "acknowledge": actions.acknowledge, "respond": actions.respond, "seen": actions.seen,
                "unsnooze": actions.unsnooze, "escalate": actions.escalate, "resolve": actions.resolve,
                "reopen": actions.reopen, "accept": actions.accept_help, "decline": actions.decline_help,
            }  # fmt: skip
            deeds[name](actor=whose, ref=ref, now=now)

    # ---- the promises ----

    def leaves(self, message: Message) -> None:
        try:
            promises.nothing_leaves_after_the_acknowledgement(message)
        except BrokenPromiseError as error:
            self.broken.append(error)  # delivery outlives what a channel raises
        self.tell(f"{message.kind} to {message.address} about {message.subject.ref}")

    def check_round(self) -> None:
        if self.broken:
            raise self.broken[0]
        promises.nothing_due_is_left_undone(self.now)
        promises.whoever_waits_has_a_time(self.now)
        promises.the_last_step_is_reached_in_time(self)

    def check_end(self) -> None:
        if self.broken:
            raise self.broken[0]
        promises.no_key_came_twice(self)
        promises.every_message_has_an_end_and_a_reason(self)
        promises.whoever_was_called_was_told_or_it_says_why_not(self)
        promises.what_came_is_known_to_have_left(self)
