from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower

from tocsin.domain.permissions import Role


class UserState(models.TextChoices):
    INVITED = "invited"
    ACTIVE = "active"
    LEFT = "left"


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractBaseUser):
    """A person. The e-mail, in lower case, is what definitions, snapshots and files call them by."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=255, blank=True)
    timezone = models.CharField(max_length=64, default="UTC")
    role = models.CharField(max_length=16, choices=[(role, role) for role in Role], default=Role.RESPONDER)
    state = models.CharField(max_length=16, choices=UserState.choices, default=UserState.INVITED)
    from_file = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    # Read by django.contrib.auth and allauth.
    is_active = models.BooleanField(default=True)

    USERNAME_FIELD = "email"
    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        constraints = (models.UniqueConstraint(Lower("email"), name="identity_user_email_ci"),)

    def __str__(self) -> str:
        return self.name or self.email


class Team(models.Model):
    name = models.CharField(max_length=128, unique=True)
    description = models.TextField(blank=True)
    lead = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    manager = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    business_hours = models.JSONField(null=True)  # {timezone, days, start, end}
    holidays = models.JSONField(default=list)  # ISO dates, or one country code
    from_file = models.BooleanField(default=False)
    members: "models.ManyToManyField[User, Membership]" = models.ManyToManyField(
        User, through="Membership", related_name="teams"
    )

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    team = models.ForeignKey(Team, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    is_admin = models.BooleanField(default=False)
    position = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("position", "id")
        constraints = (models.UniqueConstraint(fields=("team", "user"), name="identity_membership_once"),)

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"


class ApiToken(models.Model):
    """A token acts as itself, with a role. Only its SHA-256 is kept; `prefix` is for recognising it."""

    name = models.CharField(max_length=128)
    prefix = models.CharField(max_length=16)
    digest = models.CharField(max_length=64, unique=True)
    role = models.CharField(max_length=16)
    created_by = models.CharField(max_length=255)
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
