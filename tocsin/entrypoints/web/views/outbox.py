"""The local outbox: mails that reached nobody, as no mail server is set."""

import re
from dataclasses import dataclass

from django.conf import settings

from tocsin.apps.notify import queries
from tocsin.apps.notify.types import LocalMailInfo
from tocsin.domain.permissions import Permission, can
from tocsin.entrypoints.web.reader import Reader

# How a mail's text names its buttons: "Acknowledge      https://…".
_LINK = re.compile(r"^(?P<label>\S.*?)\s{2,}(?P<url>https?://\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Link:
    label: str
    url: str


@dataclass(frozen=True)
class Mail:
    it: LocalMailInfo
    links: tuple[Link, ...]


def mails(reader: Reader) -> list[Mail]:
    """They hold signed links of their receiver: only who may manage people sees those of others."""
    known = queries.local_mails()
    if not can(reader.actor, Permission.MANAGE_PEOPLE):
        known = tuple(mail for mail in known if mail.to == reader.email)
    return [Mail(mail, links(mail.text)) for mail in known]


def links(text: str) -> tuple[Link, ...]:
    """A mail's own buttons; what an alert's text merely looks like one leads elsewhere and is none."""
    ours = f"{settings.TOCSIN.public_url.rstrip('/')}/"
    found = (Link(match["label"], match["url"]) for match in _LINK.finditer(text))
    return tuple(link for link in found if link.url.startswith(ours))
