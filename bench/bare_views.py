"""What endpoints of the API are compared with: one query, written out as JSON, for whoever asks."""

from __future__ import annotations

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from payments.models import Buyer
from payouts.models import Payout


class Bare(APIView):
    """Nobody is asked who they are, and nobody is throttled."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()


class BarePayouts(Bare):
    """A page of payouts."""

    def get(self, request: Request, payee: UUID) -> Response:
        """This will give the newest payouts of a payee."""
        rows = Payout.objects.filter(payee=payee).order_by("-created_at", "-id")
        return Response(
            list(rows.values("id", "number", "state", "debt_units", "debt_currency", "created_at")[:20])
        )


class BareBuyer(Bare):
    """A buyer."""

    def get(self, request: Request, user: UUID) -> Response:
        """This will give what is known of a buyer."""
        return Response(Buyer.objects.values("stripe_id", "shown", "read_at").get(user=user))
