"""The settings of phone companies."""

import re
from dataclasses import dataclass
from typing import Final

from tocsin.lib.env import Env
from tocsin.ports.telephony import Account

_CARRIERS: Final = ("twilio", "plivo")
_NUMBER: Final = re.compile(r"\+[1-9]\d{6,14}")


@dataclass(frozen=True)
class Phones:
    """`order` is that in which the companies are tried."""

    twilio: Account
    plivo: Account
    order: tuple[str, ...]

    @property
    def numbers(self) -> tuple[str, ...]:
        """What calls and SMS come from: the contact that people keep."""
        accounts = (self.twilio, self.plivo)
        ours = (number for one in accounts for number in (one.voice_from, one.sms_from))
        return tuple(dict.fromkeys(number for number in ours if _NUMBER.fullmatch(number)))


def read(env: Env) -> Phones:
    return Phones(
        _account(env, "Twilio", "TOCSIN_TWILIO", "ACCOUNT_SID", "https://api.twilio.com"),
        _account(env, "Plivo", "TOCSIN_PLIVO", "AUTH_ID", "https://api.plivo.com"),
        _order(env),
    )


def _account(env: Env, vendor: str, prefix: str, name: str, api_url: str) -> Account:
    names = (f"{prefix}_{name}", f"{prefix}_AUTH_TOKEN", f"{prefix}_FROM")
    user, token, number = (env.text(one) for one in names)
    env.together(vendor, {names[0]: user, names[1]: token, names[2]: number})
    # Calls come from a number; where SMS come from a name or a service, it is to be given.
    calls = env.text(f"{prefix}_VOICE_FROM", number if number.startswith("+") else "")
    if calls and not _NUMBER.fullmatch(calls):
        env.problem("S013", f"{calls!r} of {prefix} is no phone number.", "Give it as +15551234567.")
    return Account(user, token, number, calls, env.url(f"{prefix}_API_URL", api_url))


def _order(env: Env) -> tuple[str, ...]:
    given = tuple(word for word in re.split(r"[,\s]+", env.text("TOCSIN_CARRIERS").lower()) if word)
    if set(given) - set(_CARRIERS):
        hint = f"Name them in the order to try them in: {', '.join(_CARRIERS)}."
        env.problem("S012", f"TOCSIN_CARRIERS is {', '.join(given)!r}.", hint)
    return tuple(dict.fromkeys((*(one for one in given if one in _CARRIERS), *_CARRIERS)))
