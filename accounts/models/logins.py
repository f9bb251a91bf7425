"""By what callers are known: people's short sessions, codes that are mailed, keys of the marketplace's server."""

from __future__ import annotations

import uuid
from typing import Final

from django.conf import settings
from django.db import models
from django.utils import timezone

from marketplace_payouts.lib.database import Stored
from marketplace_payouts.lib.ids import uuid7

CODE_TRIES: Final = 5
"""How often somebody may mistype a code that was mailed."""


class ServerKey(Stored):
    """A key by which the marketplace's server signs its requests; several may be good at once, for changing them."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=100, help_text="Which server has it, such as “web template, live”.")
    sealed = models.BinaryField(help_text="The secret, sealed under DETAILS_KEYS.")
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    revoked_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(null=True, blank=True, help_text="Last used, to the minute.")

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(revoked_at__isnull=True, revoked_by__isnull=True)
                | models.Q(revoked_at__isnull=False, revoked_by__isnull=False),
                name="accounts_serverkey_revoked_by",
            ),
        )

    def __str__(self) -> str:
        return self.name


class SignedMessage(Stored):
    """The id of a signed request that was accepted, so that none is accepted twice; kept for a day."""

    key = models.ForeignKey(ServerKey, on_delete=models.CASCADE, related_name="+")
    message = models.CharField(max_length=255)
    seen_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["key", "message"], name="accounts_signedmessage_once"),
        )


class SharetribeToken(Stored):
    """When an access token of a Sharetribe user was first shown to us; the token itself is kept nowhere."""

    digest = models.CharField(primary_key=True, max_length=64)
    seen_at = models.DateTimeField(db_index=True)


class Login(models.TextChoices):
    """By what a person is known to be who they are."""

    ACCOUNT = "account", "an account of ours"
    SHARETRIBE = "sharetribe", "a Sharetribe log-in"
    SERVER = "server", "the word of the marketplace's server"
    CODE = "code", "a code that was mailed to the address at Sharetribe"


class ReadOnly(models.TextChoices):
    """Why a person may look and change nothing."""

    IMPERSONATED = "impersonated", "An operator logged in as the user."
    UNDETERMINED = "undetermined", "Nobody can tell an operator who logged in as the user from the user."
    SERVER = "server", "The marketplace's server asked for it."


class Door(models.TextChoices):
    """What a session opens; none opens both."""

    API = "api", "the API"
    PAGES = "pages", "the payees' own pages"


class ApiSession(Stored):
    """A short session of ours, for which another proof was exchanged; of its token only the digest is kept."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    digest = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_sessions")
    door = models.CharField(max_length=5, choices=Door.choices, default=Door.API, db_default=Door.API)
    login = models.CharField(max_length=10, choices=Login.choices)
    logged_in_at = models.DateTimeField(
        null=True, blank=True, help_text="When the person logged in; empty: nobody knows."
    )
    read_only = models.CharField(max_length=12, choices=ReadOnly.choices, blank=True)
    key = models.ForeignKey(
        ServerKey, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="Who vouched."
    )
    password_stamp = models.CharField(
        max_length=64,
        blank=True,
        help_text="Follows from the password of an account: a new one ends the session.",
    )
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(expires_at__gt=models.F("made_at")), name="accounts_apisession_lasts"
            ),
            models.CheckConstraint(
                condition=models.Q(login=Login.SERVER, key__isnull=False)
                | (~models.Q(login=Login.SERVER) & models.Q(key__isnull=True)),
                name="accounts_apisession_vouched",
            ),
        )


class EntryCode(Stored):
    """That somebody asked for a code by which they log in, and the code once it was mailed.

    There is one for every address that was asked for, so that nobody sees which ones are known. It belongs to the
    browser that asked, which alone knows its id.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    address = models.EmailField(help_text="In lower case; kept for a day.")
    flex_user_id = models.UUIDField(
        null=True,
        blank=True,
        help_text="Whose verified address at Sharetribe it is; empty: nobody's, and nothing was mailed.",
    )
    digest = models.CharField(
        max_length=64, blank=True, help_text="Of the code, keyed; empty: none was mailed."
    )
    language = models.CharField(max_length=10, help_text="In which it was asked for.")
    tries = models.PositiveSmallIntegerField(default=0)
    asked_at = models.DateTimeField(db_index=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(tries__lte=CODE_TRIES), name="accounts_entrycode_tries"
            ),
            models.CheckConstraint(
                condition=models.Q(digest="") | models.Q(flex_user_id__isnull=False),
                name="accounts_entrycode_known",
            ),
        )
