from django.db import models

from tocsin.apps.escalation.models import Policy
from tocsin.apps.identity.models import Team


class _Shown(models.Manager["Service"]):
    """Those that are people's: all but the canary's."""

    def get_queryset(self) -> models.QuerySet["Service"]:
        return super().get_queryset().filter(canary=False)


class Service(models.Model):
    """What breaks. Without a policy the team's members are called, then lead and manager."""

    name = models.CharField(max_length=128, unique=True)
    team = models.ForeignKey(Team, models.PROTECT, null=True, related_name="services")
    policy = models.ForeignKey(Policy, models.PROTECT, null=True, related_name="services")
    severity = models.CharField(max_length=8, blank=True)
    urgency = models.CharField(max_length=16, default="by_severity")  # high | low | by_severity
    support_hours = models.JSONField(null=True)  # {timezone, days, start, end}
    outside = models.CharField(max_length=8, blank=True)
    raise_at_opening = models.BooleanField(default=False)
    ack_timeout_s = models.PositiveIntegerField(null=True)  # null: by severity; 0: off
    reopen_window_s = models.PositiveIntegerField(default=300)
    tier = models.PositiveSmallIntegerField(null=True)
    description = models.TextField(blank=True)
    links = models.JSONField(default=dict)
    depends_on = models.ManyToManyField("self", symmetrical=False, related_name="dependents")
    from_file = models.BooleanField(default=False)
    canary = models.BooleanField(default=False)  # the platform's own, which nobody sees

    objects = _Shown()
    everything = models.Manager["Service"]()

    def __str__(self) -> str:
        return self.name
