"""The product's doors, and the bare views."""

from __future__ import annotations

from django.urls import include, path

from bench.bare_views import BareBuyer, BarePayouts

urlpatterns = [
    path("bare/payouts/<uuid:payee>", BarePayouts.as_view()),
    path("bare/buyer/<uuid:user>", BareBuyer.as_view()),
    path("", include("marketplace_payouts.urls")),
]
