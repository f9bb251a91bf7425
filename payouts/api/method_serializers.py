"""What goes in and out of the API about payout methods."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.errors import ApiError
from accounts.api.serializers import Amount, Body
from payouts.kept_methods import Standing
from payouts.providers.offering import FieldType, HostedState, Kind, Proof

_COUNTRY: Final = "Where they are paid: two letters of ISO 3166-1. Without it, where they last said."
_PROVIDER: Final = "One of those that are offered."


@extend_schema_field({"type": "string", "pattern": "^[A-Za-z]{2}$"})
class _Country(serializers.CharField):
    """A country."""

    def __init__(self) -> None:
        super().__init__(max_length=2, required=False, default="", help_text=_COUNTRY)


class _Values(serializers.DictField):
    """What was filled in, by the names of the form's fields."""

    child = serializers.CharField(max_length=1000, allow_blank=True)

    def __init__(self, **options: Any) -> None:
        super().__init__(
            required=False, default=dict, help_text="By the names of the form's fields.", **options
        )


class OffersAsked(Body):
    """For which country."""

    country = _Country()


class RequirementsAsked(Body):
    """Of which service, and what was filled in so far."""

    provider = serializers.CharField(max_length=30, help_text=_PROVIDER)
    values = _Values()
    country = _Country()


class MethodChosen(RequirementsAsked):
    """Where a payee wants to be paid."""


class LinkAsked(Body):
    """To which service's pages, and whence they come back."""

    provider = serializers.CharField(max_length=30, help_text=_PROVIDER)
    country = _Country()
    return_url = serializers.URLField(
        max_length=500,
        help_text="Where the service sends the person back to: a page of ours, or of an origin in CORS_ORIGINS.",
    )

    def validate_return_url(self, value: str) -> str:
        """This will refuse to send people to strangers.

        :raises ApiError: when it is no page of ours.
        """
        parts = urlsplit(value)
        ours = [settings.PUBLIC_URL, *settings.CORS_ALLOWED_ORIGINS]
        if f"{parts.scheme}://{parts.netloc}" not in ours:
            sentence = "This is no page of ours: name its origin in CORS_ORIGINS first."
            raise ApiError("foreign_url", sentence, field="return_url")
        return value


class TermsShown(serializers.Serializer[Any]):
    """What would become of what is owed in one currency. What is null has a note that says why."""

    owed_currency = serializers.CharField()
    owed = Amount(allow_null=True, help_text="What is owed now and not being sent; null: nothing.")
    currency = serializers.CharField(allow_null=True, help_text="In which it is received.")
    fee = Amount(allow_null=True, help_text="What the payee pays of it.")
    fee_note = serializers.CharField(allow_null=True)
    amount = Amount(allow_null=True, help_text="What likely arrives.")
    amount_note = serializers.CharField(allow_null=True)
    arrives_within_s = serializers.IntegerField(allow_null=True, help_text="Seconds after it was sent.")
    arrival_note = serializers.CharField(allow_null=True)


class OfferShown(serializers.Serializer[Any]):
    """One service."""

    provider = serializers.CharField(help_text="Its name, to be sent back.")
    label = serializers.CharField(help_text="Its name for people.")  # type: ignore[assignment]  # the framework's own
    kind = serializers.ChoiceField(
        choices=list(Kind), help_text="`form`: fill in its form. `hosted`: go on at its own pages."
    )
    proof = serializers.ChoiceField(
        choices=list(Proof),
        help_text="How it comes to count as the payee's: `mailed_link` to the address itself, `service` where they"
        " logged in, `log_in` where they gave it here.",
    )
    offered = serializers.BooleanField()
    why_not = serializers.CharField(allow_null=True, help_text="Why it is not offered.")
    terms = TermsShown(many=True, help_text="For each currency that is owed; where none is, that is sold in.")


class OffersShown(serializers.Serializer[Any]):
    """What there is, and whether it is offered."""

    country = serializers.CharField(
        allow_null=True, help_text="For which; null: not known, so that the country refuses nothing."
    )
    offers = OfferShown(many=True)


class ChoiceShown(serializers.Serializer[Any]):
    """One of those that a field offers."""

    value = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # the framework's own


class FieldShown(serializers.Serializer[Any]):
    """One field of a form."""

    name = serializers.CharField()
    type = serializers.ChoiceField(choices=list(FieldType), help_text="What you do not know, show as text.")
    label = serializers.CharField()  # type: ignore[assignment]  # the framework has an attribute of this name
    required = serializers.BooleanField()  # type: ignore[assignment]  # the same
    help = serializers.CharField(allow_null=True)
    example = serializers.CharField(allow_null=True)
    pattern = serializers.CharField(
        allow_null=True, help_text="A regular expression for the whole value, as HTML's `pattern` reads it."
    )
    max_length = serializers.IntegerField()
    choices = ChoiceShown(many=True, allow_null=True)
    refreshes = serializers.BooleanField(help_text="Ask for the form anew when this one changes.")
    value = serializers.CharField(allow_null=True, help_text="What was sent, or is proposed.")


class RequirementsShown(serializers.Serializer[Any]):
    """What a service must know."""

    kind = serializers.ChoiceField(choices=list(Kind))
    fields = FieldShown(many=True, allow_null=True, help_text="Of a form.")  # type: ignore[assignment]  # the same
    state = serializers.ChoiceField(
        choices=list(HostedState), allow_null=True, help_text="Of a service with pages of its own."
    )
    detail = serializers.CharField(allow_null=True, help_text="Where they stand there, and what to do.")


class LinkShown(serializers.Serializer[Any]):
    """Where the person goes on."""

    url = serializers.CharField(help_text="Open it at once; keep and mail it nowhere.")
    expires_at = serializers.DateTimeField(allow_null=True)


class MethodShown(serializers.Serializer[Any]):
    """A payout method, masked."""

    id = serializers.UUIDField()
    provider = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # the framework has an attribute of this name
    masked = serializers.CharField()
    default = serializers.BooleanField(help_text="What is owed is paid there.")
    standing = serializers.ChoiceField(choices=list(Standing))
    detail = serializers.CharField(help_text="How it stands, and what to do.")
    confirmed = serializers.BooleanField(help_text="It is known to be theirs.")
    usable_from = serializers.DateTimeField(help_text="The end of its cool-down.")
    created_at = serializers.DateTimeField()
    if_retired = serializers.CharField(help_text="What taking it off the list would do.")


class MethodsShown(serializers.Serializer[Any]):
    """A payee's methods, the default first."""

    methods = MethodShown(many=True)


class RetiredShown(serializers.Serializer[Any]):
    """What happens now."""

    detail = serializers.CharField()
