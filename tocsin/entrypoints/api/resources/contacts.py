"""How a person is reached: contact methods, notification rules, quiet hours."""

from datetime import datetime, timedelta
from typing import Any, Self

from ninja import Field, Path, Router, Schema, Status
from pydantic import model_validator

from tocsin.apps.notify import actions, deliveries, queries
from tocsin.apps.notify.types import MethodInfo, QuietHoursInfo, RuleInfo
from tocsin.domain.notification.model import Occasion, Rule
from tocsin.domain.severity import Urgency
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.entrypoints.api.resources.deliveries import DeliveryRow
from tocsin.entrypoints.api.shapes import Duration, Id, In, Name, duration, duration_text, found, person

router = Router()


class ContactMethod(Schema):
    """`problem` is empty when it can be used, else says why not. An address that is a key is shown by its
    end. `code_until`: a code was sent over it, and is good until then.
    """

    id: int
    type: str
    title: str
    address: str
    verified: bool
    disabled: str
    position: int
    from_file: bool
    problem: str
    code_until: datetime | None

    @staticmethod
    def resolve_address(info: MethodInfo) -> str:
        return info.shown


class ContactMethods(Schema):
    items: list[ContactMethod]
    next_cursor: str | None = None


class MethodIn(In):
    type: Name = Field(examples=["email"])
    address: str = Field(min_length=1, max_length=512)
    config: dict[str, str] = Field(default_factory=dict, max_length=20)


class MethodEdit(In):
    enabled: bool


class Code(In):
    code: str = Field(max_length=64)


class MethodOrder(In):
    ids: list[Id] = Field(max_length=50)


class TestIn(In):
    """`at_once`: what would leave later leaves now, too."""

    urgency: Urgency = Urgency.HIGH
    at_once: bool = False


class Tested(Schema):
    """Follow what became of it at /deliveries/{id}, or all of it at /deliveries?page_id=."""

    page_id: int
    items: list[DeliveryRow]


class RuleForm(In):
    """A rule for pages has an urgency; one for a hand-off, a swap or a moved shift has none."""

    occasion: Occasion = Occasion.PAGE
    urgency: Urgency | None = None
    after: Duration = Field(examples=["3m"])
    via: Name = Field(examples=["email"])

    @model_validator(mode="after")
    def urgency_is_of_pages(self) -> Self:
        if (self.occasion is Occasion.PAGE) is (self.urgency is None):
            raise ValueError("a rule for pages needs an urgency, and no other rule has one")
        return self


class RulesIn(In):
    rules: list[RuleForm] = Field(max_length=50)


class RuleOut(Schema):
    """`own` false: everybody's."""

    occasion: Occasion
    urgency: Urgency | None
    after: str | None
    via: str
    from_file: bool
    own: bool

    @staticmethod
    def resolve_urgency(info: RuleInfo) -> Urgency | None:
        return info.urgency if info.occasion is Occasion.PAGE else None

    @staticmethod
    def resolve_after(info: RuleInfo) -> str | None:
        return duration_text(timedelta(seconds=info.after_s))


class RulesOut(Schema):
    items: list[RuleOut]
    next_cursor: str | None = None


class QuietHours(In):
    timezone: str = Field(max_length=64, examples=["Europe/Berlin"])
    days: list[str] = Field(max_length=7, examples=[["mon", "tue"]])
    start: str = Field(max_length=8, examples=["22:00"])
    end: str = Field(max_length=8, examples=["07:00"])


class QuietHoursOut(Schema):
    quiet_hours: QuietHours | None


class QuietHoursIn(In):
    quiet_hours: QuietHours | None


@router.get("/{email}/contact-methods", response=ContactMethods)
def list_methods(request: ApiRequest, email: str) -> Any:  # noqa: ARG001 - ninja's
    return {"items": queries.methods(person(email).email)}


@router.post("/{email}/contact-methods", response={201: ContactMethod})
def add_method(request: ApiRequest, email: str, body: MethodIn) -> Status[MethodInfo]:
    """What is not yet known to be this person's gets a code; `verify` with it."""
    made = actions.add_method(
        actor=request.actor,
        email=person(email).email,
        type=body.type,
        address=body.address,
        config=body.config,
        now=request.now,
    )
    return Status(201, made)


@router.get("/{email}/contact-methods/{method_id}", response=ContactMethod)
def read_method(request: ApiRequest, email: str, method_id: Path[Id]) -> MethodInfo:  # noqa: ARG001 - ninja's
    known = {one.id: one for one in queries.methods(person(email).email)}
    return found(known.get(method_id), "contact method", method_id)


@router.patch("/{email}/contact-methods/{method_id}", response=ContactMethod)
def edit_method(request: ApiRequest, email: str, method_id: Path[Id], body: MethodEdit) -> MethodInfo:
    return actions.set_method_enabled(
        actor=request.actor,
        email=person(email).email,
        method_id=method_id,
        enabled=body.enabled,
        now=request.now,
    )


