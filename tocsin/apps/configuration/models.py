from django.db import models


class AppliedObject(models.Model):
    """What a file made, and from which file: all that `apply --prune` may remove."""

    kind = models.CharField(max_length=32)
    name = models.CharField(max_length=255)
    file = models.CharField(max_length=512)
    digest = models.CharField(max_length=64)
    applied_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("kind", "name"), name="configuration_once"),)
