"""How late do due steps fire, with 50,000 escalations open, and how busy is the database?
`python -m bench.timers`.

The call-outs are put into the database as if they had begun within the last quarter of an hour; the second
step of each is due at a known instant. Lateness is when that step called somebody, less when it was due. Then
a worker is killed, and PostgreSQL restarted.
"""

import argparse
import logging
import os
import random
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.numbers import HEADER, percentile, verdict
from tests.endtoend.harness import Installation, descendants
from tocsin.testing.mailbox import Mailbox

WAIT = timedelta(minutes=15)
PEOPLE = 50


def organisation() -> str:
    users = "".join(f"\n  - {{email: t{n}@example.com}}" for n in range(PEOPLE))
    return f"users:{users}\nservices: [{{name: timers}}]\n"


@contextmanager
def database(installation: Installation) -> Iterator[None]:
    """Django in this process, on the installation's database."""
    os.environ["TOCSIN_DATA_DIR"] = str(installation.data)
    from tocsin.config import bootstrap  # noqa: PLC0415 - settings are read from the line above

    bootstrap.setup()
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # the mailbox, which tells of every line
    yield
    from django.db import connections  # noqa: PLC0415 - as above

    connections.close_all()


def fill(open_call_outs: int) -> dict[int, datetime]:
    """When the second step of each call-out is due, by its id."""
    from tocsin.apps.catalog.models import Service  # noqa: PLC0415 - needs Django set up
    from tocsin.apps.escalation.models import CallOut  # noqa: PLC0415
    from tocsin.apps.incidents.models import Incident  # noqa: PLC0415
    from tocsin.domain.escalation import machine  # noqa: PLC0415
    from tocsin.domain.escalation.codec import dump  # noqa: PLC0415
    from tocsin.domain.escalation.model import (  # noqa: PLC0415
        CallOutKind,
        Person,
        Policy,
        Resolution,
        Snapshot,
        Step,
        Target,
        TargetKind,
    )
    from tocsin.domain.notification.model import Subject  # noqa: PLC0415
    from tocsin.domain.severity import Ladder, Severity, Urgency  # noqa: PLC0415

    chance = random.Random(7)
    service = Service.objects.get(name="timers")
    now = datetime.now(UTC)
    incidents = Incident.objects.bulk_create(
        [
            Incident(
                number=1_000_000 + number, title=f"timer {number}", service=service, severity="SEV2",
                initial_severity="SEV2", peak_severity="SEV2", urgency="high", status="investigating",
                opened_by="alert", detected_at=now, declared_at=now,
            )
            for number in range(open_call_outs)
        ],
        batch_size=2000,
    )  # fmt: skip
    first = 5 + open_call_outs / 1000  # nothing is due before all of it is there
    rows, due = [], []
    for incident in incidents:
        began = now - WAIT + timedelta(seconds=chance.uniform(first, WAIT.total_seconds()))
        person = Target(TargetKind.USER, f"t{chance.randrange(PEOPLE)}@example.com")
        policy = Policy("timers", (Step((person,), WAIT), Step((person,), WAIT)), repeat=20)
        snapshot = Snapshot(
            CallOutKind.SERVICE, policy, Severity.SEV2, Urgency.HIGH, Ladder.FULL, timedelta(days=30)
        )
        state = machine.begin(
            snapshot, lambda target: Resolution((Person(target.name, "named by address"),)), began
        ).state
        subject = Subject(incident.pk, f"INC-{incident.number}", incident.title, Severity.SEV2, "timers")
        rows.append(
            CallOut(
                incident_id=incident.pk, kind="service", label="timers", subject=dump(subject),
                snapshot=dump(snapshot), state=dump(state), status=state.status, due_at=state.due_at,
                created_at=began,
            )
        )  # fmt: skip
        due.append(began + WAIT)
    made = CallOut.objects.bulk_create(rows, batch_size=2000)
    return {row.pk: at for row, at in zip(made, due, strict=True)}


