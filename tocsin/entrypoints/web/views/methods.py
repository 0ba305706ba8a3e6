"""What people do to contact methods, and tests of them."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from tocsin.apps.notify import actions, queries
from tocsin.apps.notify.types import MethodInfo
from tocsin.domain.errors import FieldError, Invalid, TocsinError
from tocsin.domain.severity import Urgency
from tocsin.entrypoints.web import forms
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views import reached
from tocsin.entrypoints.web.views.common import attempt, signed_in
from tocsin.lib.clock import now


def settle(
    request: HttpRequest,
    reader: Reader,
    email: str,
    deed: Callable[[], str],
    *,
    form: str,
    then: str = "",
) -> HttpResponse:
    """Do it and say what it says; what is wrong with a field stands beside it."""
    try:
        done = deed()
    except Invalid as error:
        return reached.page(request, reader, email, form=form, errors=forms.errors_of(error))
    except TocsinError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, done)
    return redirect(reached.address(reader, email, then))


@signed_in
@require_POST
def add(request: HttpRequest, reader: Reader, email: str) -> HttpResponse:
    def deed() -> str:
        kind = forms.text(request.POST, "type", required=True)
        known = next((each for each in queries.channels() if each.type == kind), None)
        sent = {field.name: forms.text(request.POST, field.name) for field in known.fields} if known else {}
        made = actions.add_method(
            actor=reader.actor,
            email=email,
            type=kind,
            address=forms.text(request.POST, "address", required=True),
            config={name: value for name, value in sent.items() if value} or None,
            now=now(),
        )
        return "Added." if made.verified else "Added. A code is on its way: type it in to verify it."

    return settle(request, reader, email, deed, form="add", then="#methods")


@signed_in
@require_POST
def remove(request: HttpRequest, reader: Reader, email: str, method_id: int) -> HttpResponse:
    def deed() -> str:
        actions.remove_method(actor=reader.actor, email=email, method_id=method_id, now=now())
        return "Removed."

    return settle(request, reader, email, deed, form="", then="#methods")


@signed_in
@require_POST
def move(request: HttpRequest, reader: Reader, email: str, method_id: int) -> HttpResponse:
    """One place up or down."""

    def deed() -> str:
        ids = [method.id for method in queries.methods(email)]
        at = ids.index(method_id) if method_id in ids else 0
        to = at - 1 if request.POST.get("to") == "up" else at + 1
        if 0 <= to < len(ids):
            ids[at], ids[to] = ids[to], ids[at]
        actions.order_methods(actor=reader.actor, email=email, method_ids=ids, now=now())
        return "The order is saved."

    return settle(request, reader, email, deed, form="", then=f"#method-{method_id}")


@signed_in
@require_POST
def switch(request: HttpRequest, reader: Reader, email: str, method_id: int) -> HttpResponse:
    on = request.POST.get("to") == "on"

    def deed() -> str:
        actions.set_method_enabled(
            actor=reader.actor, email=email, method_id=method_id, enabled=on, now=now()
        )
        return "Enabled again. Send a test over it." if on else "Switched off: nothing goes over it."

    return settle(request, reader, email, deed, form="", then=f"#method-{method_id}")


@signed_in
@require_POST
def send_code(request: HttpRequest, reader: Reader, email: str, method_id: int) -> HttpResponse:
    def deed() -> str:
        actions.send_code(actor=reader.actor, email=email, method_id=method_id, now=now())
        return "A code is on its way. Type it in within 30 minutes."

    return settle(request, reader, email, deed, form="", then=f"#method-{method_id}")


@signed_in
@require_POST
def verify(request: HttpRequest, reader: Reader, email: str, method_id: int) -> HttpResponse:
    def deed() -> str:
        code = forms.text(request.POST, "code", required=True)
        made: MethodInfo = actions.verify_method(
            actor=reader.actor, email=email, method_id=method_id, code=code, now=now()
        )
        if not made.verified:
            raise Invalid(FieldError("code", "That was not the code, or it is too old. Ask for a new one."))
        return "Verified: it is used from now on."

    return settle(request, reader, email, deed, form=f"verify-{method_id}", then=f"#method-{method_id}")


@signed_in
@require_POST
def send_test(request: HttpRequest, reader: Reader, email: str) -> HttpResponse:
    """Over exactly what a page of this urgency would use."""
    urgency = Urgency.LOW if request.POST.get("urgency") == "low" else Urgency.HIGH
    at_once = request.POST.get("at_once") == "yes"
    return _try(
        request,
        reader,
        email,
        lambda: actions.send_test(
            actor=reader.actor, email=email, now=now(), urgency=urgency, at_once=at_once
        ),
    )


@signed_in
@require_POST
def test_one(request: HttpRequest, reader: Reader, email: str, method_id: int) -> HttpResponse:
    return _try(
        request,
        reader,
        email,
        lambda: actions.test_method(actor=reader.actor, email=email, method_id=method_id, now=now()),
    )


@signed_in
@require_POST
def send_rest(request: HttpRequest, reader: Reader, email: str, page_id: int) -> HttpResponse:
    def deed() -> object:
        return actions.send_rest(actor=reader.actor, email=email, page_id=page_id, now=now())

    attempt(request, deed, "The rest leaves now, too.")
    return redirect(reached.address(reader, email, f"?test={page_id}#test"))


def _try(request: HttpRequest, reader: Reader, email: str, deed: Callable[[], int]) -> HttpResponse:
    """The way on is the trail of what is sent: it says more than a word would."""
    try:
        page_id = deed()
    except TocsinError as error:
        messages.error(request, str(error))
        return redirect(reached.address(reader, email))
    return redirect(reached.address(reader, email, f"?test={page_id}#test"))
