"""The phones behind the stand-ins for phone companies, and the hands on them.

    with Twilio() as company:
        phone = company.phone("+15550100")
        phone.wait_call()          # until it rings and is answered
        phone.press("1")           # what is said then
        phone.texts                # SMS that came in, the latest last
        phone.reply("ack 12")      # the SMS in answer, "" for none
        phone.manner = Manner.NEVER      # from now on nobody picks up

`/` shows the calls and texts in a browser, with keys to press; `POST /phone/<number>/press` with `digit`, and
`POST /phone/<number>/reply` with `text`, do the same for programs.
"""

import contextlib
import html
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import quote, unquote
from xml.etree import ElementTree as ET  # of our own answers only

import click

from tocsin.lib import clock, http
from tocsin.testing.server import Call, Reply, Server

_SPEECH = ("Say", "Speak")
_QUESTIONS = ("Gather", "GetInput")
_IN_TURN_S = 1.0  # callbacks of one message come one after the other, but for those that are played late
_STYLE = """<meta name=viewport content="width=device-width"><meta name=color-scheme content="light dark">
<style>body{font:16px/1.5 system-ui;max-width:44rem;margin:2rem auto;padding:0 1rem}li{overflow-wrap:anywhere}
button{min-width:44px;min-height:44px}input{min-height:40px}</style>"""
_KEYS = ("1", "2", "3", "4")


class Manner(StrEnum):
    """What a phone does when it rings, or when a text comes."""

    PERSON = "person"  # answers, listens, and waits for a key to be pressed
    MACHINE = "machine"  # a voice mailbox answers
    NEVER = "never"  # rings until the company gives up; texts are never reported as delivered
    BUSY = "busy"
    GONE = "gone"  # the number is nobody's any more: accepted, and fails afterwards


@dataclass
class Text:
    sid: str
    to: str
    from_: str
    body: str
    status: str = "queued"
    error: str = ""
    back: str = ""


@dataclass
class Ring:
    """One call. `said`: what the phone heard, sentence by sentence; `keys`: where a pressed key goes."""

    sid: str
    to: str
    from_: str
    options: Mapping[str, Any]
    status: str = "queued"
    said: list[str] = field(default_factory=list)
    pressed: list[str] = field(default_factory=list)
    keys: str = ""

    @property
    def live(self) -> bool:
        return self.status == "in-progress"


@dataclass(frozen=True)
class Heard:
    """What one document of ours says and asks."""

    said: tuple[str, ...]
    keys: str
    over: bool  # it hangs up, or asks nothing
    message: str = ""


def heard(document: str) -> Heard:
    root = ET.fromstring(document)  # noqa: S314 - what our own Tocsin answered
    said = tuple(part.text or "" for part in root.iter() if part.tag in _SPEECH)
    keys = next((part.get("action", "") for part in root.iter() if part.tag in _QUESTIONS), "")
    texts = [part.text or "" for part in root.iter("Message")]
    return Heard(said, keys, not keys, texts[0] if texts else "")


class Phone:
    def __init__(self, exchange: "Exchange", number: str) -> None:
        self.number = number
        self.manner = Manner.PERSON
        self._exchange = exchange

    @property
    def texts(self) -> list[str]:
        """What it received: our messages, and answers to its own."""
        return [
            one.body for one in self._exchange.texts if one.to == self.number and one.status == "delivered"
        ]

    @property
    def calls(self) -> list[Ring]:
        return [ring for ring in self._exchange.rings if ring.to == self.number]

    @property
    def call(self) -> Ring | None:
        """The one on the line, after its first words."""
        return next((ring for ring in reversed(self.calls) if ring.live and ring.said), None)

    def wait_call(self, seconds: float = 20) -> Ring:
        found: Ring = self._exchange.wait(lambda: self.call, seconds)
        return found

    def wait_text(self, part: str = "", seconds: float = 20) -> str:
        """The latest text that holds `part`."""
        found: list[str] = self._exchange.wait(lambda: [one for one in self.texts if part in one], seconds)
        return found[-1]

    def press(self, digit: str) -> str:
        """Presses a key in the call on the line; what is said after that."""
        ring = self.call
        if ring is None:
            raise LookupError(f"{self.number} has no call on the line")
        return self._exchange.pressed(ring, digit)

    def hang_up(self) -> None:
        if ring := self.call:
            self._exchange.ended(ring, "completed")

    def reply(self, text: str) -> str:
        """Sends a text to us; the one that comes back, "" for none."""
        said = self._exchange.written(self, text)
        if said:
            self._exchange.texts.append(Text("", self.number, self._exchange.number, said, "delivered"))
            self._exchange.news()
        return said


