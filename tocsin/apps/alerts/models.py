from django.db import models
from django.db.models import Q

from tocsin.apps.catalog.models import Service
from tocsin.apps.identity.models import User
from tocsin.apps.integrations.models import Integration


class Alert(models.Model):
    """The deduplicated life of one dedup key on one integration: firing → resolved. One open row per key."""

    integration = models.ForeignKey(Integration, models.PROTECT, related_name="alerts")
    dedup_key = models.CharField(max_length=512)
    service = models.ForeignKey(Service, models.SET_NULL, null=True, related_name="alerts")
    summary = models.CharField(max_length=1024)
    word = models.CharField(max_length=64, blank=True)  # the tool's own severity
    severity = models.CharField(max_length=8, blank=True)  # "" : opens nothing
    urgency = models.CharField(max_length=8, blank=True)
    group_key = models.CharField(max_length=1024)
    labels = models.JSONField(default=dict)
    annotations = models.JSONField(default=dict)
    links = models.JSONField(default=list)
    source = models.CharField(max_length=512, blank=True)
    status = models.CharField(max_length=12, default="firing")  # firing | resolved
    count = models.PositiveBigIntegerField(default=1)
    started_at = models.DateTimeField(null=True)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)
    incident = models.CharField(max_length=32, blank=True)  # the newest one's ref: incidents is above
    # The tool's own dedup key, where a route gave the alert another; "" : the same.
    source_key = models.CharField(max_length=512, blank=True)
    said = models.CharField(max_length=40, blank=True)  # digest of what the tool said last: a repeat is cheap
    fingerprint = models.CharField(max_length=16, blank=True)  # Alertmanager's, of its labels
    images = models.JSONField(default=list)
    details = models.JSONField(default=dict)
    runbook = models.CharField(max_length=2048, blank=True)
    expires_at = models.DateTimeField(null=True)  # over by itself then
    ended_how = models.CharField(max_length=12, blank=True)  # source | timeout | person
    stale = models.BooleanField(default=False)  # timed out while its source was silent
    held_since = models.DateTimeField(null=True)  # something holds it: see Hold
    held_s = models.PositiveIntegerField(default=0)  # seconds it was held altogether
    changes = models.JSONField(default=list)  # instants at which it fired or ended lately: for flapping
    flapping = models.BooleanField(default=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("integration", "dedup_key"), name="alerts_one_open", condition=Q(status="firing")
            ),
        )
        indexes = (
            # None holds what every repeat changes, so that a repeat touches no index.
            models.Index(fields=("status", "-id"), name="alerts_by_status"),
            models.Index(
                fields=("integration", "dedup_key", "-id"), condition=Q(status="resolved"), name="alerts_over"
            ),
            models.Index(fields=("expires_at",), condition=Q(status="firing"), name="alerts_expiring"),
            models.Index(
                fields=("id",), condition=Q(held_since__isnull=False, status="firing"), name="alerts_held"
            ),
            models.Index(fields=("fingerprint",), condition=Q(status="firing"), name="alerts_fingerprint"),
            models.Index(
                fields=("integration", "source_key"),
                condition=Q(status="firing") & ~Q(source_key=""),
                name="alerts_source_key",
            ),
        )


class Decision(models.Model):
    """What was decided about an alert, and why: route, severity, group, open or join …"""

    alert = models.ForeignKey(Alert, models.CASCADE, related_name="decisions")
    at = models.DateTimeField()
    stage = models.CharField(max_length=24)
    outcome = models.CharField(max_length=255)
    reason = models.CharField(max_length=1024)

    class Meta:
        ordering = ("id",)


class Hold(models.Model):
    """What holds an alert, and what will end that. An alert is held while any of its holds is open."""

    alert = models.ForeignKey(Alert, models.CASCADE, related_name="holds")
    kind = models.CharField(max_length=12)  # silence | maintenance | inhibition | flapping | pause | storm
    by = models.CharField(max_length=128)  # a silence's uid, the inhibiting alert's id, a rule's name
    text = models.CharField(max_length=512)  # by what, for people
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)  # None: until what `ends` says
    ends = models.CharField(max_length=255)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("alert", "kind", "by"), name="alerts_one_hold", condition=Q(ended_at__isnull=True)
            ),
        )
        indexes = (
            models.Index(fields=("until",), condition=Q(ended_at__isnull=True), name="alerts_hold_until"),
            models.Index(fields=("kind", "by"), condition=Q(ended_at__isnull=True), name="alerts_hold_by"),
        )


class Silence(models.Model):
    """A silence or a maintenance window: holds what its matchers or services hit, from start to end, or at
    each recurrence.
    """

    uid = models.UUIDField(unique=True)
    kind = models.CharField(max_length=12)  # silence | maintenance
    name = models.CharField(max_length=128, blank=True)  # of one from a file, unique there
    matchers = models.JSONField(default=list)  # as in routes
    services = models.JSONField(default=list)  # names; empty: every service
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()  # of the first time, where it recurs
    rrule = models.CharField(max_length=255, blank=True)  # RFC 5545, in `zone`
    zone = models.CharField(max_length=64, default="UTC")
    comment = models.TextField(blank=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_label = models.CharField(max_length=255)  # who, as it stood then, or as the tool said
    created_at = models.DateTimeField()
    notice = models.DurationField(null=True)  # the author hears so long before it ends
    told_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(null=True, db_index=True)
    swept_at = models.DateTimeField(null=True)  # when it was laid over what fired already
    ended_at = models.DateTimeField(null=True)  # ended before its time
    from_file = models.BooleanField(default=False)

    class Meta:
        indexes = (models.Index(fields=("ended_at", "ends_at"), name="alerts_silences"),)


class Inhibitor(models.Model):
    """A firing alert that matches the source side of an inhibition."""

    alert = models.ForeignKey(Alert, models.CASCADE, related_name="inhibits")
    rule = models.CharField(max_length=128)
    alike = models.CharField(max_length=32)  # of the labels that must be equal
    both = models.BooleanField(default=False)  # it matches the target side too
    since = models.DateTimeField()
    settled = models.BooleanField(default=False)  # laid over what fired already, for the last time

    class Meta:
        constraints = (models.UniqueConstraint(fields=("alert", "rule"), name="alerts_inhibits_once"),)
        indexes = (
            models.Index(fields=("rule", "alike"), name="alerts_inhibitors"),
            models.Index(fields=("since",), condition=Q(settled=False), name="alerts_inhibitors_new"),
        )


class SuppressionRules(models.Model):
    """Inhibitions and storm mode: one row. `definition` is the configuration form."""

    definition = models.JSONField(default=dict)
    from_file = models.BooleanField(default=False)


class Change(models.Model):
    """What somebody changed: a deploy, a flag. It stands on the timelines of what breaks after it."""

    integration = models.ForeignKey(Integration, models.PROTECT, related_name="changes")
    dedup_key = models.CharField(max_length=512, blank=True)
    service = models.ForeignKey(Service, models.SET_NULL, null=True, related_name="changes")
    summary = models.CharField(max_length=1024)
    source = models.CharField(max_length=512, blank=True)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    labels = models.JSONField(default=dict)
    links = models.JSONField(default=list)
    details = models.JSONField(default=dict)

    class Meta:
        indexes = (
            models.Index(fields=("service", "-occurred_at"), name="alerts_changes"),
            models.Index(fields=("-occurred_at",), name="alerts_changes_all"),
        )
