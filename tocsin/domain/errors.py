"""What can go wrong in the product's own terms. Entry points turn each into an answer; nothing else does."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FieldError:
    field: str
    message: str


class TocsinError(Exception):
    """Base of every error whose text is fit for a user's eyes."""


class Invalid(TocsinError):
    """Input that cannot be accepted; every error names its field (400, or 422 where a rule is broken)."""

    def __init__(self, *errors: FieldError) -> None:
        self.errors = errors
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in errors))


class NotFound(TocsinError):
    """Nothing of that kind by that name (404)."""

    def __init__(self, kind: str, name: object) -> None:
        self.kind, self.name = kind, name
        super().__init__(f"There is no {kind} “{name}”.")


class Conflict(TocsinError):
    """The move is not possible from here (409); `allowed` lists those that are."""

    def __init__(self, detail: str, allowed: tuple[str, ...] = ()) -> None:
        self.detail, self.allowed = detail, allowed
        super().__init__(detail)


class PermissionDenied(TocsinError):
    """The actor may not do this (403)."""
