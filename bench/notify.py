"""The queue at its limits: `python -m bench.notify [PART ...]`; parts: planning, behind, vendor, pages.

planning: 10,000 messages through every stage of the queue, in one process, in CPU seconds.
behind:   a SEV1 is posted while 10,000 low-urgency messages wait, and its page's mail is looked for.
vendor:   1,000 people are called over one vendor that takes 20 ms for each, with its limits lifted.
pages:    500 open pages show an incident; it is acknowledged; each hears the new state, and fetches
          the rest of its row when it is asked to.

Everything shares the cores of one machine, the stand-ins and the readers too, so these are upper bounds.
The fifth promise, 50,000 open escalations, is `python -m bench.timers`.
"""

import argparse
import asyncio
import json
import logging
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from bench.numbers import HEADER, percentile, verdict
from bench.page import PEOPLE, Senders, key, name_in, organisation
from bench.timers import database
from tests.endtoend.harness import Installation, eventually
from tocsin.domain.notification import queue
from tocsin.domain.notification.model import MessageKind, Waiting
from tocsin.domain.notification.throttle import SHIPPED, History, throttle
from tocsin.testing.mailbox import Mailbox
from tocsin.testing.server import Call, Reply, Server

WAITING = 10_000
CALLED = 1_000
READERS = 500
LATENCY_S = 0.020
_FRAGMENT_AFTER_S = 0.150  # static/js/live.js lets changes gather so long


# ---- planning ----


