from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from tocsin.apps.notify import queries
from tocsin.domain.permissions import Permission, can
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import signed_in
from tocsin.lib.clock import now


@signed_in
@require_GET
def index(request: HttpRequest, reader: Reader) -> HttpResponse:
    mails = queries.local_mails()
    # Mails hold signed links of their receiver: only who may manage people sees those of others.
    if not can(reader.actor, Permission.MANAGE_PEOPLE):
        mails = tuple(mail for mail in mails if mail.to == reader.email)
    waiting, since = queries.waiting(now())
    context = {"mails": mails, "waiting": waiting, "since": since}
    return render(request, "delivery/index.html", context)
