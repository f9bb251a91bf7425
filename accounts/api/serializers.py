"""What goes in and out of the API about who is calling; the base refuses what it does not know."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from rest_framework import serializers

from marketplace_payouts.lib.clock import utc_now

_AHEAD: Final = timedelta(minutes=1)


class Body(serializers.Serializer[Any]):
    """What somebody sends: a field that is not known is a mistake, and so is one of another type of JSON's.

    The framework would make a text of a number, an id of another, and a truth of the text no.
    """

    may_be_left_out: ClassVar[bool] = False
    """Whether the document says that a request may come without, although there are fields that must be there."""

    def to_internal_value(self, data: Any) -> Any:
        """This will read the fields.

        :raises ValidationError: naming each field that is wrong, missing or unknown.
        """
        if isinstance(data, dict):
            mistyped = _mistyped_within((name, self.fields.get(name), value) for name, value in data.items())
            if mistyped:
                raise serializers.ValidationError(mistyped)
        known = super().to_internal_value(data)
        unknown = sorted(set(data) - set(self.fields))
        if unknown:
            names = ", ".join(self.fields) or "none at all"
            sentence = f"There is no such field; there is: {names}."
            raise serializers.ValidationError(
                {name: serializers.ErrorDetail(sentence, "unknown_field") for name in unknown}
            )
        return known


def _mistyped(field: Any, value: Any) -> Any:
    """Give what is wrong with the type of a value, as the framework writes errors; null is left to the field."""
    match field, value:
        case _, None:
            return None
        case serializers.DictField(), dict():
            return _mistyped_within((name, field.child, one) for name, one in value.items())
        case serializers.ListField(), list():
            return _mistyped_within((str(place), field.child, one) for place, one in enumerate(value))
        case serializers.BooleanField(), _ if not isinstance(value, bool):
            return serializers.ErrorDetail("Send true or false, without quotes.", "invalid")
        case ((serializers.CharField() | serializers.UUIDField()), _) if not isinstance(value, str):
            return serializers.ErrorDetail("Send a text, in quotes.", "invalid")
    return None


def _mistyped_within(parts: Iterable[tuple[str, Any, Any]]) -> dict[str, Any]:
    found = {name: _mistyped(field, value) for name, field, value in parts}
    return {name: wrong for name, wrong in found.items() if wrong}


class Nothing(Body):
    """No fields: an empty object, or no body."""


class OnBehalfOf(Body):
    """For whom the marketplace's server opens a session. Only a signed request has a body."""

    may_be_left_out = True

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


class Amount(serializers.Serializer[Any]):
    """An amount of money, as `Money.shown_json` writes it."""

    units = serializers.CharField(
        help_text="Whole units of the currency's smallest denomination; negative with a minus."
    )
    currency = serializers.CharField(help_text="Such as EUR.")
    exponent = serializers.IntegerField(help_text="Its decimals: the amount is units / 10^exponent.")


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
