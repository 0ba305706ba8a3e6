"""SMS and voice calls, over whichever carrier is well: the first that takes the message.

A carrier that fails hands the same message on to the next one at once. Neither vendor knows idempotency keys:
after a time-out nobody can say whether a message left, so that the next carrier may say it again. A vendor's
first word of it carries our key, by which a message that had left after all is not tried again.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from tocsin.adapters.phone import words
from tocsin.domain.errors import FieldError, Invalid
from tocsin.ports.channel import Abilities, FieldSpec, Message, Receipt, Result, StillWanted
from tocsin.ports.telephony import Carrier

_E164: Final = re.compile(r"\+[1-9]\d{6,14}")
_SEPARATORS: Final = re.compile(r"[\s().\-/\u00a0]")
_SMS_SOON: Final = timedelta(seconds=60)
_CALL_SOON: Final = timedelta(seconds=45)  # rings for 30
_TAKEN: Final = frozenset({Result.SENT, Result.DELIVERED})

Handed = Callable[[Carrier], Receipt]


class _Phone:
    fields: Sequence[FieldSpec] = ()
    counts = True
    address = FieldSpec(
        "address",
        "Phone number",
        "With the country's code, such as +49 151 23456789.",
        kind="tel",
        placeholder="+15551234567",
    )

    def __init__(self, carriers: Sequence[Carrier], numbers: Sequence[str], soon: timedelta) -> None:
        """`numbers`: what each carrier sends from, "" for none."""
        self._carriers = [one for one, number in zip(carriers, numbers, strict=True) if number]
        hears = bool(self._carriers) and all(one.hears for one in self._carriers)
        self.abilities = Abilities(receipts=soon if hears else None, answers=hears)

    @property
    def ready(self) -> str:
        if not self._carriers:
            return (
                "no phone company is set up: TOCSIN_TWILIO_ACCOUNT_SID, _AUTH_TOKEN and _FROM"
                " (or the same of TOCSIN_PLIVO) are missing"
            )
        problems = [one.ready for one in self._carriers]
        return "" if not all(problems) else problems[0]

    def check_address(self, address: str) -> str:
        return check_number(address)

    def _hand_over(self, message: Message, still_wanted: StillWanted, handed: Handed) -> Receipt:
        """To the first carrier that takes it. Only what is wrong with the number stops at once."""
        tried: list[Receipt] = []
        for carrier in self._carriers:
            if carrier.ready or carrier.vendor in message.avoid:
                continue
            if not still_wanted():
                return Receipt(Result.WITHDRAWN, "no longer wanted")
            receipt = handed(carrier)
            if receipt.result in _TAKEN or receipt.bounced:
                return _with(receipt, tried)
            tried.append(receipt)
        return _all_failed(tried, message.avoid)


class SmsChannel(_Phone):
    type = "sms"
    title = "SMS"

    def __init__(self, carriers: Sequence[Carrier]) -> None:
        super().__init__(carriers, [one.sms_from for one in carriers], _SMS_SOON)
        answers = bool(self._carriers) and all(map(_answerable, self._carriers))
        self.abilities = replace(self.abilities, answers=answers)

    def send(self, message: Message, still_wanted: StillWanted) -> Receipt:
        def handed(carrier: Carrier) -> Receipt:
            said = words.text(message, replies=_answerable(carrier))
            return carrier.text(message.key, message.address, said)

        return self._hand_over(message, still_wanted, handed)


class VoiceChannel(_Phone):
    type = "voice"
    title = "Phone call"

    def __init__(self, carriers: Sequence[Carrier]) -> None:
        super().__init__(carriers, [one.voice_from for one in carriers], _CALL_SOON)

    def send(self, message: Message, still_wanted: StillWanted) -> Receipt:
        said = words.script(message)
        return self._hand_over(
            message, still_wanted, lambda carrier: carrier.call(message.key, message.address, said)
        )


def _answerable(carrier: Carrier) -> bool:
    """Whether a reply to its SMS reaches us: not to a sender's name, and not while it cannot call us."""
    sender = carrier.sms_from
    return carrier.hears and (sender.startswith(("+", "MG")) or sender.isdecimal())


def check_number(address: str) -> str:
    """E.164: +, the country's code, the number; separators are left out. Raises Invalid."""
    number = _SEPARATORS.sub("", address.strip())
    if number.startswith("00"):
        number = f"+{number[2:]}"
    if _E164.fullmatch(number):
        return number
    if number.isdigit():
        hint = "Begin with + and the country's code, such as +49 151 23456789 (in the US: +1 555 123 4567)."
    else:
        hint = "Expected a phone number such as +49 151 23456789."
    raise Invalid(FieldError("address", hint))


def _with(receipt: Receipt, tried: Sequence[Receipt]) -> Receipt:
    """The trail says who had failed before."""
    detail = "; ".join((*map(_said, tried), receipt.detail))
    return replace(receipt, detail=detail, before=_at_fault(tried))


def _all_failed(tried: Sequence[Receipt], avoided: Sequence[str]) -> Receipt:
    if not tried:
        why = f"tried: {', '.join(avoided)}" if avoided else "none is set up"
        return Receipt(Result.FAILED, f"no other phone company is left ({why})")
    waits = [one for one in tried if one.result is Result.RETRY]
    retries = [one.retry_after_s for one in waits if one.retry_after_s is not None]
    return Receipt(
        Result.RETRY if waits else Result.FAILED,
        "; ".join(map(_said, tried)),
        retry_after_s=min(retries) if len(retries) == len(tried) else None,
        vendor=tried[-1].vendor,
        theirs=all(one.theirs for one in tried),
        before=_at_fault(tried[:-1]),
    )


def _said(receipt: Receipt) -> str:
    return f"{receipt.vendor}: {receipt.detail}"


def _at_fault(tried: Sequence[Receipt]) -> tuple[tuple[str, str], ...]:
    return tuple((one.vendor, one.detail) for one in tried if not one.theirs)
