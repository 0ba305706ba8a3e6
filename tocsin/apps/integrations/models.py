from django.db import models

from tocsin.apps.catalog.models import Service
from tocsin.domain.signal import LANES


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
    config = models.JSONField(default=dict)  # what its kind asks for: mapper, secret, rules
    # While a key is being changed in the tools, the old one still opens the door.
    old_key = models.CharField(max_length=32, blank=True, db_index=True)
    old_key_until = models.DateTimeField(null=True)
    old_key_used_at = models.DateTimeField(null=True)
    silent_after = models.DurationField(null=True)  # nothing heard for so long: the source is silent
    silent_since = models.DateTimeField(null=True)
    canary = models.BooleanField(default=False)  # the platform's own, which nobody sees

    objects = _Shown()
    everything = models.Manager["Integration"]()

    def __str__(self) -> str:
        return self.name


class Event(models.Model):
    """One accepted event (or `count` equal ones of one commit), written by the door with plain SQL, read by
    the worker.

    The table is partitioned by days of `received_at`, see `partitions`; its primary key is (id, received_at).
    """

    event_id = models.CharField(max_length=36)
    # No constraint in the database: the door has just looked the key up, and each check would cost a lookup
    # per row.
    integration = models.ForeignKey(
        Integration, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="events"
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
            # By integration: a storm of one keeps nobody else's waiting.
            models.Index(
                fields=("integration", "id"),
                name="integrations_to_do",
                condition=models.Q(processed_at__isnull=True),
            ),
            models.Index(
                fields=("id",),
                name="integrations_parked",
                condition=models.Q(processed_at__isnull=True, lane=LANES),
            ),
            models.Index(fields=("integration", "-id"), name="integrations_recent"),
            models.Index(
                fields=("integration", "-id"), name="integrations_aside", condition=~models.Q(set_aside="")
            ),
            models.Index(fields=("dedup_key", "-id"), name="integrations_of_key"),
        )


class Spooling(models.Model):
    """A time in which events waited on a door's disk; told to the administrators once."""

    began_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    events = models.PositiveIntegerField()
    share = models.FloatField()  # how full the spool was at most, 0 to 1
    told = models.BooleanField(default=False)


class RouteTree(models.Model):
    """The routing tree: one row. `definition` is the configuration form."""

    definition = models.JSONField()
    from_file = models.BooleanField(default=False)
    tables = models.JSONField(default=dict)  # what routes look labels up in: name → rows


class Heartbeat(models.Model):
    """Something that must be heard of. Late: an event is written to the log as if the tool had sent it."""

    integration = models.ForeignKey(Integration, models.CASCADE, related_name="heartbeats")
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    period = models.DurationField(null=True)  # or cron
    cron = models.CharField(max_length=128, blank=True)
    zone = models.CharField(max_length=64, default="UTC")
    grace = models.DurationField()
    severity = models.CharField(max_length=8, blank=True)
    summary = models.CharField(max_length=255, blank=True)  # what its alert says
    labels = models.JSONField(default=dict)
    enabled = models.BooleanField(default=True)
    status = models.CharField(max_length=8, default="new")  # new | up | late | down
    last_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)  # a run that has begun and not ended
    last_run = models.DurationField(null=True)  # how long the last one took
    exit_code = models.IntegerField(null=True)
    due_at = models.DateTimeField(null=True)  # down then, unless heard of
    created_at = models.DateTimeField()
    from_file = models.BooleanField(default=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("integration", "name"), name="integrations_heartbeat_name"),
        )
        indexes = (
            models.Index(
                fields=("due_at",), condition=models.Q(due_at__isnull=False), name="integrations_beat_due"
            ),
        )


class Rejected(models.Model):
    """A sample of what was refused, kept so that somebody can see why. Like ones are counted, not kept."""

    integration = models.ForeignKey(Integration, models.CASCADE, null=True, related_name="rejected")
    kind = models.CharField(max_length=32)
    status = models.SmallIntegerField()  # what was answered
    reason = models.CharField(max_length=1024)
    body = models.BinaryField()  # its beginning
    size = models.PositiveIntegerField()
    count = models.PositiveIntegerField(default=1)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        indexes = (models.Index(fields=("integration", "-last_at"), name="integrations_refused"),)