class Exchange(Server):
    """Base of the companies: phones, calls, and a page to play them on. `tocsin`: where we are to be told of
    texts that people write.
    """

    number = "+15550000001"
    title = ""

    def __init__(self, port: int = 0, tocsin: str = "") -> None:
        super().__init__(port)
        self.tocsin = tocsin
        self.rings_s = 0.0
        self.texts: list[Text] = []
        self.rings: list[Ring] = []
        self._phones: dict[str, Phone] = {}
        self._threads: list[threading.Thread] = []

    def phone(self, number: str) -> Phone:
        return self._phones.setdefault(number, Phone(self, number))

    def settled(self, seconds: float = 10) -> None:
        """Until everything that is under way was told."""
        for thread in list(self._threads):
            thread.join(seconds)

    # ---- what a company does in its own words ----

    def tell_text(self, text: Text) -> None:
        raise NotImplementedError

    def tell_ring(self, ring: Ring) -> None:
        raise NotImplementedError

    def tell_machine(self, ring: Ring, *, machine: bool) -> None:
        raise NotImplementedError

    def document(self, ring: Ring) -> str:
        raise NotImplementedError

    def pressed_document(self, ring: Ring, digit: str) -> str:
        raise NotImplementedError

    def written_document(self, phone: Phone, text: str) -> str:
        raise NotImplementedError

    # ---- texts and calls on their way ----

    def deliver(self, text: Text) -> None:
        self.texts.append(text)
        self._later(self._deliver, text)

    def dial(self, ring: Ring) -> None:
        self.rings.append(ring)
        self._later(self._dial, ring)

    def pressed(self, ring: Ring, digit: str) -> str:
        ring.pressed.append(digit)
        return " ".join(self._hear(ring, self.pressed_document(ring, digit)))

    def written(self, phone: Phone, text: str) -> str:
        document = self.written_document(phone, text)
        return heard(document).message if document else ""

    def ended(self, ring: Ring, status: str) -> None:
        ring.status = status
        self.news()
        self.tell_ring(ring)

    def in_turn(self, thread: threading.Thread) -> None:
        thread.join(_IN_TURN_S)

    def ask(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> str:
        """POSTs and gives the body of the answer; RuntimeError for anything but success."""
        with http.client(trusted=True) as client:
            answer = client.post(url, data=form, headers=headers)
        self.returned.append((url, answer.status))
        if not answer.ok:
            raise RuntimeError(f"{url} answered {answer.status}: {answer.text[:200]}")
        return answer.text

    def _later(self, work: Any, *given: Any) -> None:
        def run() -> None:
            # Whoever we tell may be gone by now; a company does not mind.
            with contextlib.suppress(http.HttpError, RuntimeError):
                work(*given)
            self.news()

        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _deliver(self, text: Text) -> None:
        manner = self.phone(text.to).manner
        self._moved(text, "sent")
        if manner is Manner.GONE:
            self._moved(text, "undelivered", "30005")
        elif manner is not Manner.NEVER:
            self._moved(text, "delivered")

    def _moved(self, text: Text, status: str, error: str = "") -> None:
        text.status, text.error = status, error
        self.news()
        if text.back:
            self.tell_text(text)

    def _dial(self, ring: Ring) -> None:
        manner = self.phone(ring.to).manner
        for status in ("initiated", "ringing"):
            self.ended(ring, status)
        endings = {Manner.BUSY: "busy", Manner.GONE: "failed", Manner.NEVER: "no-answer"}
        if manner in endings:
            clock.sleep(self.rings_s)
            self.ended(ring, endings[manner])
            return
        ring.status = "in-progress"
        self.tell_ring(ring)
        self._hear(ring, self.document(ring))
        self.tell_machine(ring, machine=manner is Manner.MACHINE)
        if manner is Manner.MACHINE:
            self.ended(ring, "completed")

    def _hear(self, ring: Ring, document: str) -> tuple[str, ...]:
        got = heard(document)
        ring.said += got.said
        ring.keys = got.keys or ring.keys
        if got.over:
            self.ended(ring, "completed")
        self.news()
        return got.said

    # ---- by hand ----

    def by_hand(self, call: Call) -> Reply | None:
        """The page, and what its buttons do; None for a request that is the company's own."""
        if call.path == "/" and call.method == "GET":
            return Reply(200, self._page(), content_type="text/html; charset=utf-8")
        if not call.path.startswith("/phone/") or call.method != "POST":
            return None
        number, _, deed = call.path.removeprefix("/phone/").rpartition("/")
        phone = self.phone(unquote(number))
        try:
            if deed == "press":
                said = phone.press(str(call.fields.get("digit", "")))
            else:
                said = phone.reply(str(call.fields.get("text", "")))
        except (LookupError, RuntimeError) as error:
            return Reply(409, {"error": str(error)})
        if "text/html" in call.headers.get("accept", ""):
            return Reply(303, "", {"location": "/"})
        return Reply(200, {"said": said})

    def _page(self) -> str:
        head = f"<!doctype html><html lang=en><meta charset=utf-8><title>{self.title}</title>{_STYLE}"
        rows = "".join(self._rows())
        empty = "<p>Nothing has come in yet. Reload to look again.</p>"
        return f"{head}<h1>{self.title}: phones</h1>{rows or empty}</html>"

    def _rows(self) -> Iterator[str]:
        for number in dict.fromkeys([ring.to for ring in self.rings] + [text.to for text in self.texts]):
            phone, where = self.phone(number), f"/phone/{quote(number)}"
            yield f"<h2>{html.escape(number)}</h2><ol>"
            for ring in phone.calls:
                said = html.escape(" ".join(ring.said))
                yield f"<li>Call, {html.escape(ring.status)}: {said}</li>"
            for text in phone.texts:
                yield f"<li>SMS: {html.escape(text)}</li>"
            yield "</ol>"
            if phone.call:
                keys = "".join(f"<button name=digit value={one}>{one}</button> " for one in _KEYS)
                yield f"<form method=post action='{where}/press'>Press {keys}</form>"
            yield f"<form method=post action='{where}/reply'><label>Reply <input name=text></label>"
            yield " <button>Send</button></form>"


def listed(values: Mapping[str, str]) -> str:
    """As lines for a shell."""
    return "\n".join(f"export {name}={json.dumps(value)}" for name, value in values.items())


def rehearse(exchange: Exchange, environment: Mapping[str, str]) -> None:
    """For `python -m tocsin.testing.<company>`: what to set, and where to press keys; until Ctrl-C."""
    click.echo(f"{exchange.title} listens. Start Tocsin with\n\n{listed(environment)}\n")
    click.echo(f"and look at {exchange.url} for calls and texts.")
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            clock.sleep(1)
