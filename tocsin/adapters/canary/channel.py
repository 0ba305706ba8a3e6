"""The twin that the canary flies to: a channel that writes down what came, and that nobody can choose."""

from collections.abc import Callable, Sequence

from tocsin.domain import canary
from tocsin.domain.errors import FieldError, Invalid
from tocsin.ports.channel import (
    ADDRESS,
    Abilities,
    FieldSpec,
    Message,
    Receipt,
    Result,
    StillWanted,
)


class CanaryChannel:
    type = canary.VIA
    title = "Canary"
    counts = True
    ready = ""
    fields: Sequence[FieldSpec] = ()
    abilities = Abilities(people=False, typed=False)
    address = ADDRESS

    def __init__(self, arrived: Callable[[str], None]) -> None:
        """`arrived` is told the title of what came, which is the name of the journey."""
        self._arrived = arrived

    def check_address(self, address: str) -> str:
        raise Invalid(FieldError("type", f"{address or 'nobody'} cannot be reached by the canary's channel"))

    def send(self, message: Message, still_wanted: StillWanted) -> Receipt:
        if not still_wanted():
            return Receipt(Result.WITHDRAWN, "no longer wanted")
        self._arrived(message.subject.title)
        return Receipt(Result.DELIVERED, "arrived")
