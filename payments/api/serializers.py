"""What goes in and out of the API about buyers and sellers."""

from __future__ import annotations

from typing import Any, Final

from rest_framework import serializers

from accounts.api.serializers import Body
from payments.models import Seller

_EMPTIES: Final = "Null takes it away; what is left out stays as it is."


def _text(*, longest: int = 500, **more: Any) -> serializers.CharField:
    return serializers.CharField(max_length=longest, required=False, allow_null=True, **more)


def _country(**more: Any) -> serializers.RegexField:
    return serializers.RegexField("^[A-Z]{2}$", help_text="Two capital letters, such as DE.", **more)


class AddressBody(Body):
    """A postal address. It is replaced as a whole."""

    line1 = _text(longest=200)
    line2 = _text(longest=200)
    city = _text(longest=100)
    state = _text(longest=100)
    postal_code = _text(longest=30)
    country = _country(required=False, allow_null=True)


class ShippingBody(Body):
    """Where something is sent. It is replaced as a whole."""

    name = serializers.CharField(max_length=200)
    phone = _text(longest=40)
    address = AddressBody()


class BuyerBody(Body):
    """What Stripe is to know of a buyer."""

    name = _text(longest=200, help_text=_EMPTIES)
    email = serializers.EmailField(max_length=254, required=False, allow_null=True, help_text=_EMPTIES)
    phone = _text(longest=40, help_text=_EMPTIES)
    address = AddressBody(required=False, allow_null=True, help_text=_EMPTIES)
    shipping = ShippingBody(required=False, allow_null=True, help_text=_EMPTIES)
    payment_method = serializers.RegexField(
        r"^pm_\w{1,250}$",
        required=False,
        allow_null=True,
        help_text="Of Stripe's, made in the browser by Stripe's own library: kept for the buyer, and their default from"
        " then on. Null: none is the default any more.",
    )


class AddressShown(serializers.Serializer[Any]):
    """A postal address."""

    line1 = serializers.CharField(allow_null=True)
    line2 = serializers.CharField(allow_null=True)
    city = serializers.CharField(allow_null=True)
    state = serializers.CharField(allow_null=True)
    postal_code = serializers.CharField(allow_null=True)
    country = serializers.CharField(allow_null=True)


class ShippingShown(serializers.Serializer[Any]):
    """Where something is sent."""

    name = serializers.CharField(allow_null=True)
    phone = serializers.CharField(allow_null=True)
    address = AddressShown(allow_null=True)


class PaymentMethodShown(serializers.Serializer[Any]):
    """What a buyer pays with, unless they say otherwise."""

    id = serializers.CharField()
    type = serializers.CharField(help_text="Stripe's word, such as card.")
    brand = serializers.CharField(allow_null=True, help_text="Of a card.")
    last4 = serializers.CharField(allow_null=True, help_text="Of a card: its last four digits.")
    exp_month = serializers.IntegerField(allow_null=True)
    exp_year = serializers.IntegerField(allow_null=True)


class BuyerShown(serializers.Serializer[Any]):
    """A buyer, as Stripe said last."""

    customer = serializers.CharField(
        allow_null=True, help_text="The id of the Stripe customer; null until there is one."
    )
    name = serializers.CharField(allow_null=True)
    email = serializers.CharField(allow_null=True)
    phone = serializers.CharField(allow_null=True)
    address = AddressShown(allow_null=True)
    shipping = ShippingShown(allow_null=True)
    payment_method = PaymentMethodShown(allow_null=True)
    read_at = serializers.DateTimeField(allow_null=True, help_text="When Stripe said so.")


class SellerBody(Body):
    """What is said of a seller before Stripe asks them for the rest."""

    country = _country()
    business_type = serializers.ChoiceField(
        choices=["individual", "company", "non_profit", "government_entity"],
        required=False,
        help_text="Left out: Stripe's form asks for it.",
    )
    email = serializers.EmailField(
        max_length=254, required=False, help_text="Left out: the one that we know. Stripe's form shows it."
    )


class WantedShown(serializers.Serializer[Any]):
    """One thing that Stripe wants to know."""

    sentence = serializers.CharField()
    overdue = serializers.BooleanField(help_text="Whether something is switched off until it is given.")
    problem = serializers.CharField(
        allow_null=True, help_text="What was wrong with what was given, in Stripe's words."
    )
    requirements = serializers.ListField(
        child=serializers.CharField(), help_text="What Stripe calls it, for programs."
    )


class SellerShown(serializers.Serializer[Any]):
    """A seller's connected account, as Stripe said last."""

    account = serializers.CharField(allow_null=True, help_text="Its id at Stripe; null until there is one.")
    kind = serializers.ChoiceField(choices=Seller.Kind.values, allow_null=True)
    country = serializers.CharField(allow_null=True)
    state = serializers.ChoiceField(choices=Seller.State.values)
    sentence = serializers.CharField(help_text="Where the seller stands, for them to read.")
    verified = serializers.BooleanField(help_text="Whether they can be paid through Stripe.")
    verified_at = serializers.DateTimeField(allow_null=True)
    required = WantedShown(  # type: ignore[assignment]  # the framework has a property of this name
        many=True, help_text="What is wanted of the seller, what is overdue first."
    )
    deadline = serializers.DateTimeField(
        allow_null=True, help_text="Until when it is to be given, before something is switched off."
    )
    dashboard = serializers.BooleanField(
        help_text="Whether /api/v1/seller/login-link opens a dashboard of theirs."
    )
    read_at = serializers.DateTimeField(allow_null=True, help_text="When Stripe said so.")


class OnboardingBody(Body):
    """Where Stripe's form leads when the seller leaves it. Only pages of the marketplace are taken."""

    return_url = serializers.URLField(
        max_length=2000,
        help_text="Where the form leads in the end, filled in or not: ask GET /api/v1/seller.",
    )
    refresh_url = serializers.URLField(
        max_length=2000,
        help_text="Where a link leads that was used or is too old: a page that asks for another one.",
    )


class OnboardingLinkShown(serializers.Serializer[Any]):
    """A link to Stripe's form."""

    url = serializers.URLField(
        help_text="Good once. Send the browser there at once; never store, log or mail it: it opens what is the"
        " seller's own."
    )
    expires_at = serializers.DateTimeField()


class LoginLinkShown(serializers.Serializer[Any]):
    """A way into the express dashboard."""

    url = serializers.URLField(
        help_text="Good once. Send the browser there at once; never store, log or mail it."
    )
