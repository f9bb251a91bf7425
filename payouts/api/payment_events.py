"""What became of buyers' money, told by the marketplace's server for whatever system takes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from drf_spectacular.utils import (
    PolymorphicProxySerializer,
    extend_schema,
    extend_schema_field,
)
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import sharetribe
from accounts.api import examples
from accounts.api.errors import ApiError
from accounts.api.permissions import IsServer
from accounts.api.serializers import Body
from accounts.api.views import ApiView
from marketplace_payouts.lib.clock import utc_now
from payments.recording import Answer, Verdict
from payments.words import OUTCOMES, BadPayment, PaymentWord, of_payment_system
from payouts import counting

MOST: Final = 500
"""How many events one request may carry."""
_INVALID: Final = "invalid"
_VERDICTS: Final = (*(one.value for one in Verdict), _INVALID)


@extend_schema_field(
    {"oneOf": [{"type": "string", "pattern": "^0*[1-9][0-9]*$"}, {"type": "integer", "minimum": 1}]}
)
class Units(serializers.CharField):
    """A number of smallest units."""


class PaidAmount(Body):
    """How much money moved by this event; more than nothing."""

    units = Units(help_text="In the currency's smallest unit, as a text or a whole number.")
    currency = serializers.CharField(max_length=20)


class PaymentEvent(Body):
    """One thing that became of a buyer's money. `payments.words` reads it."""

    origin = serializers.RegexField(
        r"^[a-z][a-z0-9_-]{1,29}$",
        help_text="The payment system, by a name that you choose and keep, such as paypal-checkout or bank.",
    )
    transaction_id = serializers.UUIDField(
        help_text="The Sharetribe transaction; we need not have heard of it."
    )
    outcome = serializers.ChoiceField(choices=list(OUTCOMES))
    amount = PaidAmount()
    reference = serializers.CharField(
        max_length=120,
        help_text="The system's own, of the payment, the refund or the dispute. What is said of one dispute, or of a"
        " refund that failed, has one reference; two refunds never do.",
    )
    happened_at = serializers.DateTimeField(help_text="With its time zone.")
    detail = serializers.CharField(
        required=False, allow_blank=True, max_length=500, help_text="For staff, who see it beside the amount."
    )


class PaymentEventResult(serializers.Serializer[Any]):
    """What became of one event."""

    verdict = serializers.ChoiceField(
        choices=_VERDICTS,
        help_text="recorded; known: it was recorded before; refused: it contradicts what is recorded, and staff look"
        " into it; invalid: it makes no sense, and nobody keeps it.",
    )
    detail = serializers.CharField(help_text="The same as a sentence, with what to do.")
    field = serializers.CharField(allow_null=True, help_text="The field that makes no sense.")


class PaymentEventResults(serializers.Serializer[Any]):
    """What became of each event, in their order."""

    results = PaymentEventResult(many=True)


_PAID: Final = {
    "origin": "paypal-checkout",
    "transaction_id": "6f0b7d0e-55c1-4d8c-8d3a-0f6f5b9f3c11",
    "outcome": "succeeded",
    "amount": {"units": "12000", "currency": "EUR"},
    "reference": "8MC585209K746392H",
    "happened_at": "2026-11-30T09:00:00Z",
}
_REFUNDED: Final = _PAID | {
    "outcome": "refunded",
    "amount": {"units": "3000", "currency": "EUR"},
    "reference": "1JU08902781691411",
    "happened_at": "2026-12-02T10:30:00Z",
    "detail": "One of four was damaged.",
}
_RECORDED: Final = {"verdict": "recorded", "detail": "Recorded.", "field": None}
_EXAMPLES: Final = [
    examples.sent("A payment", _PAID),
    examples.sent("A payment and a refund", [_PAID, _REFUNDED]),
    examples.answered("Recorded", {"results": [_RECORDED]}),
    examples.answered(
        "Several",
        {
            "results": [
                _RECORDED,
                {"verdict": "known", "detail": "Recorded before.", "field": None},
                {
                    "verdict": "refused",
                    "detail": "Received 8MC585209K746392H of paypal-checkout is recorded with 120.00 EUR, not 100.00"
                    " EUR. Another payment, refund or dispute needs a reference of its own.",
                    "field": None,
                },
                {"verdict": "invalid", "detail": "It is missing.", "field": "happened_at"},
            ]
        },
    ),
]


class PaymentEventsView(ApiView):
    """Events about buyers' payments."""

    permission_classes = (IsServer,)

    @extend_schema(
        operation_id="tell_payment_events",
        tags=["Payments in"],
        summary="Tell what became of payments",
        description="One event, or a list of up to 500, signed by the marketplace's server. Whoever is not sure whether"
        " an event arrived tells it again: the same origin, outcome and reference count once. They may come in any"
        " order, and before we have heard of the transaction. One event that makes no sense is answered with 400, one"
        " that contradicts what is recorded with 409; of a list each is answered by itself, and what can be recorded"
        " is.",
        request=PolymorphicProxySerializer(
            component_name="PaymentEvents",
            serializers=[PaymentEvent, PaymentEvent(many=True)],
            resource_type_field_name=None,
            many=False,
        ),
        responses={200: PaymentEventResults},
        examples=_EXAMPLES,
    )
    def post(self, request: Request) -> Response:
        """This will record what is new, and answer for each."""
        sent: Any = request.data
        if not isinstance(sent, list):
            return Response({"results": [_alone(_heard([sent])[0])]})
        if len(sent) > MOST:
            raise ApiError("too_many", f"Send at most {MOST} events at once.")
        return Response({"results": [_shown(one) for one in _heard(sent)]})


def _heard(sent: Sequence[object]) -> list[Answer | BadPayment]:
    """Record what makes sense of them; gives for each what became of it, in their order."""
    marketplace, now = sharetribe.marketplace(), utc_now()
    read = [_read(one) for one in sent]
    words = [one for one in read if isinstance(one, PaymentWord)]
    answers = iter(counting.hear(words, marketplace_id=marketplace.pk, now=now))
    return [next(answers) if isinstance(one, PaymentWord) else one for one in read]


def _read(one: object) -> PaymentWord | BadPayment:
    try:
        return of_payment_system(one, now=utc_now())
    except BadPayment as error:
        return error


def _alone(one: Answer | BadPayment) -> dict[str, Any]:
    """Show what became of a single event.

    :raises ValidationError: when it makes no sense.
    :raises ApiError: when it contradicts what is recorded.
    """
    if isinstance(one, BadPayment):
        said = [ErrorDetail(str(one), one.code)]
        raise serializers.ValidationError({one.field: said} if one.field else said)
    if one.verdict is Verdict.REFUSED:
        raise ApiError("payment_contradicts", one.sentence, status=409)
    return _shown(one)


def _shown(one: Answer | BadPayment) -> dict[str, Any]:
    if isinstance(one, BadPayment):
        return {"verdict": _INVALID, "detail": str(one), "field": one.field or None}
    return {"verdict": one.verdict.value, "detail": one.sentence, "field": None}
