"""What `tocsin doctor` says of phone companies: whether they take us, and whether they reach us."""

from collections.abc import Iterator
from typing import Final

from tocsin.config.options import Options
from tocsin.config.telephones import back
from tocsin.lib import http
from tocsin.ports.telephony import Account

# (what, state, detail, hint), as a finding of the doctor's.
Line = tuple[str, str, str, str]
_PATHS: Final = {"twilio": "2010-04-01/Accounts/{}.json", "plivo": "v1/Account/{}/"}
_WORKS: Final = frozenset({"active", "standard", "developer"})


def look(options: Options) -> Iterator[Line]:
    phones = options.phones
    accounts = [(vendor, getattr(phones, vendor)) for vendor in phones.order]
    if not any(account.user for _, account in accounts):
        yield "phones", "skipped", "no phone company is set up: no SMS, no calls", ""
    for vendor, account in accounts:
        if account.user:
            yield _account(vendor, account, back(options, account), options.public_url)


def _account(vendor: str, account: Account, ours: str, public_url: str) -> Line:
    name = f"TOCSIN_{vendor.upper()}"
    try:
        with http.client(account.api_url, trusted=True) as client:
            answer = client.get(_PATHS[vendor].format(account.user), auth=(account.user, account.token))
            document = answer.json() if answer.ok else {}
    except http.HttpError as error:
        return vendor, "failed", str(error), f"Check the network and {name}_API_URL."
    if not answer.ok:
        return vendor, "failed", f"it says {answer.status}", f"Check the account and {name}_AUTH_TOKEN."
    state = document.get("status") or document.get("account_type") or "unknown"
    if state not in _WORKS:
        return vendor, "warning", f"the account is {state}", "Look at it in the company's console."
    if not ours:
        hint = "Set TOCSIN_PUBLIC_URL to an address that the internet reaches."
        return (
            vendor,
            "warning",
            f"it cannot reach {public_url}: no receipts, keys or replies come back",
            hint,
        )
    said = f"SMS from {account.sms_from}, calls from {account.voice_from or 'nowhere'}"
    return vendor, "fine", f"the account works; {said}", ""
