"""The endpoint of buyers."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import who
from accounts.api.views import ApiView
from payments import buyers
from payments.api import examples, serializers
from payments.api.errors import told
from payments.models import Buyer

_TAG: Final = "Buyers"


class BuyerView(ApiView):
    """The caller as a buyer: their customer at Stripe."""

    rate = "stripe"

    @extend_schema(
        operation_id="show_buyer",
        tags=[_TAG],
        summary="Your customer at Stripe",
        description="As Stripe said last; nobody is asked for it.",
        responses={200: serializers.BuyerShown},
        examples=examples.BUYER,
    )
    def get(self, request: Request) -> Response:
        """This will show the buyer that the caller is."""
        return _shown(buyers.find(user=who.somebody(request)))

    @extend_schema(
        operation_id="put_buyer",
        tags=[_TAG],
        summary="Make or change your customer at Stripe",
        description="Makes the Stripe customer where there is none, and sets what is sent; what is left out stays as it"
        " is. Two requests at once make one customer, and one that was not answered may be repeated. A new customer"
        " gets the name and the e-mail address that are known here, unless others are sent.",
        request=serializers.BuyerBody,
        responses={200: serializers.BuyerShown},
        examples=examples.PUT_BUYER,
    )
    def put(self, request: Request) -> Response:
        """This will make or change the customer."""
        given = self.read(serializers.BuyerBody)
        with told(buyers.FIELDS):
            return _shown(buyers.put(user=who.somebody(request), given=given))


def _shown(buyer: Buyer | None) -> Response:
    nothing: dict[str, Any] = dict.fromkeys(buyers.FIELDS)
    shown = nothing | ({} if buyer is None else buyer.shown)
    shown |= {
        "customer": None if buyer is None else buyer.stripe_id,
        "read_at": None if buyer is None else buyer.read_at,
    }
    return Response(serializers.BuyerShown(shown).data)
