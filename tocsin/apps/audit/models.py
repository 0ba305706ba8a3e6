from django.db import models


class AuditEntry(models.Model):
    """Who did what to which thing. Append-only: the database itself refuses UPDATE, DELETE and TRUNCATE."""

    at = models.DateTimeField(db_index=True)
    actor_kind = models.CharField(max_length=16)
    actor_id = models.BigIntegerField(null=True)
    actor_label = models.CharField(max_length=255)
    action = models.CharField(max_length=64, db_index=True)
    target_kind = models.CharField(max_length=32)
    target_id = models.CharField(max_length=64)
    target_label = models.CharField(max_length=255)
    data = models.JSONField(default=dict)

    class Meta:
        ordering = ("-id",)
        indexes = (models.Index(fields=("target_kind", "target_id")),)

    def __str__(self) -> str:
        return f"{self.actor_label}: {self.action} {self.target_label}"


class IdempotencyKey(models.Model):
    """The answer a POST was given, so that the same key gets it again. Kept for a day."""

    key = models.CharField(max_length=255)
    actor = models.CharField(max_length=255)
    path = models.CharField(max_length=512)
    digest = models.CharField(max_length=64)  # of the body: the same key with another body is refused
    status = models.SmallIntegerField()
    body = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("key", "actor", "path"), name="audit_idempotent"),)

    def __str__(self) -> str:
        return f"{self.actor} {self.path} {self.key}"
