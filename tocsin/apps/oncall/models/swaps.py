from django.db import models

from tocsin.apps.identity.models import User


class Swap(models.Model):
    """Somebody asks that another takes their shifts of [start, end) on one schedule. Only a taken one has
    overrides, and so pages anybody.

    `schedule` is a name, because a rotation's implicit schedule has no row. `return_start` and `return_end`:
    what the taker asks to be relieved of instead, on the same schedule. `unasked`: the taker offered of their
    own accord, so without the taker nothing is left of it.
    """

    schedule = models.CharField(max_length=128, db_index=True)
    requester = models.ForeignKey(User, models.CASCADE, related_name="+")
    start = models.DateTimeField()
    end = models.DateTimeField()
    note = models.CharField(max_length=500, blank=True)
    asked = models.ForeignKey(User, models.CASCADE, null=True, related_name="+")  # None: anybody
    state = models.CharField(max_length=16, default="open")  # domain.schedule.swapping.SwapState
    needs_approval = models.BooleanField(default=False)
    taker = models.ForeignKey(User, models.CASCADE, null=True, related_name="+")
    unasked = models.BooleanField(default=False)
    accepted = models.BooleanField(default=False)  # by the requester: what is asked in return
    return_start = models.DateTimeField(null=True)
    return_end = models.DateTimeField(null=True)
    approved_by = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=255)
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ("start", "id")
