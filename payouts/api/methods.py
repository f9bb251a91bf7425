"""The endpoints by which payees say where they want to be paid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import who
from accounts.api.errors import ApiError
from accounts.api.links import leads_to
from accounts.api.permissions import WHERE_MONEY_GOES, IsPayee, IsPerson
from accounts.api.serializers import Nothing
from accounts.models import Payee
from marketplace_payouts.lib.clock import utc_now
from payouts import choosing
from payouts.api import method_answers as answers
from payouts.api import method_examples as examples
from payouts.api import method_serializers as serializers
from payouts.api.payee import SpokenView
from payouts.choosing import Author, ChoiceRefused
from payouts.said import said

_TAG: Final = "Payout methods"
# Every other problem lies in what was sent.
_STATUS: Final[Mapping[str, int]] = {
    "method_unknown": 404,
    "nothing_to_confirm": 409,
    "not_ready": 409,
    "too_many_changes": 409,
    "provider_unavailable": 503,
}


_OF_A_METHOD: Final = (
    "show_payout_method",
    "make_payout_method_default",
    "mail_payout_method_confirmation",
    "retire_payout_method",
)


class _PayeesView(SpokenView):
    """An endpoint about the methods of whoever calls."""

    def handle_exception(self, exc: Exception) -> Response:
        """This will answer what the domain refuses as the API answers it."""
        return super().handle_exception(_api_error(exc) if isinstance(exc, ChoiceRefused) else exc)

    @property
    def payee(self) -> Payee:
        """Whoever calls."""
        return Payee.objects.select_related("marketplace", "user").get(user=who.person(self.request))

    @property
    def author(self) -> Author:
        """Who says so, and how they logged in."""
        return Author(user=who.person(self.request), login=who.caller(self.request).login.value)

    def shown(self, payee: Payee, method_id: UUID) -> Any:
        """This will show one method as the list does.

        :raises ChoiceRefused: when there is no such method.
        """
        one = choosing.find(payee, method_id=method_id, now=utc_now())
        return serializers.MethodShown(answers.method(one)).data


class OffersView(_PayeesView):
    """What is offered."""

    permission_classes = (IsPerson, IsPayee)

    @extend_schema(
        operation_id="list_payout_method_offers",
        tags=[_TAG],
        summary="What is offered to me",
        description="Each service, with fee, likely amount and arrival of what is owed now, or why it is not offered."
        " Figures come from the services; one that is not known is null, with a note that says why.",
        parameters=[serializers.OffersAsked],
        responses={200: serializers.OffersShown},
        examples=examples.OFFERS,
    )
    def get(self, request: Request) -> Response:
        """This will say what is offered."""
        found = choosing.offered(self.payee, country=self.asked(serializers.OffersAsked)["country"])
        shown = {"country": found.country or None, "offers": [answers.offer(one) for one in found.offers]}
        return Response(serializers.OffersShown(shown).data)


class RequirementsView(_PayeesView):
    """What a service must know."""

    permission_classes = (IsPerson, IsPayee)

    @extend_schema(
        operation_id="ask_payout_method_requirements",
        tags=[_TAG],
        summary="What a service must know",
        description="A form to be filled in; or of a service with pages of its own, how far the payee is there. Ask"
        " again, with the values so far, whenever a field changes that `refreshes` the form: others may be asked for"
        " then. Nothing is changed by asking.",
        request=serializers.RequirementsAsked,
        responses={200: serializers.RequirementsShown},
        examples=examples.REQUIREMENTS,
    )
    def post(self, request: Request) -> Response:
        """This will give the form for what was filled in so far."""
        asked = choosing.form(self.payee, **self.read(serializers.RequirementsAsked))
        return Response(serializers.RequirementsShown(answers.requirements(asked)).data)


class LinkView(_PayeesView):
    """A link to a service's own pages."""

    permission_classes = WHERE_MONEY_GOES

    @extend_schema(
        operation_id="open_payout_method_link",
        tags=[_TAG],
        summary="A link to the pages of a service",
        description="Where the payee goes on with a service of the kind `hosted`. Whoever has the link can say where"
        " the payee is paid: it needs a log-in of the last ten minutes. Once the state is `ready`, choose the method.",
        request=serializers.LinkAsked,
        responses={200: serializers.LinkShown},
        examples=examples.LINK,
    )
    def post(self, request: Request) -> Response:
        """This will make a link."""
        link = choosing.open_link(self.payee, **self.read(serializers.LinkAsked))
        return Response(serializers.LinkShown({"url": link.url, "expires_at": link.expires_at}).data)


