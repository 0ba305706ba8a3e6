"""The twin of e-mail where no SMTP server is set: mails go to the log and to the local outbox. They reach
nobody.
"""

import logging
from collections.abc import Callable, Sequence

from tocsin.domain.errors import FieldError, Invalid
from tocsin.ports.channel import ADDRESS, PLAIN, FieldSpec, Message, Receipt, Result, StillWanted

_log = logging.getLogger(__name__)

# (to, subject, text, html) → kept where people can look at it
Sink = Callable[[str, str, str, str], None]
# message → (subject, text, html): the same words that a mail would have
Words = Callable[[Message], tuple[str, str, str]]


class ConsoleChannel:
    """`type` is the channel it stands in for."""

    fields: Sequence[FieldSpec] = ()
    counts = False
    abilities = PLAIN
    address = ADDRESS

    def __init__(self, sink: Sink, words: Words, *, type_: str = "email", title: str = "E-mail") -> None:
        self._sink, self._words = sink, words
        self.type, self.title = type_, title

    @property
    def ready(self) -> str:
        return ""

    def check_address(self, address: str) -> str:
        address = address.strip().lower()
        name, _, domain = address.partition("@")
        if not name or not domain or any(c.isspace() for c in address):
            raise Invalid(FieldError("address", "Expected an e-mail address such as alice@example.com."))
        return address

    def send(self, message: Message, still_wanted: StillWanted) -> Receipt:
        subject, text, html = self._words(message)
        if not still_wanted():
            return Receipt(Result.WITHDRAWN, "no longer wanted")
        self._sink(message.address, subject, text, html)
        # The text holds links that act for their receiver: they belong in no log.
        _log.info("mail kept in the local outbox", extra={"to": message.address, "subject": subject})
        return Receipt(Result.SENT, "kept in the local outbox; it reached nobody", counts=False)
