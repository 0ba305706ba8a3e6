"""From POST to SMTP hand-over: steadily, in a burst, and after an acknowledgement. `python -m bench.page`.

Everything is on one machine: the senders, the mail server and the whole platform share its cores, so these
are upper bounds.
"""

import argparse
import http.client
import json
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

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
    """32 threads, each with a connection of its own; as small as can be, since it is not what is measured.

    Keeps when each dedup key was posted and how long the door took. Times are monotonic seconds.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.posted: dict[str, float] = {}
        self.door: list[float] = []
        self._mine = threading.local()
        self.pool = ThreadPoolExecutor(32)

    def post(self, number: int, name: str, severity: str = "SEV2") -> None:
        body = {"action": "trigger", "dedup_key": name, "summary": name, "severity": severity}
        began = time.monotonic()
        self.posted[name] = began
        status, answer = self._ask("POST", f"/ingest/generic/{key(number % PEOPLE)}", body)
        self.door.append(time.monotonic() - began)
        if status != http.HTTPStatus.ACCEPTED:
            raise RuntimeError(f"{status}: {answer!r}")

    def api(self, method: str, path: str, body: object = None) -> Any:
        status, answer = self._ask(method, f"/api/v1/{path}", body, {"Authorization": f"Bearer {TOKEN}"})
        if status >= http.HTTPStatus.BAD_REQUEST:
            raise RuntimeError(f"{status}: {answer!r}")
        return json.loads(answer)

    def _ask(
        self, method: str, path: str, body: object, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        if not hasattr(self._mine, "line"):
            self._mine.line = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        line: http.client.HTTPConnection = self._mine.line
        line.request(method, path, json.dumps(body), {"Content-Type": "application/json", **(headers or {})})
        answer = line.getresponse()
        return answer.status, answer.read()


def name_in(mail: Mail) -> str:
    return next((word for word in mail.subject.replace(":", " ").split() if word.startswith("bench-")), "")


def steady(senders: Senders, mailbox: Mailbox, rate: int, seconds: int) -> list[str]:
    total = rate * seconds
    began = time.monotonic()
    tasks = []
    for number in range(total):
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        tasks.append(senders.pool.submit(senders.post, number, f"bench-steady-{number}"))
    wait(tasks)
    arrived = arrivals(mailbox, "bench-steady-", total, 30)
    waits = [at - senders.posted[name] for name, at in arrived.items()]
    if len(waits) < total:
        return [f"MISSED: {total - len(waits)} of {total} pages never arrived"]
    return [
        verdict(f"POST → SMTP, {rate}/s for {seconds} s, p50", percentile(waits, 0.5), 0.150),
        verdict(f"POST → SMTP, {rate}/s for {seconds} s, p99", percentile(waits, 0.99), 1.0),
    ]


def burst(senders: Senders, mailbox: Mailbox, incidents: int) -> list[str]:
    senders.door.clear()
    began = time.monotonic()
    wait([senders.pool.submit(senders.post, n, f"bench-burst-{n}") for n in range(incidents)])
    arrived = arrivals(mailbox, "bench-burst-", incidents, 120)
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


def after_acknowledgement(senders: Senders, mailbox: Mailbox, incidents: int) -> list[str]:
    """Acknowledge while pages of a burst are still leaving: when does the last one of that incident leave?"""
    wait([senders.pool.submit(senders.post, 0, f"bench-ack-{number}") for number in range(incidents)])
    acknowledged: dict[str, float] = {}
    for _ in range(100):
        for row in senders.api("GET", "incidents?service=bench0&limit=100&search=bench-ack")["items"]:
            if row["title"] not in acknowledged:
                senders.api("POST", f"incidents/{row['ref']}/acknowledge", {})
                acknowledged[row["title"]] = time.monotonic()
        if len(acknowledged) >= incidents:
            break
        time.sleep(0.05)
    time.sleep(5)
    late = [mail.at - acknowledged[name_in(mail)] for mail in mailbox.mails if name_in(mail) in acknowledged]
    return [verdict("acknowledged → last message of that incident", max([0.0, *late]), 1.0)]


def arrivals(mailbox: Mailbox, prefix: str, total: int, seconds: float) -> dict[str, float]:
    end = time.monotonic() + seconds
    while True:
        found: dict[str, float] = {}
        for mail in list(mailbox.mails):
            name = name_in(mail)
            if name.startswith(prefix):
                found.setdefault(name, mail.at)
        if len(found) >= total or time.monotonic() > end:
            return found
        time.sleep(0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="how long the steady part lasts")
    arguments = parser.parse_args()
    # Senders and mail server share this process: a thread that has its answer must not wait long to see it.
    sys.setswitchinterval(0.0005)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, Mailbox() as mailbox:
        installation = Installation(Path(folder) / "data", {"TOCSIN_SMTP_URL": mailbox.url}).start()
        try:
            installation.apply(organisation())
            senders = Senders(installation.url)
            rows = steady(senders, mailbox, 20, arguments.seconds)
            rows += burst(senders, mailbox, 1000)
            rows += after_acknowledgement(senders, mailbox, 20)
            senders.pool.shutdown()
        finally:
            installation.stop()
    print(HEADER, *rows, sep="\n")


if __name__ == "__main__":
    main()
