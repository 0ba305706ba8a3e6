from django.db import models

from tocsin.apps.identity.models import Team


class Policy(models.Model):
    """`definition` is the configuration form: {repeat, steps: [{notify: […], wait}], final?}."""

    name = models.CharField(max_length=128, unique=True)
    team = models.ForeignKey(Team, models.SET_NULL, null=True)
    definition = models.JSONField()
    from_file = models.BooleanField(default=False)


class SeverityRow(models.Model):
    """A changed row of the severity table; rows not here are as shipped."""

    name = models.CharField(max_length=8, unique=True)
    definition = models.JSONField()
    from_file = models.BooleanField(default=False)


class LastResort(models.Model):
    """Whom to call when nobody else answers; none here means the owners."""

    email = models.EmailField(unique=True)
    position = models.PositiveIntegerField(default=0)
    from_file = models.BooleanField(default=False)


class CallOut(models.Model):
    """One ladder climbing for one incident. `snapshot` and `state` are domain.escalation values as JSON."""

    incident_id = models.BigIntegerField(db_index=True)  # incidents is above: an id and a frozen subject
    kind = models.CharField(max_length=16)
    label = models.CharField(max_length=255)  # "checkout" or "help: alice@example.com"
    subject = models.JSONField()
    snapshot = models.JSONField()
    state = models.JSONField()
    status = models.CharField(max_length=16)
    generation = models.IntegerField(default=0)  # state's: news about an older one changes nothing
    due_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes = (
            models.Index(fields=("due_at",), name="escalation_due", condition=models.Q(due_at__isnull=False)),
        )


class Decision(models.Model):
    """Why somebody was, or was not, called: every effect of the machine, with its reason."""

    call_out = models.ForeignKey(CallOut, models.CASCADE, related_name="decisions")
    at = models.DateTimeField()
    kind = models.CharField(max_length=24)
    text = models.CharField(max_length=512)
    email = models.CharField(max_length=254, blank=True)
    step = models.IntegerField(null=True)

    class Meta:
        ordering = ("id",)


class Turn(models.Model):
    """Whom a round-robin step called, and when last: the cursor of a fair turn."""

    policy = models.CharField(max_length=128)
    step = models.PositiveSmallIntegerField()  # 1-based
    email = models.CharField(max_length=254)
    at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("policy", "step", "email"), name="escalation_turn_once"),
        )
