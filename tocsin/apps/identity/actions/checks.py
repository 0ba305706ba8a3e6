"""Shapes of what people type in; each returns the cleaned value or raises Invalid with the field's name."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.time.wall import parse_zone


def email(text: str, field: str = "email") -> str:
    """In lower case, which is how a person is told apart everywhere."""
    cleaned = text.strip().lower()
    try:
        validate_email(cleaned)
    except ValidationError:
        raise Invalid(FieldError(field, "expected an e-mail address")) from None
    if len(cleaned) > 254:  # noqa: PLR2004 - RFC 5321's longest path
        raise Invalid(FieldError(field, "expected at most 254 characters"))
    return cleaned


def timezone(text: str, field: str = "timezone") -> str:
    try:
        parse_zone(text)
    except ValueError as error:
        raise Invalid(FieldError(field, str(error))) from None
    return text


def name(text: str, limit: int, field: str = "name", *, empty: bool = False) -> str:
    cleaned = text.strip()
    if not cleaned and not empty:
        raise Invalid(FieldError(field, "expected some text"))
    if len(cleaned) > limit:
        raise Invalid(FieldError(field, f"expected at most {limit} characters"))
    if any(ord(character) < ord(" ") for character in cleaned):
        raise Invalid(FieldError(field, "expected one line without control characters"))
    return cleaned
