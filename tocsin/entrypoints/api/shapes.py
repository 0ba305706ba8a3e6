"""What many resources share: the base of every schema, people, lists."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeVar

from ninja import Field, Schema
from pydantic import AfterValidator, AwareDatetime, ConfigDict, StringConstraints

from tocsin.apps.audit.types import Slice
from tocsin.apps.identity import queries as identity
from tocsin.apps.identity.types import Person
from tocsin.domain.errors import FieldError, Invalid, NotFound
from tocsin.domain.time.durations import format_duration, parse_duration

T = TypeVar("T")
BIGGEST_ID = 2**63 - 1
FIRST_YEAR = 2000
LAST_YEAR = 2100

Id = Annotated[int, Field(ge=1, le=BIGGEST_ID)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=128)]
Email = Annotated[str, Field(min_length=3, max_length=254, examples=["alice@example.com"])]
Text = Annotated[str, Field(max_length=20_000)]


def _sane(moment: datetime) -> datetime:
    """In UTC, when it has a zone. Beyond these years nobody plans, and arithmetic leaves the calendar."""
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"expected a time between the years {FIRST_YEAR} and {LAST_YEAR}")
    return moment.astimezone(UTC) if moment.tzinfo else moment


Instant = Annotated[AwareDatetime, AfterValidator(_sane)]
# Without a zone: on a clock that the field names.
Moment = Annotated[datetime, AfterValidator(_sane)]
Duration = Annotated[str, Field(max_length=32, examples=["5m"])]


class In(Schema):
    """What is sent to us: a field nobody knows is an error, so that a misspelt one is not ignored."""

    model_config = ConfigDict(extra="forbid")


class Listed(Schema):
    """How much of a list, and from where."""

    cursor: str | None = Field(None, max_length=2000, description="The next_cursor of the answer before")
    limit: int = Field(50, ge=1, le=200)


class PersonRef(Schema):
    email: str
    name: str


def found(value: T | None, kind: str, name: object) -> T:
    if value is None:
        raise NotFound(kind, name)
    return value


def person(email: str) -> Person:
    return found(identity.person(email), "user", email)


def refs(people: tuple[Person, ...]) -> list[PersonRef]:
    return [PersonRef(email=one.email, name=one.name) for one in people]


def duration(text: str | None, field: str) -> timedelta | None:
    if text is None:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise Invalid(FieldError(field, str(error))) from None


def duration_text(value: timedelta | None) -> str | None:
    return None if value is None else format_duration(value)


def sliced(items: Iterable[T], key: Callable[[T], str], listed: Listed) -> Slice[T]:
    """A page of what a query hands out whole, in the order of `key`, which tells its items apart."""
    after = _after(listed.cursor)
    rest = sorted((item for item in items if after is None or key(item) > after), key=key)
    shown = tuple(rest[: listed.limit])
    return Slice(shown, _cursor(key(shown[-1])) if len(rest) > listed.limit else None)


def _cursor(key: str) -> str:
    return urlsafe_b64encode(key.encode()).decode()


def _after(cursor: str | None) -> str | None:
    if not cursor:
        return None
    try:
        return urlsafe_b64decode(cursor.encode()).decode()
    except ValueError:
        raise Invalid(FieldError("cursor", "expected the next_cursor of an earlier answer")) from None
