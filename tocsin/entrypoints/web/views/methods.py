"""How a person is reached: their contact methods and rules."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from tocsin.apps.notify import actions
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.notification.model import Rule
from tocsin.domain.severity import Urgency
from tocsin.domain.time.durations import parse_duration
from tocsin.entrypoints.web import forms
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import attempt, signed_in
from tocsin.lib.clock import now


def rules_of(text: str, urgency: Urgency) -> list[Rule]:
    """`5m email`, one a line. Raises Invalid that names the line."""
    rules = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words:
            continue
        try:
            after, way = words
            rules.append(Rule(urgency, parse_duration(after), way))
        except ValueError:
            message = f"Line {number}, “{line.strip()}”: expected a delay and a method, such as “5m email”."
            raise Invalid(FieldError(urgency, message)) from None
    return rules


@signed_in
@require_POST
def set_rules(request: HttpRequest, reader: Reader, email: str) -> HttpResponse:
    def deed() -> object:
        rules = [rule for urgency in Urgency for rule in rules_of(request.POST.get(urgency, ""), urgency)]
        return actions.set_rules(actor=reader.actor, email=email, rules=rules, now=now())

    attempt(request, deed, "The rules are saved.")
    return redirect("person", email)


@signed_in
@require_POST
def add(request: HttpRequest, reader: Reader, email: str) -> HttpResponse:
    def deed() -> object:
        return actions.add_method(
            actor=reader.actor,
            email=email,
            type=forms.text(request.POST, "type", required=True),
            address=forms.text(request.POST, "address", required=True),
            config={"secret": secret} if (secret := forms.text(request.POST, "secret")) else None,
            now=now(),
        )

    attempt(request, deed, "Added.")
    return redirect("person", email)


@signed_in
@require_POST
def remove(request: HttpRequest, reader: Reader, email: str, method_id: int) -> HttpResponse:
    def deed() -> object:
        return actions.remove_method(actor=reader.actor, email=email, method_id=method_id, now=now())

    attempt(request, deed, "Removed.")
    return redirect("person", email)


@signed_in
@require_POST
def send_code(request: HttpRequest, reader: Reader, email: str, method_id: int) -> HttpResponse:
    def deed() -> object:
        return actions.send_code(actor=reader.actor, email=email, method_id=method_id, now=now())

    attempt(request, deed, "A code is on its way. Type it in below.")
    return redirect("person", email)


@signed_in
@require_POST
def verify(request: HttpRequest, reader: Reader, email: str, method_id: int) -> HttpResponse:
    def deed() -> object:
        code = forms.text(request.POST, "code", required=True)
        made = actions.verify_method(
            actor=reader.actor, email=email, method_id=method_id, code=code, now=now()
        )
        if not made.verified:
            raise Invalid(FieldError("code", "That was not the code, or it is too old. Ask for a new one."))
        return made

    attempt(request, deed, "Verified: it is used from now on.")
    return redirect("person", email)


@signed_in
@require_POST
def send_test(request: HttpRequest, reader: Reader, email: str) -> HttpResponse:
    def deed() -> object:
        return actions.send_test(actor=reader.actor, email=email, now=now())

    attempt(request, deed, "A test page is on its way over every method a high-urgency page would use.")
    return redirect("person", email)
