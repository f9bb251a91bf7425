"""What goes in and out of the API about who is calling; the base refuses what it does not know."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from rest_framework import serializers

from marketplace_payouts.lib.clock import utc_now

_AHEAD: Final = timedelta(minutes=1)


class Body(serializers.Serializer[Any]):
    """What somebody sends: a field that is not known is a mistake, and not passed over."""

    def to_internal_value(self, data: Any) -> Any:
        """This will read the fields.

        :raises ValidationError: naming each field that is wrong, missing or unknown.
        """
        known = super().to_internal_value(data)
        unknown = sorted(set(data) - set(self.fields))
        if unknown:
            names = ", ".join(self.fields) or "none at all"
            sentence = f"There is no such field; there is: {names}."
            raise serializers.ValidationError(
                {name: serializers.ErrorDetail(sentence, "unknown_field") for name in unknown}
            )
        return known


class Nothing(Body):
    """No fields: an empty object, or no body."""


class OnBehalfOf(Body):
    """For whom the marketplace's server opens a session. Only a signed request has a body."""

    sharetribe_user_id = serializers.UUIDField(help_text="The user's id in Sharetribe.")
    logged_in_at = serializers.DateTimeField(
        default=None,
        allow_null=True,
        help_text="When the user themselves logged in at the marketplace; without it the session cannot change where"
        " money goes.",
    )
    may_change = serializers.BooleanField(
        default=True,
        help_text="False where somebody else acts as the user, such as an operator logged in as them.",
    )

    def validate_logged_in_at(self, value: datetime | None) -> datetime | None:
        """This will refuse what is yet to come."""
        if value is not None and value > utc_now() + _AHEAD:
            raise serializers.ValidationError(
                "That is yet to come: give the moment of the log-in, with its zone."
            )
        return value


class SharetribeTokenBody(Body):
    """With whom an account is to be linked."""

    token = serializers.CharField(
        max_length=4096, help_text="The user's own access token of Sharetribe, first shown here a moment ago."
    )


class Changes(serializers.Serializer[Any]):
    """Whether something may be changed, and why not."""

    allowed = serializers.BooleanField()
    code = serializers.CharField(allow_null=True, help_text="Why not, for programs.")
    detail = serializers.CharField(allow_null=True, help_text="Why not, and what to do.")
    fresh_until = serializers.DateTimeField(
        allow_null=True,
        help_text="Until when where money goes may be changed without logging in again; null: not now.",
    )


class Opened(serializers.Serializer[Any]):
    """A new session."""

    token = serializers.CharField(help_text="Shown this once. Send it as Authorization: Bearer.")
    expires_at = serializers.DateTimeField()
    changes = Changes()


class PayeeShown(serializers.Serializer[Any]):
    """The payee that a person is."""

    id = serializers.UUIDField()
    sharetribe_user_id = serializers.UUIDField()


class ServerShown(serializers.Serializer[Any]):
    """The marketplace's server."""

    key = serializers.CharField(help_text="The name of the key that signed.")


class LoginShown(serializers.Serializer[Any]):
    """How and when a person logged in."""

    by = serializers.ChoiceField(choices=["account", "sharetribe", "server"])
    at = serializers.DateTimeField(allow_null=True, help_text="As far as anybody knows.")


class Me(serializers.Serializer[Any]):
    """Who is calling."""

    kind = serializers.ChoiceField(choices=["person", "server"])
    id = serializers.UUIDField(allow_null=True, help_text="Of the person; null for a server.")
    email = serializers.EmailField(allow_null=True, help_text="Of an account of ours.")
    payee = PayeeShown(allow_null=True)
    server = ServerShown(allow_null=True)
    credential = serializers.ChoiceField(
        choices=["session", "sharetribe_token", "account_session", "signature"]
    )
    expires_at = serializers.DateTimeField(
        allow_null=True, help_text="When the credential ends by itself; null where only its issuer knows."
    )
    login = LoginShown()
    changes = Changes()


class Problem(serializers.Serializer[Any]):
    """One thing that was wrong."""

    code = serializers.CharField(help_text="For programs; does not change.")
    detail = serializers.CharField(help_text="What was wrong and what to do; its words may change.")
    field = serializers.CharField(
        allow_null=True, help_text="Of the body or the query; a path with dots, or null."
    )


class Problems(serializers.Serializer[Any]):
    """What every error looks like."""

    errors = Problem(many=True)  # type: ignore[assignment]  # the framework has a property of this name
