"""The long tail of vendors, by the Apprise library: an address such as `discord://…` or `pover://…`.

An address of Apprise's holds its secrets, so it is one. The library says only whether it worked, and why in
its log: that is read for the receipt, and goes nowhere else. Most of these vendors know no idempotency key: a
message whose answer was lost may appear twice.
"""

import logging
import re
import threading
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any, Final

import apprise
from apprise import AppriseAsset, NotifyFormat, NotifyType, PersistentStoreMode
from apprise.plugins.base import NotifyBase

from tocsin.adapters.apprise import services
from tocsin.adapters.apprise.guard import guarded
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.notification.model import MessageKind
from tocsin.ports import receipts, wording
from tocsin.ports.channel import Abilities, FieldSpec, Message, Receipt, Result, StillWanted

VENDOR: Final = "apprise"
_LONGEST: Final = 500
_WAIT_S: Final = 8.0
_MOST_TITLE: Final = 250
_MOST_TEXT: Final = 3000
_CONNECT_S: Final = 3.0
_READ_S: Final = 4.0
_MOST_AT_ONCE: Final = 32
_STATUS: Final = re.compile(r"error=(\d{3})\b")
_SCHEMA: Final = re.compile(r"([a-z0-9]{1,20})://\S+", re.IGNORECASE)

_said: ContextVar[list[str] | None] = ContextVar("said", default=None)


class _Ear(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        heard = _said.get()
        if heard is not None:
            heard.append(record.getMessage())


# Its log names addresses with their secrets: nothing of it goes on to ours.
_log = logging.getLogger("apprise")
_log.handlers[:] = [_Ear(logging.INFO)]
_log.setLevel(logging.INFO)
_log.propagate = False


class AppriseChannel:
    type = "apprise"
    title = "Others (Apprise)"
    fields: Sequence[FieldSpec] = ()
    counts = True
    abilities = Abilities(rooms=True)
    address = FieldSpec(
        "address",
        "Apprise address",
        "Of Discord, Pushover, Gotify, Matrix, Signal and a hundred others, as in Apprise's documentation.",
        secret=True,
        placeholder="pover://user@token",
    )
    ready = ""

    def __init__(self) -> None:
        self._room = threading.BoundedSemaphore(_MOST_AT_ONCE)

    def check_address(self, address: str) -> str:
        address = address.strip()
        match = _SCHEMA.fullmatch(address)
        if match is None or len(address) > _LONGEST:
            raise Invalid(FieldError("address", "Expected an address such as pover://user@token."))
        schema = match[1].lower()
        if ours := services.INSTEAD.get(schema):
            raise Invalid(FieldError("address", f"Tocsin does that itself: choose “{ours}” instead."))
        if schema not in services.SCHEMAS:
            raise Invalid(FieldError("address", f"The service {schema}:// is not offered here."))
        if _made(address) is None:
            raise Invalid(FieldError("address", f"Apprise cannot read this {schema}:// address."))
        return address

    def send(self, message: Message, still_wanted: StillWanted) -> Receipt:
        try:
            service = _made(self.check_address(message.address))
        except Invalid as error:
            return receipts.refused(VENDOR, str(error))
        if service is None:  # it was readable a moment ago
            return receipts.refused(VENDOR, "Apprise cannot read the address")
        if not self._room.acquire(blocking=False):
            return receipts.later(VENDOR, "too many vendors behind Apprise are slow now", 5)
        if not still_wanted():
            self._room.release()
            return receipts.WITHDRAWN
        outcome: list[Receipt] = []
        thread = threading.Thread(target=self._hand_over, args=(service, message, outcome), daemon=True)
        thread.start()
        thread.join(_WAIT_S)
        if outcome:
            return outcome[0]
        return receipts.later(_vendor(service), f"{_name(service)} did not answer within {_WAIT_S:g} s")

    def _hand_over(self, service: NotifyBase, message: Message, outcome: list[Receipt]) -> None:
        heard: list[str] = []
        _said.set(heard)
        try:
            with guarded() as watch:
                done = service.notify(
                    title=wording.cut(wording.title(message), _MOST_TITLE),
                    body=_body(message, service.body_maxlen),
                    notify_type=_type(message),
                    body_format=NotifyFormat.TEXT,
                )
            outcome.append(_receipt(service, heard, watch.refused, done=bool(done)))
        except Exception as error:  # noqa: BLE001 - a hundred vendors' code, in a thread of its own
            detail = f"{_name(service)}: {type(error).__name__}"
            outcome.append(receipts.refused(_vendor(service), detail))
        finally:
            self._room.release()


def _made(address: str) -> NotifyBase | None:
    asset = AppriseAsset(
        app_id="Tocsin",
        app_desc="Tocsin",
        app_url="",
        async_mode=False,
        secure_logging=True,
        storage_mode=PersistentStoreMode.MEMORY,
        pgp_autogen=False,
        pem_autogen=False,
        http_redirects=False,
    )
    made: Any = apprise.Apprise.instantiate(address, asset=asset)
    if made is None:
        return None
    # Repeating is our queue's business, and how long it may take ours.
    made.retry, made.socket_connect_timeout, made.socket_read_timeout = 0, _CONNECT_S, _READ_S
    found: NotifyBase = made
    return found


def _body(message: Message, most: int) -> str:
    """Where a vendor takes little, words are cut and not links."""
    links = "\n".join(f"{action.label}: {action.url}" for action in message.actions)
    said = "\n".join(line for line in (*wording.body(message), wording.facts(message)) if line)
    said = wording.cut(said or wording.title(message), max(min(most, _MOST_TEXT) - len(links) - 1, 50))
    return f"{said}\n{links}".strip()


def _type(message: Message) -> NotifyType:
    if message.kind is MessageKind.RESOLVED:
        return NotifyType.SUCCESS
    return NotifyType.FAILURE if wording.pressing(message) else NotifyType.INFO


def _receipt(service: NotifyBase, heard: list[str], refused: list[str], *, done: bool) -> Receipt:
    vendor, name = _vendor(service), _name(service)
    if done:
        return receipts.sent(vendor, detail=f"{name} took it")
    if refused:
        return receipts.refused(vendor, refused[0])
    status = next((int(match[1]) for line in heard if (match := _STATUS.search(line))), 0)
    if status:
        receipt = receipts.by_status(vendor, status, f"{name} says HTTP {status}")
        if receipt.result is not Result.SENT:
            return receipt
    if any("connection error" in line.lower() for line in heard):
        return receipts.later(vendor, f"{name} cannot be reached")
    return receipts.refused(vendor, f"{name} did not take it")


def _name(service: NotifyBase) -> str:
    return str(service.service_name)


def _vendor(service: NotifyBase) -> str:
    """Vendors behind Apprise fare each for itself."""
    return f"apprise-{re.sub(r'[^a-z0-9]+', '-', _name(service).lower()).strip('-')}"[:32]
