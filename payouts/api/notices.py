"""The endpoint by which a payee says which mails they want."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import examples
from accounts.api.errors import ApiError
from accounts.api.serializers import Body
from accounts.models import Payee
from marketplace_payouts.lib.clock import utc_now
from payouts.api.payee import PayeesView, payee_of
from payouts.notices import kinds, switches
from payouts.notices.switches import NotSwitchable

_TAG: Final = "Mails to payees"


class NoticeShown(serializers.Serializer[Any]):
    """One kind of mail."""

    kind = serializers.ChoiceField(choices=list(kinds.KINDS))
    label = serializers.CharField(  # type: ignore[assignment]  # the framework has an attribute of this name
        help_text="What it is about, in English."
    )
    when = serializers.CharField(help_text="When it is sent.")
    on = serializers.BooleanField(help_text="Whether the payee gets it.")
    can_be_off = serializers.BooleanField(help_text="False where it protects the payee.")
    offered = serializers.BooleanField(help_text="False where the marketplace sends it to nobody.")


class NoticesShown(serializers.Serializer[Any]):
    """Every kind of mail."""

    notices = NoticeShown(many=True)


@extend_schema_field({"type": "string", "enum": list(kinds.SWITCHES)})
class SwitchName(serializers.CharField):
    """The name of a kind that can be switched off."""


class NoticesOff(Body):
    """All that the payee does not want; every other kind is sent."""

    off = serializers.ListField(
        child=SwitchName(max_length=40),
        max_length=len(kinds.KINDS),
        help_text=f"Of {', '.join(kinds.SWITCHES)}.",
    )


def _example() -> dict[str, Any]:
    shown = [
        _shown(switches.Switch(kind, is_wanted=name != kinds.OWED, is_offered=True))
        for name, kind in kinds.KINDS.items()
        if name in (kinds.OWED, kinds.PAID, kinds.METHOD_CHANGED)
    ]
    return {"notices": shown}


def _shown(switch: switches.Switch) -> dict[str, Any]:
    return {
        "kind": switch.kind.name,
        "label": str(switch.kind.label),
        "when": switch.kind.when,
        "on": switch.is_on,
        "can_be_off": switch.kind.can_be_off,
        "offered": switch.is_offered,
    }


class NoticesView(PayeesView):
    """Which mails a payee gets."""

    @extend_schema(
        operation_id="list_notices",
        tags=[_TAG],
        summary="Which mails I get",
        description="Every kind of mail about payouts, whether the payee gets it, and whether it can be switched off.",
        responses={200: NoticesShown},
        examples=[examples.answered("Some of them", _example())],
    )
    def get(self, request: Request) -> Response:
        """This will list every kind."""
        return self._answer(payee_of(request))

    @extend_schema(
        operation_id="switch_notices",
        tags=[_TAG],
        summary="Say which mails I do not want",
        description="The whole list of what is not wanted; whatever it leaves out is sent. What protects the payee"
        " cannot be switched off.",
        request=NoticesOff,
        responses={200: NoticesShown},
        examples=[
            examples.sent("No daily mail", {"off": ["owed"]}),
            examples.answered("Some of them", _example()),
        ],
    )
    def put(self, request: Request) -> Response:
        """This will switch off what is named, and everything else on."""
        payee, unwanted = payee_of(request), self.read(NoticesOff)["off"]
        for place, kind in enumerate(unwanted):
            try:
                switches.checked(kind)
            except NotSwitchable as error:
                raise ApiError("not_switchable", str(error), field=f"off.{place}") from None
        switches.set_off(payee, unwanted, now=utc_now())
        return self._answer(payee)

    def _answer(self, payee: Payee) -> Response:
        shown = {"notices": [_shown(switch) for switch in switches.of(payee)]}
        return Response(NoticesShown(shown).data)
