from datetime import datetime

from django.http import HttpRequest

from tocsin.domain.permissions import Actor


class ApiRequest(HttpRequest):
    """A request that came through the door: it knows who acts, and since when."""

    actor: Actor
    now: datetime
    shows_secret: bool
    """Set by a handler whose answer must not be kept for repeats of the same idempotency key."""
