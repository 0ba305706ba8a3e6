from django.db import models
from django.db.models import Q

from tocsin.apps.alerts.models import Alert
from tocsin.apps.catalog.models import Service
from tocsin.apps.identity.models import User


class _Shown(models.Manager["Incident"]):
    """Those that are people's: the canary's have numbers below zero."""

    def get_queryset(self) -> models.QuerySet["Incident"]:
        return super().get_queryset().filter(number__gt=0)


class Incident(models.Model):
    """What people respond to. Times as in the metrics' definitions; `status` walks domain.lifecycle."""

    number = models.BigIntegerField(unique=True)  # shown as INC-n, from a sequence of its own
    title = models.CharField(max_length=1024)
    summary = models.TextField(blank=True)
    service = models.ForeignKey(Service, models.PROTECT, related_name="incidents")
    severity = models.CharField(max_length=8)
    initial_severity = models.CharField(max_length=8)
    peak_severity = models.CharField(max_length=8)
    urgency = models.CharField(max_length=8)
    status = models.CharField(max_length=16)
    group_key = models.CharField(max_length=1024, blank=True)
    declared_by = models.ForeignKey(
        User, models.SET_NULL, null=True, related_name="+"
    )  # null: an alert or a token
    opened_by = models.CharField(max_length=12)  # alert | person
    started_at = models.DateTimeField(null=True)
    detected_at = models.DateTimeField()
    declared_at = models.DateTimeField(db_index=True)
    acknowledged_at = models.DateTimeField(null=True)  # now in force
    acknowledged_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    first_acknowledged_at = models.DateTimeField(null=True)  # kept for metrics
    mitigated_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)
    resolved_how = models.CharField(max_length=12, blank=True)  # alert | person
    closed_at = models.DateTimeField(null=True)
    snoozed_until = models.DateTimeField(null=True)
    reopen_count = models.PositiveIntegerField(default=0)
    resolved_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    touched = models.BooleanField(default=False)  # a person did anything at all, an acknowledgement included
    moved = models.BooleanField(default=False)  # a person moved its status or published an update
    joined_told = models.BooleanField(default=False)  # the acker heard that more alerts joined
    raise_at = models.DateTimeField(null=True)  # support hours open: if unacknowledged, urgency becomes high
    commander = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    merged_into = models.ForeignKey("self", models.SET_NULL, null=True, related_name="merged")
    # The same group, which fired again.
    follows = models.ForeignKey("self", models.SET_NULL, null=True, related_name="followed_by")
    version = models.PositiveIntegerField(default=1)
    # Held after a person resolved it while an alert still fired: decided again then.
    held_until = models.DateTimeField(null=True)
    # Everything in it is held (silence, maintenance …): nobody is called until that ends; by what, "" : no.
    suppressed_by = models.CharField(max_length=512, blank=True)
    storm = models.BooleanField(default=False)  # opened in a storm: takes in whatever its service has

    objects = _Shown()
    everything = models.Manager["Incident"]()

    class Meta:
        indexes = (
            models.Index(fields=("status", "-declared_at")),
            # Not unique: past 24 h, or while one is snoozed, the same group opens another. An advisory lock
            # keeps order.
            models.Index(fields=("service", "group_key", "-declared_at"), name="incidents_group"),
            models.Index(
                fields=("held_until",), condition=Q(held_until__isnull=False), name="incidents_held"
            ),
            models.Index(fields=("raise_at",), condition=Q(raise_at__isnull=False), name="incidents_raise"),
            models.Index(fields=("service",), condition=~Q(suppressed_by=""), name="incidents_suppressed"),
            models.Index(fields=("service",), condition=Q(storm=True), name="incidents_storms"),
        )

    @property
    def ref(self) -> str:
        return f"INC-{self.number}" if self.number >= 0 else f"CANARY{self.number}"

    @property
    def canary(self) -> bool:
        return self.number < 0


class IncidentAlert(models.Model):
    """An alert is in one incident, or in several where routes send it to several services."""

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="alert_links")
    alert = models.ForeignKey(Alert, models.CASCADE, related_name="incident_links")
    joined_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("incident", "alert"), name="incidents_alert_once"),)


class Parting(models.Model):
    """An alert that a person took out of an incident: it does not come back by its group."""

    integration_id = models.BigIntegerField()
    dedup_key = models.CharField(max_length=512)
    group_key = models.CharField(max_length=1024)  # where it would have gone
    own_key = models.CharField(max_length=1024)  # where it goes instead
    at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("integration_id", "dedup_key", "group_key"), name="incidents_parted_once"
            ),
        )


class Storm(models.Model):
    """More new alerts than people can read one by one: while it lasts, a service's share one incident."""

    began_at = models.DateTimeField()
    last_at = models.DateTimeField()  # when there were too many last
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("ended_at",), name="incidents_one_storm", nulls_distinct=False),
        )


class TimelineEntry(models.Model):
    """Append-only. `occurred_at` is when it happened, `recorded_at` when we learnt of it."""

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="timeline")
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    kind = models.CharField(max_length=32)
    actor_kind = models.CharField(max_length=16)
    actor_label = models.CharField(max_length=255)
    text = models.TextField()
    data = models.JSONField(default=dict)

    class Meta:
        ordering = ("occurred_at", "id")


class DeadLink(models.Model):
    """A signed link that was used up or withdrawn by hand. Links of resolved incidents are dead without a
    row.
    """

    digest = models.CharField(max_length=64, unique=True)
    at = models.DateTimeField()


class TakenAnswer(models.Model):
    """What somebody answered by phone or chat: `name` is the vendor's for it. Told again, it is not done
    again.
    """

    name = models.CharField(max_length=128, unique=True)
    at = models.DateTimeField()
    said = models.TextField(blank=True)


class CanaryRun(models.Model):
    """One journey of the canary; `name` holds its minute, so that one worker makes it."""

    name = models.CharField(max_length=32, unique=True)  # its dedup key too
    begun_at = models.DateTimeField(db_index=True)
    accepted_at = models.DateTimeField(null=True)
    arrived_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=512, blank=True)  # why the door did not take it


class Follow(models.Model):
    """A person who wants to hear how things go on, and is never paged for it: of one incident, of a service,
    or of a severity. Exactly one of the three is set.
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="follows")
    incident = models.ForeignKey(Incident, models.CASCADE, null=True, related_name="followers")
    service = models.ForeignKey(Service, models.CASCADE, null=True, related_name="followers")
    severity = models.CharField(max_length=8, blank=True)
    since = models.DateTimeField()
    by = models.CharField(max_length=255)  # who set it, for people to read

    class Meta:
        ordering = ("user__email", "id")
        constraints = (
            models.UniqueConstraint(
                fields=("user", "incident", "service", "severity"),
                name="incidents_follow_once",
                nulls_distinct=False,
            ),
        )
        indexes = (
            models.Index(fields=("severity",), condition=~Q(severity=""), name="incidents_follow_severity"),
        )


class Happened(models.Model):
    """What followers are still to hear; gone once it is said. What waits for one person is said together."""

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="+")
    at = models.DateTimeField()
    kind = models.CharField(max_length=32)  # of the timeline entry
    text = models.TextField()
    by = models.CharField(max_length=254, blank=True)  # e-mail of who did it, who knows
    due_at = models.DateTimeField(db_index=True)