def planning() -> list[str]:
    now = datetime.now(UTC)
    items = [
        Waiting(
            id=n, rank=n % 4, due_at=now, wanted_at=now, person=1 + n % 500, kind=MessageKind.PAGE,
            via=("sms", "voice", "email", "slack")[n // 4 % 4], address=f"to-{n % 500}", service=f"s{n % 40}",
            incident=n % 3000, page=n, says=f"call-out {n % 3000}",
        )
        for n in range(WAITING)
    ]  # fmt: skip
    began = time.process_time()
    left = queue.order(items, dict.fromkeys(range(250), now), {})
    left, merged = queue.merge(left)
    left, bundled = queue.bundle(left)
    leave, held = throttle(left, SHIPPED, History(), {}, now)
    took = time.process_time() - began
    parts = f"{len(leave)} leave, {len(merged)} merged, {len(bundled)} bundled, {len(held)} held"
    return [verdict(f"planning {WAITING:,} messages ({parts}), CPU", took, 1.0)]


# ---- a SEV1 behind a long queue ----


def behind() -> list[str]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, Mailbox() as mailbox:
        os.environ["TOCSIN_SMTP_URL"] = mailbox.url
        installation = Installation(Path(folder) / "data", {"TOCSIN_SMTP_URL": mailbox.url}).start()
        try:
            installation.apply(organisation())
            senders = Senders(installation.url)
            with database(installation):
                fill()
                waits = [one_page(senders, mailbox, n) for n in range(10)]
                left = still_waiting()
        finally:
            installation.stop()
    row = verdict(
        f"SEV1 behind {WAITING:,} low-urgency messages ({left:,} left at the end), max", max(waits), 1.0
    )
    return [row if left else f"MISSED: the queue was empty before the measurement ended ({row})"]


def fill() -> None:
    from tocsin.apps.notify import actions  # noqa: PLC0415 - needs Django set up
    from tocsin.apps.notify.types import Request  # noqa: PLC0415
    from tocsin.domain.notification.model import Subject  # noqa: PLC0415
    from tocsin.domain.severity import Severity, Urgency  # noqa: PLC0415

    requests = [
        Request(
            f"p{n % PEOPLE}@example.com",
            MessageKind.PAGE,
            Urgency.LOW,
            Subject(1_000_000 + n, f"INC-{1_000_000 + n}", f"low {n}", Severity.SEV4, f"bench{n % PEOPLE}"),
            "a long queue",
            call_out_id=1_000_000 + n,
            incident_id=1_000_000 + n,
            step=1,
        )
        for n in range(WAITING)
    ]
    actions.call_many(requests=requests, now=datetime.now(UTC))


def still_waiting() -> int:
    from tocsin.apps.notify.models import Notification  # noqa: PLC0415 - needs Django set up

    return Notification.objects.filter(state="planned", rank=2).count()


def one_page(senders: Senders, mailbox: Mailbox, number: int) -> float:
    """Seconds from POST to the mail of a SEV1."""
    name = f"bench-sev1-{number}"
    began = time.monotonic()
    senders.post(number, name, "SEV1")
    mail = mailbox.wait(lambda found: name_in(found) == name, 60)
    time.sleep(0.5)
    return mail.at - began


# ---- many recipients over one vendor ----


class Slow(Server):
    """An ntfy server that takes its time."""

    def handle(self, call: Call) -> Reply:
        time.sleep(LATENCY_S)
        return Reply(200, {"id": f"n{len(self.calls)}", "topic": call.json.get("topic", "")})


def cpu(pid: int) -> float:
    """Seconds that a process has computed."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def handed(slow: Slow) -> set[str]:
    return {str(call.json["topic"]) for call in list(slow.calls) if call.method == "POST"}


def vendor() -> list[str]:
    users = "".join(
        f"\n  - {{email: v{n}@example.com, contact_methods: [{{type: ntfy, address: topic-{n}}}]}}"
        for n in range(CALLED)
    )
    members = ", ".join(f"v{n}@example.com" for n in range(CALLED))
    text = (
        f"users:{users}\nteams: [{{name: all, members: [{members}]}}]\n"
        "escalation_policies: [{name: all, steps: [{notify: [{team: all}], wait: 1h}]}]\n"
        "services: [{name: all, escalation_policy: all}]\n"
        f"integrations: [{{name: all, kind: generic, service: all, key: '{key(0)}'}}]\n"
        "throttles: [{via: ntfy, per: vendor, most: 0}, {via: ntfy, per: contact, most: 0}]\n"
    )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, Slow() as slow:
        installation = Installation(Path(folder) / "data", {"TOCSIN_NTFY_URL": slow.url}).start()
        try:
            installation.apply(text)
            worker = installation.child("tocsin worker")
            assert worker is not None
            before, began = cpu(worker), time.monotonic()
            Senders(installation.url).post(0, "bench-everybody")
            eventually(lambda: len(handed(slow)) >= CALLED, 60)
            used = cpu(worker) - before
        finally:
            installation.stop()
        first, last = slow.calls[0].at, slow.calls[-1].at
    return [
        verdict(f"{CALLED:,} people called over a vendor of 20 ms: POST → all handed over", last - began, 10),
        f"| of that, from the first to the last message | {last - first:.3g} s | | | |",
        f"| the worker's CPU for it | {used:.3g} s | | | |",
    ]


# ---- open pages ----


def pages() -> list[str]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, Mailbox() as mailbox:
        installation = Installation(Path(folder) / "data", {"TOCSIN_SMTP_URL": mailbox.url}).start()
        try:
            installation.apply(organisation())
            senders = Senders(installation.url)
            senders.post(0, "bench-live")
            mailbox.wait(lambda found: name_in(found) == "bench-live", 30)
            (row,) = senders.api("GET", "incidents?limit=1")["items"]
            with database(installation):
                cookie = session()
            shown, fetched = asyncio.run(watch(senders, row["ref"], cookie))
        finally:
            installation.stop()
    return [
        verdict(f"an acknowledgement is shown on {READERS} open pages, max", max(shown), 1.0),
        f"| the rest of those rows, fetched in turn, p50 | {percentile(fetched, 0.5):.3g} s | | | |",
    ]


def session() -> str:
    from django.test import Client  # noqa: PLC0415 - needs Django set up

    from tocsin.apps.identity.models import User  # noqa: PLC0415

    client = Client()
    client.force_login(User.objects.filter(role="owner").earliest("id"))
    return "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())


async def watch(senders: Senders, ref: str, cookie: str) -> tuple[list[float], list[float]]:
    """Seconds from the acknowledgement's request until each reader has the new state, which it draws at once,
    and until it has fetched the rest, when the server asks it to.
    """
    address = urlsplit(senders.url)
    host, port = address.hostname or "", address.port or 0
    ready = asyncio.Semaphore(0)
    ticket = senders.api("POST", "stream/ticket", {})
    times: list[tuple[float, float]] = []

    async def read() -> None:
        reader, writer = await asyncio.open_connection(host, port)
        head = f"GET {ticket['url']} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n"
        writer.write(head.encode())
        while b"HTTP/1.1 200" not in await reader.readline():
            pass
        ready.release()
        while True:
            line = await reader.readline()
            if not line:
                raise RuntimeError("the stream ended")
            if ref.encode() in line and b'"acknowledged"' in line:
                break
        heard = time.monotonic()
        spread = json.loads(line.partition(b"data: ")[2]).get("spread", 0) / 1000
        await asyncio.sleep(_FRAGMENT_AFTER_S + random.random() * spread)
        while True:
            text = await fetch(host, port, f"/incidents/{ref}/row", cookie)
            if b"cknowledged" in text:
                break
            await asyncio.sleep(0.2)
        times.append((heard, time.monotonic()))
        writer.close()

    tasks = [asyncio.create_task(read()) for _ in range(READERS)]
    for _ in range(READERS):
        await asyncio.wait_for(ready.acquire(), 30)
    await asyncio.sleep(2)
    at = time.monotonic()
    await asyncio.to_thread(senders.api, "POST", f"incidents/{ref}/acknowledge", {})
    await asyncio.wait_for(asyncio.gather(*tasks), 60)
    return [max(0.0, one - at) for one, _ in times], [max(0.0, one - at) for _, one in times]


async def fetch(host: str, port: int, path: str, cookie: str) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    head = (
        f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: {cookie}\r\nX-Live: 1\r\n"
        "Connection: close\r\n\r\n"
    )
    writer.write(head.encode())
    text = await reader.read()
    writer.close()
    return text


PARTS: dict[str, Callable[[], list[str]]] = {
    "planning": planning,
    "behind": behind,
    "vendor": vendor,
    "pages": pages,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="all of them when none is named")
    arguments = parser.parse_args()
    # Stand-ins and readers share this process: a thread that has its answer must not wait long to see it.
    sys.setswitchinterval(0.0005)
    logging.disable(logging.INFO)  # of the mail server, which is in this process
    print(HEADER)
    for part in arguments.parts or PARTS:
        print(*PARTS[part](), sep="\n", flush=True)


if __name__ == "__main__":
    main()
