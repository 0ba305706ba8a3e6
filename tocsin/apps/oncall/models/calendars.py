from django.db import models

from tocsin.apps.identity.models import User


class Calendar(models.Model):
    """An iCal address that is read again and again: a schedule's overrides, or people's absences.

    `due_at` is when it is next fetched. `unmatched` lists the events of the last reading that name nobody we
    know: [{uid, summary, start, end, why}].
    """

    name = models.CharField(max_length=128)
    url = models.CharField(max_length=2048)
    use = models.CharField(max_length=16)  # overrides | absences
    schedule = models.CharField(max_length=128, blank=True)  # of overrides
    user = models.ForeignKey(
        User, models.CASCADE, null=True, related_name="+"
    )  # absences of this person alone
    due_at = models.DateTimeField(db_index=True)
    read_at = models.DateTimeField(null=True)  # when it was last read with success
    failures = models.PositiveIntegerField(default=0)  # since then
    problem = models.CharField(max_length=500, blank=True)
    etag = models.CharField(max_length=512, blank=True)
    unmatched = models.JSONField(default=list)
    events = models.PositiveIntegerField(default=0)  # of the last reading, that named somebody
    idle = models.PositiveIntegerField(default=0)  # of these, that put on call who is on call anyway
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=255)

    class Meta:
        ordering = ("name", "id")


class Absence(models.Model):
    """A person is away. It warns; it takes nobody off call."""

    user = models.ForeignKey(User, models.CASCADE, related_name="absences")
    start = models.DateTimeField()
    end = models.DateTimeField()
    note = models.CharField(max_length=255, blank=True)
    calendar = models.ForeignKey(Calendar, models.CASCADE, null=True, related_name="absences")
    uid = models.CharField(max_length=512, blank=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=255)

    class Meta:
        ordering = ("start", "id")


class Feed(models.Model):
    """A secret address that calendars subscribe to: one person's shifts, or (`schedule`) a whole schedule's.
    The address is made of the secret of the installation and `nonce`; without the row it is dead.
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="feeds")  # whose it is
    schedule = models.CharField(max_length=128, blank=True)
    nonce = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("user", "schedule"), name="oncall_one_feed_for_each"),)


class FeedEvent(models.Model):
    """What was last said about one shift in calendars: the same shift keeps its UID, and a change counts
    `sequence` up. `gone_at`: told as cancelled since then.
    """

    uid = models.CharField(max_length=255, primary_key=True)
    schedule = models.CharField(max_length=128, db_index=True)
    email = models.CharField(max_length=254, db_index=True)
    digest = models.CharField(max_length=64)
    start = models.DateTimeField()
    end = models.DateTimeField()
    summary = models.CharField(max_length=512)
    sequence = models.PositiveIntegerField(default=0)
    changed_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True)
