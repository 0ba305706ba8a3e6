"""From POST to SMTP hand-over: steadily, in a burst, and after an acknowledgement. `python -m bench.page`.

Everything is on one machine: the senders, the mail server and the whole platform share its cores, so these
are upper bounds.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

import httpx

from bench.numbers import HEADER, percentile, verdict
from tests.endtoend.harness import TOKEN, Installation
from tocsin.testing.mailbox import Mail, Mailbox

PEOPLE = 50


def key(number: int) -> str:
    return f"{number:032x}"


def organisation() -> str:
    people = range(PEOPLE)
    users = "".join(
        f"""
  - email: p{n}@example.com
    contact_methods: [{{type: email, address: p{n}@example.com}}]
    notification_rules: {{high: [{{after: 0m, via: email}}], low: [{{after: 0m, via: email}}]}}"""
        for n in people
    )
    policies = "".join(
        f"\n  - {{name: bench{n}, steps: [{{notify: [{{user: p{n}@example.com}}], wait: 1h}}]}}"
        for n in people
    )
    services = "".join(f"\n  - {{name: bench{n}, escalation_policy: bench{n}}}" for n in people)
    doors = "".join(
        f"\n  - {{name: bench{n}, kind: generic, service: bench{n}, key: '{key(n)}'}}" for n in people
    )
    return f"users:{users}\nescalation_policies:{policies}\nservices:{services}\nintegrations:{doors}\n"


class Senders:
    """Keeps when each dedup key was posted and how long the door took. Times are monotonic seconds."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.posted: dict[str, float] = {}
        self.door: list[float] = []
        self.client = httpx.AsyncClient(limits=httpx.Limits(max_connections=32), timeout=30)
        # A sender is busy with one request at a time; waiting for a free one is not the door's doing.
        self._free = asyncio.Semaphore(32)

    async def post(self, number: int, name: str) -> None:
        body = {"action": "trigger", "dedup_key": name, "summary": name, "severity": "SEV2"}
        async with self._free:
            began = time.monotonic()
            self.posted[name] = began
            answer = await self.client.post(f"{self.url}/ingest/generic/{key(number % PEOPLE)}", json=body)
            self.door.append(time.monotonic() - began)
        answer.raise_for_status()


def name_in(mail: Mail) -> str:
    return next((word for word in mail.subject.replace(":", " ").split() if word.startswith("bench-")), "")


async def steady(senders: Senders, mailbox: Mailbox, rate: int, seconds: int) -> list[str]:
    total = rate * seconds
    tasks = []
    began = time.monotonic()
    for number in range(total):
        await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        tasks.append(asyncio.create_task(senders.post(number, f"bench-steady-{number}")))
    await asyncio.gather(*tasks)
    arrived = await arrivals(mailbox, "bench-steady-", total, 30)
    waits = [at - senders.posted[name] for name, at in arrived.items()]
    if len(waits) < total:
        return [f"MISSED: {total - len(waits)} of {total} pages never arrived"]
    return [
        verdict(f"POST → SMTP, {rate}/s for {seconds} s, p50", percentile(waits, 0.5), 0.150),
        verdict(f"POST → SMTP, {rate}/s for {seconds} s, p99", percentile(waits, 0.99), 1.0),
    ]


async def burst(senders: Senders, mailbox: Mailbox, incidents: int) -> list[str]:
    senders.door.clear()
    began = time.monotonic()
    await asyncio.gather(*(senders.post(number, f"bench-burst-{number}") for number in range(incidents)))
    arrived = await arrivals(mailbox, "bench-burst-", incidents, 120)
    firsts: dict[int, float] = {}
    for name, at in arrived.items():
        person = int(name.rsplit("-", 1)[1]) % PEOPLE
        firsts[person] = min(firsts.get(person, at), at)
    slowest = max(firsts.values()) - began if len(firsts) == PEOPLE else float("inf")
    everything = max(arrived.values()) - began if len(arrived) == incidents else float("inf")
    return [
        verdict(f"burst of {incidents} for {PEOPLE} people: everyone's first page", slowest, 5.0),
        verdict("the door's p99 meanwhile", percentile(senders.door, 0.99), 0.100),
        f"| all {incidents} pages of the burst | {everything:.3g} s | | | |",
    ]


async def after_acknowledgement(senders: Senders, mailbox: Mailbox, incidents: int) -> list[str]:
    """Acknowledge while pages of a burst are still leaving: when does the last one of that incident leave?"""
    await asyncio.gather(*(senders.post(0, f"bench-ack-{number}") for number in range(incidents)))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    acknowledged: dict[str, float] = {}
    for _ in range(100):
        listing = await senders.client.get(
            f"{senders.url}/api/v1/incidents?service=bench0&limit=100&search=bench-ack", headers=headers
        )
        for row in listing.json()["items"]:
            if row["title"] not in acknowledged:
                path = f"{senders.url}/api/v1/incidents/{row['ref']}/acknowledge"
                (await senders.client.post(path, headers=headers, json={})).raise_for_status()
                acknowledged[row["title"]] = time.monotonic()
        if len(acknowledged) >= incidents:
            break
        await asyncio.sleep(0.05)
    await asyncio.sleep(5)
    late = [mail.at - acknowledged[name_in(mail)] for mail in mailbox.mails if name_in(mail) in acknowledged]
    return [verdict("acknowledged → last message of that incident", max([0.0, *late]), 1.0)]


async def arrivals(mailbox: Mailbox, prefix: str, total: int, seconds: float) -> dict[str, float]:
    end = time.monotonic() + seconds
    while True:
        found: dict[str, float] = {}
        for mail in list(mailbox.mails):
            name = name_in(mail)
            if name.startswith(prefix):
                found.setdefault(name, mail.at)
        if len(found) >= total or time.monotonic() > end:
            return found
        await asyncio.sleep(0.2)


async def measure(installation: Installation, mailbox: Mailbox, seconds: int) -> list[str]:
    senders = Senders(installation.url)
    rows = await steady(senders, mailbox, 20, seconds)
    rows += await burst(senders, mailbox, 1000)
    rows += await after_acknowledgement(senders, mailbox, 20)
    await senders.client.aclose()
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="how long the steady part lasts")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, Mailbox() as mailbox:
        installation = Installation(Path(folder) / "data", {"TOCSIN_SMTP_URL": mailbox.url}).start()
        try:
            installation.apply(organisation())
            rows = asyncio.run(measure(installation, mailbox, arguments.seconds))
        finally:
            installation.stop()
    print(HEADER, *rows, sep="\n")


if __name__ == "__main__":
    main()
