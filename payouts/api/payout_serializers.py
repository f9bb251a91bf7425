"""What goes in and out of the API about payouts: what is asked is read by these, what is answered is described."""

from __future__ import annotations

from typing import Any, Final

from rest_framework import serializers

from accounts.api.serializers import Amount, Body
from payouts.blocks import Reason
from payouts.cases import LONGEST
from payouts.models import CaseKind
from payouts.payee_view.shapes import Filters, Phase

MOST: Final = 100
"""How many payouts a page may have."""


class PayoutsWanted(Body):
    """Which payouts are listed."""

    state = serializers.ChoiceField(choices=Phase.values, required=False, help_text="Only these.")
    currency = serializers.CharField(max_length=20, required=False, help_text="Only what is owed in it.")
    to = serializers.DateField(required=False, help_text="Only those made until that day, it included.")
    cursor = serializers.CharField(
        max_length=100, required=False, help_text="The `next` of the page before, as it is."
    )
    limit = serializers.IntegerField(
        min_value=1, max_value=MOST, required=False, help_text="How many at most; 20 if left out."
    )

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """This will add the field whose name is a word of Python's."""
        made_from = serializers.DateField(
            required=False, help_text="Only those made from that day on, by the marketplace's clock."
        )
        return {**super().get_fields(), "from": made_from}


def filters_of(wanted: dict[str, Any]) -> Filters:
    """This will give the filters that were asked for."""
    return Filters(
        phase=Phase(wanted["state"]) if "state" in wanted else None,
        currency=wanted.get("currency", ""),
        made_from=wanted.get("from"),
        made_to=wanted.get("to"),
    )


class QuestionAsked(Body):
    """What a payee asks about a payout."""

    kind = serializers.ChoiceField(choices=CaseKind.values, help_text="What is wrong.")
    text = serializers.CharField(max_length=LONGEST, help_text="Plain text; shown to staff as it is.")


class WhyNot(serializers.Serializer[Any]):
    """One reason why something is not paid yet."""

    code = serializers.ChoiceField(choices=[reason.value for reason in Reason])
    sentence = serializers.CharField(help_text="For the payee, in their language.")
    until = serializers.DateTimeField(allow_null=True, help_text="When it ends by itself; null: not known.")


class PayoutListed(serializers.Serializer[Any]):
    """A payout, as a list has it."""

    id = serializers.UUIDField()
    number = serializers.CharField(help_text="What people call it.")
    state = serializers.ChoiceField(choices=Phase.values)
    since = serializers.DateTimeField(help_text="Since when it stands there.")
    amount = Amount(help_text="What is owed and paid with it.")
    sent = Amount(help_text="The same in the currency in which it is sent.")
    returned = Amount(allow_null=True, help_text="How much of what was sent came back.")
    provider = serializers.CharField(help_text="The payout service.")
    method = serializers.CharField(help_text="Where it goes, masked.")
    created_at = serializers.DateTimeField()
    paid_at = serializers.DateTimeField(allow_null=True)


class PayoutPage(serializers.Serializer[Any]):
    """A page of payouts, newest first."""

    payouts = PayoutListed(many=True)
    next = serializers.CharField(
        allow_null=True, help_text="Send it as `cursor` for the next page; null: the last."
    )


class PayoutLineShown(serializers.Serializer[Any]):
    """One thing that a payout consists of."""

    what = serializers.CharField(help_text="In the payee's language.")
    transaction = serializers.UUIDField(allow_null=True, help_text="Its id in Sharetribe.")
    amount = Amount(help_text="Negative where something was taken back.")
    gross = Amount(allow_null=True, help_text="Of a sale: before the marketplace's commission.")
    commission = Amount(allow_null=True, help_text="The commission, negative.")
    due_since = serializers.DateTimeField(help_text="When it became owed.")


class PayoutEventShown(serializers.Serializer[Any]):
    """One thing that happened to a payout."""

    at = serializers.DateTimeField()
    sentence = serializers.CharField(help_text="In the payee's language.")


class QuestionMessage(serializers.Serializer[Any]):
    """What somebody wrote."""

    at = serializers.DateTimeField()
    by = serializers.ChoiceField(choices=["you", "marketplace"])
    text = serializers.CharField(help_text="Plain text: never show it as HTML.")


class QuestionShown(serializers.Serializer[Any]):
    """A question about a payout, and what was answered."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=CaseKind.values)
    asked_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(
        allow_null=True, help_text="When the marketplace called it settled; null: open."
    )
    messages = QuestionMessage(many=True)


class PayoutShown(PayoutListed):
    """A payout, with everything about it."""

    fee = Amount(
        allow_null=True,
        help_text="What the service charged the marketplace; nothing of it is taken from the amount.",
    )
    lines = PayoutLineShown(many=True)
    timeline = PayoutEventShown(many=True, help_text="Oldest first.")
    why = WhyNot(many=True, help_text="Why it is not paid yet; empty where it is.")
    questions = QuestionShown(many=True, help_text="Newest first.")


class PayoutWhy(serializers.Serializer[Any]):
    """Why a payout is not paid yet."""

    why = WhyNot(many=True)


class PayoutNext(serializers.Serializer[Any]):
    """The next payout in one currency."""

    amount = Amount(help_text="If nothing is sold, refunded or decided until then.")
    at = serializers.DateTimeField(
        allow_null=True, help_text="When it is to be made; null: now, or after what `why` says."
    )
    why = WhyNot(many=True)


class PayoutsNext(serializers.Serializer[Any]):
    """The next payouts, by currency."""

    payouts = PayoutNext(many=True)


class LineWaiting(PayoutLineShown):
    """Something that is in no payout yet."""

    why = WhyNot(many=True)


class CurrencyWaiting(serializers.Serializer[Any]):
    """What is owed in one currency and in no payout yet."""

    total = Amount()
    why = WhyNot(many=True, help_text="The reasons of all lines, each once.")
    lines = LineWaiting(many=True, help_text="Oldest first.")
    more = serializers.IntegerField(help_text="How many more lines there are.")


class PayoutsWaiting(serializers.Serializer[Any]):
    """What is owed and in no payout yet, by currency."""

    waiting = CurrencyWaiting(many=True)
