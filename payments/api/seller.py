"""The endpoints of sellers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import who
from accounts.api.permissions import PAYEES, WHERE_MONEY_GOES
from accounts.api.serializers import Nothing
from accounts.api.views import ApiView
from payments import requirements, sellers, verification
from payments.api import examples, serializers
from payments.api.errors import told
from payments.models import Seller

_TAG: Final = "Sellers"


class SellerView(ApiView):
    """The caller as a seller: their connected account at Stripe."""

    permission_classes = PAYEES
    rate = "stripe"

    @extend_schema(
        operation_id="show_seller",
        tags=[_TAG],
        summary="Your account at Stripe, and what is still required",
        description="While you are not verified Stripe is asked anew, unless it was a few seconds ago; where it does"
        " not answer, what it said last is shown.",
        responses={200: serializers.SellerShown},
        examples=examples.SELLER,
    )
    def get(self, request: Request) -> Response:
        """This will show the seller that the caller is."""
        return _shown(sellers.look(user=who.somebody(request)))

    @extend_schema(
        operation_id="open_seller",
        tags=[_TAG],
        summary="Make your account at Stripe",
        description="Of the kind that is set up here. One that is there already is shown, and not changed; one that was"
        " deleted or taken out of our reach is left behind, and another one made. Two requests at once make one"
        " account, and one that was not answered may be repeated.",
        request=serializers.SellerBody,
        responses={200: serializers.SellerShown, 201: serializers.SellerShown},
        examples=examples.OPEN_SELLER,
    )
    def post(self, request: Request) -> Response:
        """This will make the account."""
        given = self.read(serializers.SellerBody)
        with told(("country", "business_type", "email")):
            seller, is_new = sellers.open_account(user=who.somebody(request), **given)
        return _shown(seller, status=201 if is_new else 200)


class OnboardingView(ApiView):
    """A link to Stripe's form, for the caller's own eyes."""

    permission_classes = WHERE_MONEY_GOES
    rate = "stripe"

    @extend_schema(
        operation_id="open_onboarding",
        tags=[_TAG],
        summary="A fresh link to the form of Stripe",
        description="Where the seller says who they are and to which bank account they are paid. Every call makes"
        " another link; each works once, for some minutes.",
        request=serializers.OnboardingBody,
        responses={201: serializers.OnboardingLinkShown},
        examples=examples.ONBOARDING,
    )
    def post(self, request: Request) -> Response:
        """This will make a link."""
        given = self.read(serializers.OnboardingBody)
        with told(("return_url", "refresh_url")):
            link = sellers.onboarding_link(user=who.somebody(request), **given)
        shown = {"url": link.url, "expires_at": link.expires_at}
        return Response(serializers.OnboardingLinkShown(shown).data, status=201)


class LoginLinkView(ApiView):
    """A way into the caller's express dashboard."""

    permission_classes = WHERE_MONEY_GOES
    rate = "stripe"

    @extend_schema(
        operation_id="open_dashboard",
        tags=[_TAG],
        summary="A way into your express dashboard",
        description="For express accounts whose form is filled in.",
        request=None,
        responses={201: serializers.LoginLinkShown},
        examples=examples.LOGIN_LINK,
    )
    def post(self, request: Request) -> Response:
        """This will make it."""
        self.read(Nothing)
        with told():
            url = sellers.login_link(user=who.somebody(request))
        return Response(serializers.LoginLinkShown({"url": url}).data, status=201)


def _shown(seller: Seller | None, *, status: int = 200) -> Response:
    state = Seller.State.NEW if seller is None else Seller.State(seller.state)
    has_account = seller is not None and bool(seller.stripe_id)
    facts: dict[str, Any] = seller.shown if seller is not None else {}
    wanted = requirements.wanted(facts.get("requirements") or {})
    shown = {
        "account": seller.stripe_id if seller is not None and has_account else None,
        "kind": seller.kind if seller is not None and has_account else None,
        "country": seller.country if seller is not None and has_account else None,
        "state": str(state),
        "sentence": verification.sentence(state, facts),
        "verified": state is Seller.State.VERIFIED,
        "verified_at": None if seller is None else seller.verified_at,
        "required": [
            {
                "sentence": one.sentence,
                "overdue": one.overdue,
                "problem": one.problem or None,
                "requirements": list(one.requirements),
            }
            for one in wanted
        ],
        "deadline": _moment(facts.get("deadline")),
        "dashboard": has_account and _has_dashboard(seller),
        "read_at": None if seller is None else seller.read_at,
    }
    return Response(serializers.SellerShown(shown).data, status=status)


def _has_dashboard(seller: Seller | None) -> bool:
    return (
        seller is not None
        and seller.kind == Seller.Kind.EXPRESS
        and seller.state != Seller.State.GONE
        and bool(seller.shown.get("details_submitted"))
    )


def _moment(seconds: object) -> datetime | None:
    return datetime.fromtimestamp(seconds, tz=UTC) if isinstance(seconds, int) else None
