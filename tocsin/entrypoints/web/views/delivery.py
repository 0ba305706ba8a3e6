import re
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from tocsin.apps.notify import queries
from tocsin.apps.notify.types import LocalMailInfo
from tocsin.domain.permissions import Permission, can
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import signed_in
from tocsin.lib.clock import now

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


@signed_in
@require_GET
def index(request: HttpRequest, reader: Reader) -> HttpResponse:
    mails = queries.local_mails()
    # Mails hold signed links of their receiver: only who may manage people sees those of others.
    if not can(reader.actor, Permission.MANAGE_PEOPLE):
        mails = tuple(mail for mail in mails if mail.to == reader.email)
    waiting, since = queries.waiting(now())
    context = {
        "mails": [Mail(mail, links(mail.text)) for mail in mails],
        "leaves": any(channel.type == "email" and channel.counts for channel in queries.channels()),
        "waiting": waiting,
        "since": since,
    }
    return render(request, "delivery/index.html", context)


def links(text: str) -> tuple[Link, ...]:
    """A mail's own buttons; what an alert's text merely looks like one leads elsewhere and is none."""
    ours = f"{settings.TOCSIN.public_url.rstrip('/')}/"
    found = (Link(match["label"], match["url"]) for match in _LINK.finditer(text))
    return tuple(link for link in found if link.url.startswith(ours))
