"""A payment through Stripe for a transaction of the caller's own."""

from __future__ import annotations

from typing import Any, Final

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import sharetribe
from accounts.api import examples, who
from accounts.api.permissions import PAYEES
from accounts.api.serializers import Amount, Body
from accounts.api.views import ApiView
from flexsync import checkout
from marketplace_payouts.lib.clock import utc_now
from payments import buyers, intents
from payments.api.errors import told
from payouts import kicks


class WantedPayment(Body):
    """What is to be paid. How much, and by whom, Sharetribe says."""

    transaction_id = serializers.UUIDField(
        help_text="The Sharetribe transaction, whose buyer the caller must be."
    )


class PaymentIntentShown(serializers.Serializer[Any]):
    """What Stripe's library needs in the buyer's browser."""

    id = serializers.CharField(help_text="Of Stripe's PaymentIntent.")
    client_secret = serializers.CharField(
        help_text="For Stripe's library, in this buyer's browser alone: keep it nowhere."
    )
    status = serializers.CharField(
        help_text="Stripe's word for how the payment stands, such as requires_payment_method, processing or succeeded."
    )
    transaction_id = serializers.UUIDField()
    amount = Amount()


_SALE: Final = "6f0b7d0e-55c1-4d8c-8d3a-0f6f5b9f3c11"
_INTENT: Final = {
    "id": "pi_3MtwBwLkdIwHu7ix28a3tqPa",
    "client_secret": "pi_3MtwBwLkdIwHu7ix28a3tqPa_secret_…",
    "status": "requires_payment_method",
    "transaction_id": _SALE,
    "amount": {"units": "12000", "currency": "EUR", "exponent": 2},
}


class PaymentIntentView(ApiView):
    """The PaymentIntent of a transaction."""

    permission_classes = PAYEES
    rate = "stripe"
    finds_by_body = True

    @extend_schema(
        operation_id="prepare_payment",
        tags=["Payments in"],
        summary="Prepare a payment through Stripe",
        description="For a transaction whose buyer the caller is, and which waits for the payment of its total. However"
        " often it is asked for, there is one PaymentIntent: 201 when it was made now, 200 when it was there; each time"
        " with a secret for Stripe's library in the buyer's browser. Where the transaction's total changed, so does the"
        " PaymentIntent, unless the buyer is paying already. What becomes of the payment, the transaction is told by"
        " itself.",
        request=WantedPayment,
        responses={200: PaymentIntentShown, 201: PaymentIntentShown},
        examples=[
            examples.sent("A transaction", {"transaction_id": _SALE}),
            examples.answered("Ready to be paid", _INTENT, "200", "201"),
        ],
    )
    def post(self, request: Request) -> Response:
        """This will have Stripe make it, or show it."""
        transaction_id = self.read(WantedPayment)["transaction_id"]
        person = who.somebody(request)
        marketplace, now = sharetribe.marketplace(), utc_now()
        buyer = person.payee.flex_user_id
        try:
            amount = checkout.to_be_paid(transaction_id, buyer=buyer, marketplace=marketplace, now=now)
        except checkout.NotTheirs:
            raise Http404 from None
        customer = buyers.find(user=person)
        wanted = intents.Wanted(
            marketplace_id=marketplace.pk,
            transaction_id=transaction_id,
            buyer_id=buyer,
            amount=amount,
            customer=customer.stripe_id if customer else "",
        )
        with told():
            offered = intents.offer(wanted, now=now)
        if offered.is_new:
            kicks.kick("count")
        shown = {
            "id": offered.id,
            "client_secret": offered.client_secret,
            "status": offered.status,
            "transaction_id": transaction_id,
            "amount": offered.amount.shown_json(),
        }
        return Response(PaymentIntentShown(shown).data, status=201 if offered.is_new else 200)
