from django.db import models
from django.db.models import Q

from tocsin.apps.catalog.models import Service
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

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("integration", "dedup_key"), name="alerts_one_open", condition=Q(status="firing")
            ),
        )
        indexes = (models.Index(fields=("status", "-last_seen_at")),)


class Decision(models.Model):
    """What was decided about an alert, and why: route, severity, group, open or join …"""

    alert = models.ForeignKey(Alert, models.CASCADE, related_name="decisions")
    at = models.DateTimeField()
    stage = models.CharField(max_length=24)
    outcome = models.CharField(max_length=255)
    reason = models.CharField(max_length=1024)

    class Meta:
        ordering = ("id",)
