"""A company with one rota, three people at the doors, and a server of calendars with faults."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tocsin.apps.identity import actions as identity
from tocsin.apps.identity import queries as people
from tocsin.apps.identity.models import User, UserState
from tocsin.apps.oncall import actions
from tocsin.domain.configuration import load
from tocsin.domain.permissions import SYSTEM, Actor, Role
from tocsin.lib import icalfetch

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)  # a Wednesday
NAMES = {"ann": "Ann Lee", "ben": "Ben Okafor", "cem": "Cem Öztürk", "dee": "Dee, of the Late Shift"}
TEXT = """
rotations:
  - {name: days, type: daily, handoff_time: '09:00', timezone: Europe/Berlin,
     participants: [ann@x.org, ben@x.org]}
  - {name: weeks, type: weekly, handoff_time: '10:00', handoff_day: mon, timezone: America/New_York,
     participants: [cem@x.org, ben@x.org, ann@x.org], role: secondary}
schedules:
  - {name: web, team: web, timezone: Europe/Berlin, layers: [days, weeks]}
"""


def define(text: str, now: datetime = NOW) -> None:
    made = load({"f": text}).organisation
    actions.save_rotations(actor=SYSTEM, definitions=made.rotations.values(), now=now)
    for definition in made.schedules.values():
        actions.save_schedule(actor=SYSTEM, definition=definition, now=now)


@pytest.fixture
def company(db: None) -> None:
    for word, name in NAMES.items():
        made = identity.invite_user(actor=SYSTEM, email=f"{word}@x.org", name=name, now=NOW)
        User.objects.filter(pk=made.id).update(state=UserState.ACTIVE, timezone="Europe/Berlin")
    identity.create_team(actor=SYSTEM, form=identity.TeamForm("web", members=("ann@x.org",)), now=NOW)
    define(TEXT)


@pytest.fixture
def owner(company: None) -> Actor:
    made = identity.invite_user(actor=SYSTEM, email="owner@x.org", role=Role.OWNER, now=NOW)
    return people.actor_for(made.id)


@pytest.fixture
def mate(company: None) -> Actor:
    return people.actor_for_email("ann@x.org")


@pytest.fixture
def stranger(company: None) -> Actor:
    made = identity.invite_user(actor=SYSTEM, email="stranger@x.org", role=Role.OBSERVER, now=NOW)
    return people.actor_for(made.id)


def event(summary: str, start: str, end: str, *more: str, uid: str = "") -> str:
    """`start` and `end` as in iCalendar; eight digits are days."""
    times = [
        f"{name};VALUE=DATE:{text}" if len(text) == 8 else f"{name}:{text}"
        for name, text in (("DTSTART", start), ("DTEND", end))
    ]
    return "\r\n".join(
        ["BEGIN:VEVENT", f"UID:{uid or summary}", *times, f"SUMMARY:{summary}", *more, "END:VEVENT"]
    )


def text_of(*events: str) -> str:
    return "\r\n".join(
        ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//tests//EN", *events, "END:VCALENDAR", ""]
    )


@dataclass
class CalendarServer:
    """Answers every path with `body`, in the way that `fault` says."""

    body: bytes = b""
    fault: str = ""
    etag: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)
    before: Callable[[], object] = lambda: None
    url: str = ""

    def serve(self, *events: str) -> None:
        self.body, self.fault = text_of(*events).encode(), ""


class _Handler(BaseHTTPRequestHandler):
    serves: CalendarServer

    def do_GET(self) -> None:
        server = self.serves
        server.asked.append({name.lower(): value for name, value in self.headers.items()})
        server.before()
        if server.fault.isdigit():
            self._answer(int(server.fault), b"no")
        elif server.fault == "elsewhere":
            self._answer(302, b"", location="http://127.0.0.2:9/other.ics")
        elif server.fault == "moved" and self.path != "/moved.ics":
            self._answer(302, b"", location="/moved.ics")
        elif server.fault == "endless":
            self._endless()
        elif server.fault == "cut":
            self._answer(200, server.body[:-40])
        elif server.etag and self.headers.get("If-None-Match") == server.etag:
            self._answer(304, b"")
        else:
            self._answer(200, server.body, **({"etag": server.etag} if server.etag else {}))

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.serves.answered.append(status)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            self.wfile.write(b"BEGIN:VCALENDAR\r\n")
            while True:
                self.wfile.write(b"X-NOISE:" + b"x" * 65_000 + b"\r\n")
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[CalendarServer]:
    serves = CalendarServer()
    handler = type("Handler", (_Handler,), {"serves": serves})
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, args=(0.05,))
    thread.start()
    serves.url = f"http://127.0.0.1:{http.server_port}/private-secret/basic.ics"
    try:
        yield serves
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


@pytest.fixture
def server() -> Iterator[CalendarServer]:
    with serving() as serves:
        yield serves


@pytest.fixture
def at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calendars are read in this process, which takes a tenth of the time."""

    def run(job: str, _within_s: float) -> "subprocess.CompletedProcess[str]":
        return subprocess.CompletedProcess([], 0, icalfetch.work(job), "")

    monkeypatch.setattr(icalfetch, "_apart", run)
