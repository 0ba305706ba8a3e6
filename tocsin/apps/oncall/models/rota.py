from django.db import models

from tocsin.apps.identity.models import Team, User
from tocsin.apps.oncall.models.calendars import Calendar
from tocsin.apps.oncall.models.swaps import Swap


class Rotation(models.Model):
    """`definition` is the configuration form of one rotation, as JSON (domain.configuration reads and writes
    it).

    `ring_offset` and `past` are what edits left behind: the ring goes on where it was, and the past stays.
    """

    name = models.CharField(max_length=128, unique=True)
    definition = models.JSONField()
    position = models.PositiveIntegerField(default=0)  # the order in the file
    ring_offset = models.PositiveIntegerField(default=0)
    past = models.JSONField(default=list)  # [{definition, ring_offset, until}], oldest first
    from_file = models.BooleanField(default=False)


class Schedule(models.Model):
    """`definition` is the configuration form of one schedule, as JSON, without its name, team and overrides:
    those are columns and rows of their own. `past` is what it was before edits of its layers and fallback.
    """

    name = models.CharField(max_length=128, unique=True)
    team = models.ForeignKey(Team, models.SET_NULL, null=True)
    definition = models.JSONField()
    past = models.JSONField(default=list)  # [{definition, until}], oldest first
    from_file = models.BooleanField(default=False)


class FormerSchedule(models.Model):
    """What a schedule was that is deleted: pay and whoever else looks back still find it. `past` as a
    schedule's, with the rotations it needs in it.
    """

    name = models.CharField(max_length=128, unique=True)
    past = models.JSONField()


class Override(models.Model):
    """Somebody instead of, beside, or taken out of whoever is on call. The last created that applies wins.

    `schedule` is a name, because a rotation's implicit schedule has no row.
    """

    schedule = models.CharField(max_length=128, db_index=True)
    start = models.DateTimeField()
    end = models.DateTimeField()
    kind = models.CharField(max_length=16, default="override")  # override | replace | add | remove
    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="+")
    replaces = models.ForeignKey(User, models.CASCADE, null=True, related_name="+")
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=255)
    from_file = models.BooleanField(default=False)
    position = models.PositiveIntegerField(default=0)
    swap = models.ForeignKey(Swap, models.CASCADE, null=True, related_name="overrides")  # made by taking it
    calendar = models.ForeignKey(Calendar, models.CASCADE, null=True, related_name="overrides")
    uid = models.CharField(max_length=512, blank=True)  # the event in that calendar, and which of its repeats

    class Meta:
        ordering = ("created_at", "position", "id")