class MethodsView(_PayeesView):
    """A payee's methods."""

    permission_classes = WHERE_MONEY_GOES

    @leads_to(*_OF_A_METHOD, id="/methods/0/id")
    @extend_schema(
        operation_id="list_payout_methods",
        tags=[_TAG],
        summary="My payout methods",
        description="Masked, the default first, then those of before, which can be made the default again.",
        responses={200: serializers.MethodsShown},
        examples=examples.METHODS,
    )
    def get(self, request: Request) -> Response:
        """This will list them."""
        methods = [answers.method(one) for one in choosing.kept(self.payee, now=utc_now())]
        return Response(serializers.MethodsShown({"methods": methods}).data)

    @leads_to(*_OF_A_METHOD, id="/id")
    @extend_schema(
        operation_id="choose_payout_method",
        tags=[_TAG],
        summary="Choose where to be paid",
        description="It is the default from now on. What was not being sent yet goes there as well, also what failed."
        " The old and the new address are told, and anything but a first method cools down before it is used. Needs a"
        " log-in of the last ten minutes. The same once more changes nothing, and answers 200.",
        request=serializers.MethodChosen,
        responses={201: serializers.MethodShown, 200: serializers.MethodShown},
        examples=examples.CHOOSE,
    )
    def post(self, request: Request) -> Response:
        """This will take it as the default."""
        payee, given = self.payee, self.read(serializers.MethodChosen)
        chosen = choosing.choose(payee, **given, by=self.author, now=utc_now())
        return Response(self.shown(payee, chosen.method.pk), status=201 if chosen.is_new else 200)


class MethodView(_PayeesView):
    """One method."""

    permission_classes = WHERE_MONEY_GOES

    @extend_schema(
        operation_id="show_payout_method",
        tags=[_TAG],
        summary="One of my payout methods",
        description="Masked, with how it stands and what taking it off the list would do.",
        responses={200: serializers.MethodShown},
        examples=examples.METHOD,
    )
    def get(self, request: Request, pk: UUID) -> Response:
        """This will show it."""
        return Response(self.shown(self.payee, pk))

    @extend_schema(
        operation_id="retire_payout_method",
        tags=[_TAG],
        summary="Take a payout method off the list",
        description="Of the default it means that what is owed waits until another is chosen: `if_retired` says so"
        " before, and the answer after. Needs a log-in of the last ten minutes.",
        responses={200: serializers.RetiredShown},
        examples=examples.RETIRE,
    )
    def delete(self, request: Request, pk: UUID) -> Response:
        """This will take it off the list."""
        sentence = choosing.retire(self.payee, method_id=pk, by=self.author, now=utc_now())
        return Response(serializers.RetiredShown({"detail": sentence}).data)


class DefaultView(_PayeesView):
    """Which method is the default."""

    permission_classes = WHERE_MONEY_GOES

    @leads_to(*_OF_A_METHOD, id="/id")
    @extend_schema(
        operation_id="make_payout_method_default",
        tags=[_TAG],
        summary="Make a payout method the default again",
        description="A new version of it, with an id of its own, which cools down like every change. The old and the"
        " new address are told. Needs a log-in of the last ten minutes.",
        request=None,
        responses={200: serializers.MethodShown},
        examples=examples.METHOD,
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """This will make it the default."""
        self.read(Nothing)
        payee = self.payee
        chosen = choosing.make_default(payee, method_id=pk, by=self.author, now=utc_now())
        return Response(self.shown(payee, chosen.method.pk))


class ConfirmationView(_PayeesView):
    """The link by which an address is confirmed."""

    permission_classes = WHERE_MONEY_GOES
    rate = "mail"

    @extend_schema(
        operation_id="mail_payout_method_confirmation",
        tags=[_TAG],
        summary="Mail the link to confirm once more",
        description="To the method's own address, of a method that is `unconfirmed`; the link is good for seven days.",
        request=None,
        responses={204: None},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """This will mail it."""
        self.read(Nothing)
        choosing.ask_to_confirm(self.payee, method_id=pk, now=utc_now())
        return Response(status=204)


def _api_error(error: ChoiceRefused) -> exceptions.APIException:
    first = error.problems[0]
    if not error.in_form:
        status = _STATUS.get(first.code, 400)
        return ApiError(first.code, said(first.sentence), status=status, field=first.field or None)
    fields: dict[str, list[exceptions.ErrorDetail]] = {}
    for problem in error.problems:
        detail = exceptions.ErrorDetail(said(problem.sentence), problem.code)
        fields.setdefault(problem.field or "non_field_errors", []).append(detail)
    return exceptions.ValidationError({"values": fields})
