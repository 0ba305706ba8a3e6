"""A channel that keeps what it is given and fails as told."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tocsin.ports.channel import ADDRESS, PLAIN, Abilities, FieldSpec, Message, Receipt, Result, StillWanted


@dataclass
class FakeChannel:
    type: str = "email"
    title: str = "E-mail"
    fields: Sequence[FieldSpec] = ()
    counts: bool = True
    ready: str = ""
    abilities: Abilities = PLAIN
    address: FieldSpec = ADDRESS
    answers: list[Receipt] = field(default_factory=list)  # taken one by one; none left: sent
    sent: list[Message] = field(default_factory=list)

    def check_address(self, address: str) -> str:
        return address.strip()

    def send(self, message: Message, still_wanted: StillWanted) -> Receipt:
        if not still_wanted():
            return Receipt(Result.WITHDRAWN, "no longer wanted")
        if self.answers:
            receipt = self.answers.pop(0)
            if receipt.result is not Result.SENT:
                return receipt
        self.sent.append(message)
        return Receipt(Result.SENT, "250 OK", self.counts)

    @property
    def to(self) -> list[str]:
        return [message.address for message in self.sent]
