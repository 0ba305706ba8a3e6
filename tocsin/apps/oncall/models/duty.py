"""What being on call leaves behind: notices sent, readiness asked for, pages that used a shift, hours."""

from django.db import models

from tocsin.apps.identity.models import User


class NoticeSettings(models.Model):
    """How long before going on or off call a person wants to hear of it (seconds, several), and of what else.
    Without a row the defaults of domain.schedule.notices hold.
    """

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="+")
    on_s = models.JSONField(default=list)
    off_s = models.JSONField(default=list)
    handoff = models.BooleanField(default=True)
    moved = models.BooleanField(default=True)


class NoticeSent(models.Model):
    """So that each is sent once: `key` stands for schedule, person, shift and kind. Beside those it holds
    when notices were last looked for (`tick`), and who answered a page of which incident (`answered:…`).
    """

    key = models.CharField(max_length=255, primary_key=True)
    at = models.DateTimeField(db_index=True)


class Readiness(models.Model):
    """Before a shift the incoming person is asked to confirm a test page."""

    schedule = models.CharField(max_length=128)
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    role = models.CharField(max_length=128)
    shift_start = models.DateTimeField()
    shift_end = models.DateTimeField()
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, db_index=True)  # when others are told, unless confirmed before
    confirmed_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)  # the outgoing person and the lead were told
    told = models.JSONField(default=list)  # whom

    class Meta:
        ordering = ("-shift_start", "id")
        constraints = (
            models.UniqueConstraint(
                fields=("schedule", "user", "role", "shift_start"), name="oncall_readiness_once"
            ),
        )


class ShiftUse(models.Model):
    """Whom paging really used: one row for each person a step took from a schedule. Never changed.

    `email` is text, so that who left stays in it. Escalation and incidents are above: ids, no foreign keys.
    """

    at = models.DateTimeField()
    schedule = models.CharField(max_length=128)
    which = models.CharField(max_length=16)  # current | next | previous
    role = models.CharField(max_length=128, blank=True)
    email = models.CharField(max_length=254, db_index=True)
    reason = models.CharField(max_length=512)
    incident_id = models.BigIntegerField()
    call_out_id = models.BigIntegerField(null=True)
    step = models.IntegerField(null=True)
    urgency = models.CharField(max_length=8)

    class Meta:
        indexes = (models.Index(fields=("schedule", "-at"), name="oncall_use_of_schedule"),)


class PayCorrection(models.Model):
    """Minutes added to, or taken from, what was computed for a person's day. Withdrawn, never changed."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    day = models.DateField()
    kind = models.CharField(max_length=16)  # domain.schedule.hours.Kind
    minutes = models.IntegerField()
    reason = models.CharField(max_length=255)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=255)
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.CharField(max_length=255, blank=True)

    class Meta:
        ordering = ("day", "id")