NEVER = datetime.max.replace(tzinfo=UTC)


def when(due: dict[int, datetime], since: datetime, until: datetime) -> dict[int, datetime]:
    """When each second step due within [since, until) called somebody; NEVER when it did not."""
    from django.db.models import Min  # noqa: PLC0415 - needs Django set up

    from tocsin.apps.escalation.models import Decision  # noqa: PLC0415 - as above

    fired = {pk: NEVER for pk, at in due.items() if since <= at < until}
    # Not the state: of an earlier pass it keeps each person's last call only.
    rows = Decision.objects.filter(call_out__in=list(fired), kind="called", step=2)
    fired.update(rows.values_list("call_out_id").annotate(Min("at")))
    return fired


def lateness(due: dict[int, datetime], since: datetime, until: datetime) -> list[float]:
    """Seconds, of every second step due within [since, until)."""
    return [(at - due[pk]).total_seconds() for pk, at in when(due, since, until).items()]


def watch(due: dict[int, datetime], seconds: float) -> list[float]:
    since = datetime.now(UTC)
    time.sleep(seconds)
    until = datetime.now(UTC)
    time.sleep(15)
    return lateness(due, since, until)


def database_cpu(installation: Installation) -> float:
    """Seconds that PostgreSQL has computed, its processes together; those that have ended are lost."""
    server = installation.child("postgres -D")
    assert server is not None
    ticks = 0
    for pid in (server, *descendants(server)):
        with suppress(OSError):  # it ended meanwhile
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def restart(installation: Installation, due: dict[int, datetime]) -> float:
    """Seconds from when PostgreSQL answers again until no step fires over a second late any more."""
    from django.db import DatabaseError, InterfaceError, connections  # noqa: PLC0415 - needs Django set up

    server = installation.child("postgres -D")
    assert server is not None
    began = datetime.now(UTC)
    os.kill(server, signal.SIGINT)
    time.sleep(0.5)
    while True:
        connections.close_all()
        try:
            connections["default"].ensure_connection()
            break
        except (DatabaseError, InterfaceError):
            time.sleep(0.05)
    answers = datetime.now(UTC)
    time.sleep(40)
    fired = when(due, began, answers + timedelta(seconds=25))
    late = [at for pk, at in fired.items() if (at - due[pk]).total_seconds() > 1]
    return max([0.0, *((at - answers).total_seconds() for at in late)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--open", type=int, default=50_000, help="how many escalations are open")
    parser.add_argument("--seconds", type=int, default=60, help="how long each part lasts")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, Mailbox() as mailbox:
        installation = Installation(Path(folder) / "data", {"TOCSIN_SMTP_URL": mailbox.url}).start()
        try:
            installation.apply(organisation())
            with database(installation):
                due = fill(arguments.open)
                time.sleep(max(0.0, (min(due.values()) - datetime.now(UTC)).total_seconds()))
                before, since = database_cpu(installation), time.monotonic()
                calm = watch(due, arguments.seconds)
                cores = (database_cpu(installation) - before) / (time.monotonic() - since)
                rows += [
                    verdict(f"{arguments.open:,} open: lateness p99", percentile(calm, 0.99), 1.0),
                    verdict(f"{arguments.open:,} open: lateness max", max(calm), 5.0),
                    verdict(f"{arguments.open:,} open: the database", cores, 1.0, "cores"),
                ]
                worker = installation.child("tocsin worker")
                assert worker is not None
                os.kill(worker, signal.SIGKILL)
                rows.append(verdict("a worker killed: lateness max", max(watch(due, 20)), 5.0))
                rows.append(
                    verdict("PostgreSQL restarted: normal again after", restart(installation, due), 15.0)
                )
        finally:
            installation.stop()
    print(HEADER, *rows, sep="\n")


if __name__ == "__main__":
    main()
