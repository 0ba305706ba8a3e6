"""Fetches and reads a calendar in a process of its own: whatever a stranger's server sends, and however long
its rules of repetition take, it is over within bounds of time and memory, and nobody's page waits for it.
"""

import json
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from types import FrameType
from typing import Any, Final

from tocsin.lib import http, ical
from tocsin.lib.log import Logger

MOST_BYTES: Final = 5 * 1024 * 1024
WITHIN_S: Final = 40.0
_ANSWER_S: Final = 15.0
_SERIES_S: Final = 2.0
_MEMORY: Final = 2 * 1024**3
_PATH: Final = re.compile(r"(\w+://[^/\s'\"]+)[^\s'\":]*")  # a secret calendar's secret is in its path
_PACKAGES: Final = Path(__file__).resolve().parents[2]

_log = Logger(__name__)


@dataclass(frozen=True)
class Fetched:
    """`reading` None: unchanged since `tag`."""

    reading: ical.Reading | None
    tag: str


class FailedError(Exception):
    """The text says what went wrong, in words somebody can act on."""


def fetch(url: str, tag: str, start: datetime, end: datetime, *, within_s: float = WITHIN_S) -> Fetched:
    """What happens between `start` and `end` by the calendar at `url`. Raises FailedError.

    `tag` is what an earlier answer gave: an unchanged calendar need not be sent again.
    """
    job = {"url": url, "tag": tag, "start": start.isoformat(), "end": end.isoformat(), **_policy()}
    try:
        done = _apart(json.dumps(job), within_s)
    except subprocess.TimeoutExpired:
        raise FailedError(
            f"The calendar could not be fetched and read within {within_s:g} s: its server is too slow, or "
            "it is too large."
        ) from None
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        _log.error(
            "reading a calendar broke off",
            status=done.returncode,
            said=done.stderr[-2000:],
        )
        raise FailedError("The calendar is too large, or made to be: reading it had to be stopped.") from None
    if "problem" in answer:
        raise FailedError(answer["problem"])
    return Fetched(_reading(answer["reading"]), answer["tag"])


def _apart(job: str, within_s: float) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-P", "-m", "tocsin.lib.icalfetch"],
        input=job,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=within_s,
        check=False,
        env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(_PACKAGES), "PYTHONUTF8": "1"},
        start_new_session=True,  # a Ctrl-C here is no fault of the calendar
    )


def _policy() -> dict[str, Any]:
    policy = http.policy()
    bundle = str(policy.ca_bundle) if policy.ca_bundle else ""
    return {"proxy": policy.proxy, "ca_bundle": bundle, "allow_private": policy.allow_private}


def _reading(form: dict[str, Any] | None) -> ical.Reading | None:
    if form is None:
        return None
    happenings = tuple(
        ical.Happening(
            **{
                **one,
                "attendees": tuple(one["attendees"]),
                "start": _moment(one["start"]),
                "end": _moment(one["end"]),
            }
        )
        for one in form["happenings"]
    )
    broken = tuple(
        ical.Broken(**{**one, "start": _moment(one["start"]) if one["start"] else None})
        for one in form["broken"]
    )
    return ical.Reading(happenings, broken)


def _moment(text: str) -> date:
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


# --- the process itself -------------------------------------------------------------------------------------


def work(text: str) -> str:
    """From the job to its answer, both JSON."""
    return json.dumps(_answer(json.loads(text)), default=lambda moment: moment.isoformat())


def _answer(job: dict[str, Any]) -> dict[str, Any]:
    bundle = Path(job["ca_bundle"]) if job["ca_bundle"] else None
    http.configure(job["proxy"], bundle, allow_private=job["allow_private"])
    headers = {"accept": "text/calendar, text/plain;q=0.5, */*;q=0.1", **_conditions(job["tag"])}
    try:
        with http.client() as client:
            answer = client.get(job["url"], headers=headers, timeout_s=_ANSWER_S, most_bytes=MOST_BYTES)
    except http.HttpError as error:
        return {"problem": _PATH.sub(r"\1/…", str(error))}
    if answer.status == 304 and job["tag"]:  # noqa: PLR2004 - Not Modified
        return {"reading": None, "tag": job["tag"]}
    if not answer.ok:
        return {"problem": _refused(answer.status)}
    start, end = datetime.fromisoformat(job["start"]), datetime.fromisoformat(job["end"])
    try:
        reading = ical.read(answer.body, start, end, _bounded)
    except ical.UnreadableError as error:
        return {"problem": str(error)}
    return {"reading": asdict(reading), "tag": _tag(answer)}


def _conditions(tag: str) -> dict[str, str]:
    kind, _, value = tag.partition(" ")
    return {"etag": {"if-none-match": value}, "modified": {"if-modified-since": value}}.get(kind, {})


def _tag(answer: http.Response) -> str:
    if etag := answer.headers.get("etag"):
        return f"etag {etag}"
    modified = answer.headers.get("last-modified")
    return f"modified {modified}" if modified else ""


def _refused(status: int) -> str:
    hint = {
        401: "the calendar is not public: use its secret address in iCal format.",
        403: "the calendar is not public: use its secret address in iCal format.",
        404: "there is no calendar at this address (any more): copy the address again.",
        410: "there is no calendar at this address any more: copy the address again.",
        429: "it was asked too often; it is asked again later.",
    }.get(status, "its server has a problem; it is asked again." if status >= 500 else "")  # noqa: PLR2004
    return f"The address answered {status}" + (f": {hint}" if hint else ".")


@contextmanager
def _bounded() -> Iterator[None]:
    """Two seconds of processor time for one series; its happenings are made while this is open."""
    signal.setitimer(signal.ITIMER_VIRTUAL, _SERIES_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _ring(_signal: int, _frame: FrameType | None) -> None:
    raise TimeoutError


def main() -> None:
    signal.signal(signal.SIGVTALRM, _ring)
    signal.alarm(int(WITHIN_S) + 5)  # should whoever asked be gone
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    sys.stdout.write(work(sys.stdin.read()))


if __name__ == "__main__":
    main()
