from django.db import models

from tocsin.apps.identity.models import User


class ContactMethod(models.Model):
    """One way to reach a person. `type` is a channel's; `config` holds what that channel needs besides an
    address.
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="contact_methods")
    type = models.CharField(max_length=32)
    address = models.CharField(max_length=512)
    config = models.JSONField(default=dict)
    position = models.PositiveIntegerField(default=0)
    verified_at = models.DateTimeField(null=True)
    disabled_at = models.DateTimeField(null=True)
    disabled_reason = models.CharField(max_length=255, blank=True)
    code = models.CharField(max_length=8, blank=True)  # sent over it; typing it in verifies the method
    code_expires_at = models.DateTimeField(null=True)
    from_file = models.BooleanField(default=False)

    class Meta:
        ordering = ("position", "id")
        constraints = (
            models.UniqueConstraint(fields=("user", "type", "address"), name="notify_contact_method_once"),
        )


class NotificationRule(models.Model):
    """Without a user: for everybody who has none of their own."""

    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="notification_rules")
    occasion = models.CharField(max_length=16, default="page")  # domain.notification.Occasion
    urgency = models.CharField(max_length=8)
    after_s = models.PositiveIntegerField()
    via = models.CharField(max_length=32)
    position = models.PositiveIntegerField(default=0)
    from_file = models.BooleanField(default=False)

    class Meta:
        ordering = ("after_s", "position", "id")


class QuietHours(models.Model):
    """Low urgency waits while these are on; high urgency never does while on call."""

    user = models.OneToOneField(User, models.CASCADE, related_name="quiet_hours")
    timezone = models.CharField(max_length=64)
    days = models.JSONField(default=list)
    start = models.TimeField()
    end = models.TimeField()


class Page(models.Model):
    """One person being called for one incident by one call-out. It ends when nothing more may be sent for
    it. Without a user: what a policy says to a chat room or a webhook.
    """

    call_out_id = models.BigIntegerField(null=True)  # escalation is above: an id, not a foreign key
    incident_id = models.BigIntegerField(null=True, db_index=True)
    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="pages")
    kind = models.CharField(max_length=16)  # domain.notification.MessageKind
    urgency = models.CharField(max_length=8)
    occasion = models.CharField(max_length=16, default="page")
    step = models.IntegerField(null=True)
    generation = models.IntegerField(default=0)  # of the call-out, when it made this page
    reason = models.CharField(max_length=512)
    subject = models.JSONField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=255, blank=True)
    headline = models.CharField(max_length=512, blank=True)  # of quiet words; a page's is its subject
    # Of words about being on call: {lines, confirm, incidents}, and what makes each of them once.
    more = models.JSONField(null=True)
    key = models.CharField(max_length=64, null=True)
    bundle = models.CharField(max_length=64, blank=True)  # pages of one person with this word leave as one

    class Meta:
        indexes = (
            models.Index(
                fields=("call_out_id",), name="notify_open_pages", condition=models.Q(ended_at__isnull=True)
            ),
            models.Index(fields=("bundle", "user"), name="notify_bundles", condition=~models.Q(bundle="")),
        )
        constraints = (
            models.UniqueConstraint(
                fields=("key",), name="notify_page_once", condition=models.Q(key__isnull=False)
            ),
        )


class NotificationState(models.TextChoices):
    PLANNED = "planned"
    CLAIMED = "claimed"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    CANCELLED = "cancelled"
    MERGED = "merged"  # an identical message says it; `carried_by` is that one
    BUNDLED = "bundled"  # a message that lists several incidents says it; `carried_by` is that one
    SUPPRESSED = "suppressed"  # never meant to leave: no usable method, console only …; `reason` says why


class Notification(models.Model):
    """One message over one contact method: the outbox row. `due_at` is when it may next be tried."""

    page = models.ForeignKey(Page, models.CASCADE, related_name="notifications")
    person = models.BigIntegerField(default=0, db_default=0)  # the page's user; 0: a room
    method = models.ForeignKey(ContactMethod, models.SET_NULL, null=True)
    via = models.CharField(max_length=32)
    address = models.CharField(max_length=512, blank=True)
    key = models.CharField(max_length=128, unique=True)  # the idempotency key
    rank = (
        models.SmallIntegerField()
    )  # 0 first page high, 1 repeat high, 2 first page low, 3 repeat low, 5 quiet words
    due_at = models.DateTimeField()
    wanted_at = models.DateTimeField()  # when it was first due
    hurry = models.BooleanField(default=False)  # the first page of a SEV1 or SEV2: 60 s, then the next method
    state = models.CharField(
        max_length=16, choices=NotificationState.choices, default=NotificationState.PLANNED
    )
    reason = models.CharField(max_length=512, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    claimed_by = models.CharField(max_length=64, blank=True)
    claimed_at = models.DateTimeField(null=True)
    handed_at = models.DateTimeField(null=True)  # it may have left from here on
    sent_at = models.DateTimeField(null=True)
    receipt = models.CharField(max_length=512, blank=True)
    hold = models.CharField(max_length=255, blank=True)  # why `due_at` was put off: a throttle, which one
    carried_by = models.ForeignKey("self", models.SET_NULL, null=True, related_name="carries")
    vendor = models.CharField(max_length=32, blank=True)  # who took it: twilio, plivo, smtp …
    ref = models.CharField(max_length=128, blank=True)  # the vendor's own name for it, as callbacks say it
    progress = models.SmallIntegerField(default=0)  # rank of the latest callback: a late one changes nothing
    receipt_due_at = models.DateTimeField(null=True)  # without a receipt by then, another vendor or way

    class Meta:
        indexes = (
            models.Index(
                fields=("rank", "due_at"),
                name="notify_due",
                condition=models.Q(state__in=("planned", "claimed")),
            ),
            # The queue walks from person to person, however many messages wait for each.
            models.Index(
                fields=("rank", "person", "due_at"),
                name="notify_queue",
                condition=models.Q(state="planned"),
            ),
            models.Index(fields=("claimed_by",), name="notify_claimed", condition=models.Q(state="claimed")),
            models.Index(fields=("page", "state"), name="notify_of_page"),
            # What throttles count, and how callbacks find their message.
            models.Index(
                fields=("via", "address", "sent_at"),
                name="notify_sent_to",
                condition=models.Q(sent_at__isnull=False),
            ),
            models.Index(
                fields=("via", "sent_at"),
                name="notify_sent_over",
                condition=models.Q(sent_at__isnull=False),
            ),
            models.Index(fields=("vendor", "ref"), name="notify_by_ref", condition=~models.Q(ref="")),
            models.Index(
                fields=("receipt_due_at",),
                name="notify_receipt_due",
                condition=models.Q(receipt_due_at__isnull=False),
            ),
        )


class Attempt(models.Model):
    notification = models.ForeignKey(Notification, models.CASCADE, related_name="trail")
    at = models.DateTimeField()
    result = models.CharField(max_length=16)
    detail = models.CharField(max_length=512)
    vendor = models.CharField(max_length=32, blank=True)

    class Meta:
        indexes = (models.Index(fields=("at",), name="notify_bounces", condition=models.Q(result="bounced")),)


class Throttle(models.Model):
    """At most `most` messages within `within_s` over a channel, to one address (`scope` contact) or in all
    (`vendor`). Where a channel has rows here of a scope, they stand in place of those shipped.
    """

    via = models.CharField(max_length=32)
    scope = models.CharField(max_length=8)
    most = models.PositiveIntegerField()
    within_s = models.PositiveIntegerField()
    from_file = models.BooleanField(default=False)

    class Meta:
        ordering = ("via", "scope", "within_s")
        constraints = (
            models.UniqueConstraint(fields=("via", "scope", "within_s"), name="notify_throttle_once"),
        )


class VendorState(models.Model):
    """How a vendor does. `failing_since` None: well, as far as is known."""

    vendor = models.CharField(max_length=32, primary_key=True)
    failing_since = models.DateTimeField(null=True)
    last_ok_at = models.DateTimeField(null=True)
    last_failed_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=512, blank=True)
    told_at = models.DateTimeField(null=True)  # when the administrators were told
    failures = models.PositiveIntegerField(default=0)  # one after the other, and since when
    failures_from = models.DateTimeField(null=True)


class Matter(models.Model):
    """Something about Tocsin itself that is, or was, not well: its administrators are told once of each time,
    and not more than once an hour.
    """

    name = models.CharField(max_length=64, primary_key=True)
    since = models.DateTimeField(null=True)  # None: well
    told_at = models.DateTimeField(null=True)  # the last time they were told that it is not
    detail = models.CharField(max_length=512, blank=True)


class Reached(models.Model):
    """When a person was last paged: the queue serves who waited longest."""

    user = models.OneToOneField(User, models.CASCADE, primary_key=True)
    last_paged_at = models.DateTimeField()


class Served(models.Model):
    """When somebody was last paged for a service: among people, the one whose service waited longest."""

    service = models.CharField(max_length=255, primary_key=True)
    last_paged_at = models.DateTimeField()


class Pause(models.Model):
    """A vendor asked us to wait: nothing leaves over this channel before `until`."""

    via = models.CharField(max_length=32, primary_key=True)
    until = models.DateTimeField()
    why = models.CharField(max_length=255)


class LocalMail(models.Model):
    """What the console twin "sent" while no SMTP server is set: the local outbox page shows it. It reached
    nobody.
    """

    at = models.DateTimeField(db_index=True)
    to = models.CharField(max_length=512)
    subject = models.CharField(max_length=512)
    text = models.TextField()
    html = models.TextField(blank=True)


class WorkerProcess(models.Model):
    """A running worker. It writes `heartbeat_at` each second; claims of one silent for 4 s may be taken
    over.
    """

    id = models.CharField(max_length=64, primary_key=True)
    host = models.CharField(max_length=255)
    pid = models.IntegerField()
    started_at = models.DateTimeField()
    heartbeat_at = models.DateTimeField()
