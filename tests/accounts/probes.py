"""Endpoints that only tests have: one for each thing that the ground of the API promises to every endpoint."""

from __future__ import annotations

from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.permissions import WHERE_MONEY_GOES, IsServer
from accounts.api.serializers import Body
from accounts.api.views import ApiView
from marketplace_payouts.urls import urlpatterns as ours


class Line(Body):
    """Something within something."""

    amount = serializers.IntegerField(min_value=1)
    of = serializers.CharField(required=False)


class Order(Body):
    """Something with fields of every kind of mistake."""

    name = serializers.CharField(max_length=5)
    lines = Line(many=True)
    id = serializers.UUIDField(required=False)
    urgent = serializers.BooleanField(required=False)
    words = serializers.ListField(child=serializers.CharField(), required=False)
    values = serializers.DictField(child=serializers.CharField(), required=False)


class Money(ApiView):
    """Where money goes."""

    permission_classes = WHERE_MONEY_GOES

    def get(self, request: Request) -> Response:
        """Look."""
        return Response({})

    def put(self, request: Request) -> Response:
        """Change it."""
        return Response({})


class Events(ApiView):
    """For the marketplace's server."""

    permission_classes = (IsServer,)

    def post(self, request: Request) -> Response:
        """Take one."""
        return Response({}, status=201)


class Plain(ApiView):
    """What an app adds with no permissions of its own."""

    def get(self, request: Request) -> Response:
        """Look."""
        return Response({})

    def post(self, request: Request) -> Response:
        """Read something."""
        return Response(self.read(Order))


class Broken(ApiView):
    """Fails."""

    def get(self, request: Request) -> Response:
        """Fail."""
        raise ZeroDivisionError("a secret of ours")


urlpatterns = [
    path("api/v1/probe/money", Money.as_view()),
    path("api/v1/probe/events", Events.as_view()),
    path("api/v1/probe/plain", Plain.as_view()),
    path("api/v1/probe/broken", Broken.as_view()),
    *ours,
]