@router.delete("/{email}/contact-methods/{method_id}", response={204: None})
def remove_method(request: ApiRequest, email: str, method_id: Path[Id]) -> Status[None]:
    actions.remove_method(
        actor=request.actor, email=person(email).email, method_id=method_id, now=request.now
    )
    return Status(204, None)


@router.post("/{email}/contact-methods/{method_id}/code", response={204: None})
def send_code(request: ApiRequest, email: str, method_id: Path[Id]) -> Status[None]:
    """A new code over the method itself; one a minute."""
    actions.send_code(actor=request.actor, email=person(email).email, method_id=method_id, now=request.now)
    return Status(204, None)


@router.post("/{email}/contact-methods/{method_id}/verify", response=ContactMethod)
def verify_method(request: ApiRequest, email: str, method_id: Path[Id], body: Code) -> MethodInfo:
    """`verified` in the answer says whether the code was right; a wrong one is spent."""
    return actions.verify_method(
        actor=request.actor,
        email=person(email).email,
        method_id=method_id,
        code=body.code,
        now=request.now,
    )


@router.put("/{email}/contact-methods", response=ContactMethods)
def order_methods(request: ApiRequest, email: str, body: MethodOrder) -> Any:
    """In which order they are tried where no rule says: these first, the others after them."""
    known = person(email)
    actions.order_methods(actor=request.actor, email=known.email, method_ids=body.ids, now=request.now)
    return {"items": queries.methods(known.email)}


@router.post("/{email}/contact-methods/{method_id}/test", response={202: Tested})
def test_method(request: ApiRequest, email: str, method_id: Path[Id]) -> Status[Any]:
    """A test over this method alone."""
    known = person(email)
    page = actions.test_method(actor=request.actor, email=known.email, method_id=method_id, now=request.now)
    return _tested(request, known.email, page)


@router.post("/{email}/test", response={202: Tested})
def send_test(request: ApiRequest, email: str, body: TestIn | None = None) -> Status[Any]:
    """A test page over everything that a real one of this urgency would use."""
    known, asked = person(email), body or TestIn()
    page = actions.send_test(
        actor=request.actor,
        email=known.email,
        now=request.now,
        urgency=asked.urgency,
        at_once=asked.at_once,
    )
    return _tested(request, known.email, page)


@router.post("/{email}/tests/{page_id}/rest", response={202: Tested})
def send_rest(request: ApiRequest, email: str, page_id: Path[Id]) -> Status[Any]:
    """What of a test would leave later leaves now."""
    known = person(email)
    actions.send_rest(actor=request.actor, email=known.email, page_id=page_id, now=request.now)
    return _tested(request, known.email, page_id)


def _tested(request: ApiRequest, email: str, page_id: int) -> Status[Any]:
    items = deliveries.of_page(page_id, email=email, actor=request.actor)
    return Status(202, {"page_id": page_id, "items": items})


@router.get("/{email}/notification-rules", response=RulesOut)
def list_rules(request: ApiRequest, email: str) -> Any:  # noqa: ARG001 - ninja's
    """The person's own, and everybody's for what they have none of their own for."""
    return {"items": queries.rules(person(email).email)}


@router.put("/{email}/notification-rules", response=RulesOut)
def replace_rules(request: ApiRequest, email: str, body: RulesIn) -> Any:
    """All of them; none of an urgency or occasion means everybody's for it."""
    rules = [
        Rule(
            rule.urgency or Urgency.LOW,
            duration(rule.after, f"rules.{number}.after") or timedelta(0),
            rule.via,
            rule.occasion,
        )
        for number, rule in enumerate(body.rules)
    ]
    known = person(email)
    actions.set_rules(actor=request.actor, email=known.email, rules=rules, now=request.now)
    return {"items": queries.rules(known.email)}


@router.get("/{email}/quiet-hours", response=QuietHoursOut)
def read_quiet_hours(request: ApiRequest, email: str) -> Any:  # noqa: ARG001 - ninja's
    return {"quiet_hours": queries.quiet_hours(person(email).email)}


@router.put("/{email}/quiet-hours", response=QuietHoursOut)
def replace_quiet_hours(request: ApiRequest, email: str, body: QuietHoursIn) -> Any:
    """They defer low urgency only. null: none."""
    known, wanted = person(email), body.quiet_hours
    hours = None
    if wanted is not None:
        hours = QuietHoursInfo(wanted.timezone, tuple(wanted.days), wanted.start, wanted.end)
    actions.set_quiet_hours(actor=request.actor, email=known.email, hours=hours, now=request.now)
    return {"quiet_hours": queries.quiet_hours(known.email)}
