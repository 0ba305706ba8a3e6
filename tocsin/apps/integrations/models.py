from django.db import models

from tocsin.apps.catalog.models import Service


class _Shown(models.Manager["Integration"]):
    """Those that are people's: all but the canary's."""

    def get_queryset(self) -> models.QuerySet["Integration"]:
        return super().get_queryset().filter(canary=False)


class Integration(models.Model):
    """A way in for one tool. `key` is 32 hex digits and is all a sender needs to know."""

    name = models.CharField(max_length=128, unique=True)
    kind = models.CharField(max_length=32)
    key = models.CharField(max_length=32, unique=True)
    service = models.ForeignKey(Service, models.PROTECT, null=True, related_name="integrations")
    severity_map = models.JSONField(default=dict)  # the tool's word → SEVn
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    last_event_at = models.DateTimeField(null=True)
    from_file = models.BooleanField(default=False)
    canary = models.BooleanField(default=False)  # the platform's own, which nobody sees

    objects = _Shown()
    everything = models.Manager["Integration"]()

    def __str__(self) -> str:
        return self.name


class Event(models.Model):
    """One accepted event (or `count` equal ones of one commit), written by the door with plain SQL, read by
    the worker.
    """

    event_id = models.CharField(max_length=36)
    # No constraint in the database: the door has just looked the key up, and each check would cost a lookup
    # per row.
    integration = models.ForeignKey(
        Integration, models.DO_NOTHING, db_constraint=False, related_name="events"
    )
    # Whose form the payload has, where it came through another door than the integration's own; "" : its own.
    kind = models.CharField(max_length=32, default="", blank=True)
    action = models.CharField(max_length=12)
    dedup_key = models.CharField(max_length=512)
    lane = (
        models.SmallIntegerField()
    )  # hash of (integration, dedup key): events of one key are worked in order
    payload = models.BinaryField()
    count = models.PositiveIntegerField(default=1)
    received_at = models.DateTimeField()
    processed_at = models.DateTimeField(null=True)
    set_aside = models.CharField(max_length=512, blank=True)  # why it could not be understood

    class Meta:
        indexes = (
            models.Index(
                fields=("lane", "id"),
                name="integrations_waiting",
                condition=models.Q(processed_at__isnull=True),
            ),
            models.Index(fields=("integration", "-id"), name="integrations_recent"),
        )


class RouteTree(models.Model):
    """The routing tree: one row. `definition` is the configuration form."""

    definition = models.JSONField()
    from_file = models.BooleanField(default=False)
