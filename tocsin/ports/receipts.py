"""Receipts that every channel over HTTP gives in the same case."""

from typing import Final

from tocsin.ports.channel import Receipt, Result

WITHDRAWN: Final = Receipt(Result.WITHDRAWN, "no longer wanted")
_AGAIN: Final = frozenset({408, 425, 429})
_REDIRECT: Final = 300
_SERVER_ERROR: Final = 500
_LONGEST: Final = 300


def unanswered(error: Exception, vendor: str, *, refused: bool) -> Receipt:
    """No answer came. `refused`: we may not call that address, which trying again does not change."""
    detail = str(error)[:_LONGEST]
    if refused:
        return Receipt(Result.FAILED, detail, vendor=vendor)
    return Receipt(Result.RETRY, detail, vendor=vendor, theirs=False)


def sent(vendor: str, ref: str = "", detail: str = "") -> Receipt:
    return Receipt(Result.SENT, detail or f"{vendor} took it", vendor=vendor, ref=ref[:128])


def later(vendor: str, detail: str, after_s: float | None = None) -> Receipt:
    """The vendor cannot take it now."""
    return Receipt(Result.RETRY, detail[:_LONGEST], retry_after_s=after_s, vendor=vendor, theirs=False)


def not_set_up(vendor: str, detail: str) -> Receipt:
    """The vendor refuses us, whatever the message is: another way is better than trying again."""
    return Receipt(Result.FAILED, detail[:_LONGEST], vendor=vendor, theirs=False)


def refused(vendor: str, detail: str) -> Receipt:
    """The vendor refuses this message."""
    return Receipt(Result.FAILED, detail[:_LONGEST], vendor=vendor)


def bounced(vendor: str, detail: str) -> Receipt:
    """The address is nobody's, or nobody's any more."""
    return Receipt(Result.FAILED, detail[:_LONGEST], vendor=vendor, bounced=True)


def by_status(vendor: str, status: int, detail: str, after_s: float | None = None) -> Receipt:
    """What an HTTP status alone says; for statuses that a vendor gives no meaning of its own."""
    if status < _REDIRECT:
        return sent(vendor, detail=detail)
    if status in _AGAIN or status >= _SERVER_ERROR:
        return later(vendor, detail, after_s)
    return refused(vendor, detail)  # redirects too: a message is not sent on to where another points
