"""The endpoints by which payees see their payouts, learn why something waits, and ask."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.errors import ApiError
from accounts.api.links import leads_to
from marketplace_payouts.lib.clock import utc_now
from payouts import payee_view
from payouts.api import payout_answers as answers
from payouts.api import payout_examples as examples
from payouts.api import payout_serializers as serializers
from payouts.api.payee import PayeesView, payee_of, speaking_to
from payouts.cases import Unanswered
from payouts.payee_view import BadCursor

TAG: Final = "Payouts"
_AT_ONCE: Final = 20


_OF_A_PAYOUT: Final = (
    "show_payout",
    "why_payout",
    "ask_about_payout",
    "remittance_advice",
    "remittance_advice_pdf",
    "remittance_advice_csv",
)


class PayoutsView(PayeesView):
    """A payee's payouts."""

    @leads_to(*_OF_A_PAYOUT, payout="/payouts/0/id")
    @leads_to("list_payouts", cursor="/next")
    @extend_schema(
        operation_id="list_payouts",
        tags=[TAG],
        summary="My payouts",
        description="Newest first, a page at a time. What is made while one turns the pages changes none of them.",
        parameters=[serializers.PayoutsWanted],
        responses={200: serializers.PayoutPage},
        examples=examples.PAGE,
    )
    def get(self, request: Request) -> Response:
        """This will give a page of the caller's payouts."""
        if not request.query_params:
            # What is asked most need not be read.
            return Response(answers.page(payee_view.list_payouts(payee_id=payee_of(request).pk)))
        wanted = self.asked(serializers.PayoutsWanted)
        with speaking_to(request) as payee:
            try:
                found = payee_view.list_payouts(
                    payee_id=payee.pk,
                    filters=serializers.filters_of(wanted),
                    cursor=wanted.get("cursor", ""),
                    limit=wanted.get("limit", _AT_ONCE),
                )
            except BadCursor as error:
                raise ApiError("invalid", str(error), field="cursor") from None
        return Response(answers.page(found))


class NextPayoutsView(PayeesView):
    """The next payouts of a payee."""

    @extend_schema(
        operation_id="next_payouts",
        tags=[TAG],
        summary="My next payout",
        description="By currency: when it is to be made and how much will be in it, as far as is known today. A payout"
        " that was made already is in the list, where its state is `preparing`.",
        responses={200: serializers.PayoutsNext},
        examples=examples.NEXT,
    )
    def get(self, request: Request) -> Response:
        """This will give the caller's next payouts."""
        with speaking_to(request) as payee:
            found = payee_view.next_payouts(payee_id=payee.pk, now=utc_now())
        return Response(answers.upcoming(found))


class WaitingView(PayeesView):
    """What is owed to a payee and is in no payout."""

    @extend_schema(
        operation_id="what_waits",
        tags=[TAG],
        summary="What is owed to me and is in no payout yet",
        description="By currency and line, each with why it waits.",
        responses={200: serializers.PayoutsWaiting},
        examples=examples.WAITING,
    )
    def get(self, request: Request) -> Response:
        """This will give what waits for the caller."""
        with speaking_to(request) as payee:
            found = payee_view.waiting(payee_id=payee.pk, now=utc_now())
        return Response(answers.waiting(found))


class PayoutView(PayeesView):
    """One payout of a payee's."""

    @extend_schema(
        operation_id="show_payout",
        tags=[TAG],
        summary="One of my payouts",
        description="With what it consists of, what happened to it, why it is not paid yet, and what was asked.",
        responses={200: serializers.PayoutShown},
        examples=examples.SHOWN,
    )
    def get(self, request: Request, payout: UUID) -> Response:
        """This will give one of the caller's payouts."""
        with speaking_to(request) as payee:
            found = payee_view.show(payee_id=payee.pk, payout_id=payout, now=utc_now())
        return Response(answers.shown(found))


class PayoutWhyView(PayeesView):
    """Why a payout waits."""

    @extend_schema(
        operation_id="why_payout",
        tags=[TAG],
        summary="Why one of my payouts is not paid yet",
        description="Nothing where it is paid, or on its way and nobody need do anything.",
        responses={200: serializers.PayoutWhy},
        examples=examples.WHY,
    )
    def get(self, request: Request, payout: UUID) -> Response:
        """This will say why one of the caller's payouts waits."""
        with speaking_to(request) as payee:
            found = payee_view.why(payee_id=payee.pk, payout_id=payout, now=utc_now())
        return Response({"why": answers.obstacles(found)})


class QuestionView(PayeesView):
    """A question about a payout."""

    rate = "question"

    @extend_schema(
        operation_id="ask_about_payout",
        tags=[TAG],
        summary="Ask about one of my payouts",
        description="Opens a question, or adds to the open one of the same kind; the same text once more changes"
        " nothing. Staff answer by e-mail, and the answer is shown with the payout.",
        request=serializers.QuestionAsked,
        responses={201: serializers.QuestionShown},
        examples=examples.QUESTION,
    )
    def post(self, request: Request, payout: UUID) -> Response:
        """This will ask something about one of the caller's payouts."""
        given = self.read(serializers.QuestionAsked)
        with speaking_to(request) as payee:
            try:
                asked = payee_view.ask(payee_id=payee.pk, payout_id=payout, now=utc_now(), **given)
            except Unanswered as error:
                raise ApiError("unanswered", str(error), status=409) from None
        return Response(answers.question(asked), status=201)
