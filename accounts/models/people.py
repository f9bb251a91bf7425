"""People who log in, payees, and the one Sharetribe marketplace that this installation serves."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.utils import timezone

from accounts.roles import ACTS
from marketplace_payouts.lib.database import Stored
from marketplace_payouts.lib.ids import uuid7


class UserQuery(BaseUserManager["User"]):
    """Makes users; their e-mail address is their name."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """This will make a user with a lower-case address; without a password nobody can log in as it."""
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """This will make a technical superuser, who has no bypass in the domain (see `accounts.roles`)."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person who logs in: staff, somebody who signed up, or a Sharetribe user, who has neither address nor password.

    Whatever hangs on a person, as a buyer or a seller, hangs on this one row.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(unique=True, null=True, help_text="Empty: known by a Sharetribe log-in alone.")
    name = models.CharField(max_length=200, blank=True)
    is_staff = models.BooleanField(default=False, help_text="May log in to the admin.")
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now)

    objects: ClassVar[UserQuery] = UserQuery()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        permissions = tuple(ACTS.items())
        constraints = (
            # Django writes what is no password with an exclamation mark in front.
            models.CheckConstraint(
                condition=models.Q(email__isnull=False)
                | models.Q(is_staff=False, is_superuser=False, password__startswith="!"),  # noqa: S106 - no password
                name="accounts_user_address",
            ),
        )

    def __str__(self) -> str:
        return self.email or f"Sharetribe user {self.pk}"

    def get_full_name(self) -> str:
        """This will give the name for greetings."""
        return self.name or str(self)

    def get_short_name(self) -> str:
        """This will give the first word of the name."""
        return self.get_full_name().split(" ")[0]


class AccountQuery(models.Manager["Account"]):
    """Finds whoever is no staff."""

    def get_queryset(self) -> models.QuerySet[Account]:
        """This will leave staff out."""
        return super().get_queryset().filter(is_staff=False)


class Account(User):
    """A person who logs in by the API, as the back office shows them."""

    objects: ClassVar[AccountQuery] = AccountQuery()  # type: ignore[assignment]  # for looking, not for making

    class Meta:
        proxy = True


class Marketplace(Stored):
    """The Sharetribe marketplace behind our credentials; learned from `marketplace/show`, one per installation."""

    id = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=200)
    environment = models.CharField(max_length=4, choices=[("live", "live"), ("test", "test")])
    client_id = models.CharField(
        max_length=200, blank=True, help_text="Our application: its own events are echoes."
    )
    go_live_at = models.DateTimeField(
        null=True, blank=True, help_text="What became due before this moment is an opening item."
    )
    time_zone = models.CharField(max_length=64, default="UTC")
    cut_off_hour = models.PositiveSmallIntegerField(
        default=0, help_text="Business hour at which a day closes."
    )
    weekend_off = models.BooleanField(default=False)
    days_off = models.JSONField(default=list, blank=True, help_text="ISO dates on which nothing becomes due.")
    exponents = models.JSONField(
        default=dict, blank=True, help_text="Decimal places of Sharetribe's amounts, by currency."
    )
    exponents_confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    exponents_confirmed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.name} ({self.environment})"


class Payee(Stored):
    """The person or company to be paid; its identity is (marketplace, Sharetribe user id) and nothing else."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    marketplace = models.ForeignKey(Marketplace, on_delete=models.PROTECT, related_name="payees")
    flex_user_id = models.UUIDField()
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="payee",
        help_text="Who logs in; empty until the first visit.",
    )
    name = models.CharField(max_length=200, blank=True)
    email = models.EmailField(blank=True)
    language = models.CharField(
        max_length=10,
        blank=True,
        default="",
        db_default="",
        help_text="In which they are written to; empty: they have not said yet.",
    )
    country = models.CharField(
        max_length=2, blank=True, help_text="Where they are paid, as they say: ISO 3166-1, two letters."
    )
    stripe_connected = models.BooleanField(
        default=False, help_text="Sharetribe says: has a Stripe account there."
    )
    closed = models.BooleanField(default=False, help_text="Banned or deleted in Sharetribe.")
    frozen_at = models.DateTimeField(null=True, blank=True)
    frozen_reason = models.TextField(blank=True)
    profile_read_at = models.DateTimeField(null=True, blank=True)
    next_gather_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When what this payee is owed is looked at for paying; empty: nothing waits.",
    )
    pay_now_at = models.DateTimeField(
        null=True, blank=True, help_text="Staff asked to pay outside the schedule."
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["marketplace", "flex_user_id"], name="accounts_payee_identity"),
        )
        indexes = (
            models.Index(
                fields=["next_gather_at", "id"],
                name="accounts_payee_to_gather",
                condition=models.Q(next_gather_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return self.name or str(self.flex_user_id)
