"""Where payees say where they want to be paid, under /api/v1/."""

from __future__ import annotations

from django.urls import path

from payouts.api import methods

urlpatterns = [
    path("payout-methods/", methods.MethodsView.as_view(), name="api_payout_methods"),
    path("payout-methods/offers", methods.OffersView.as_view(), name="api_payout_method_offers"),
    path(
        "payout-methods/requirements",
        methods.RequirementsView.as_view(),
        name="api_payout_method_requirements",
    ),
    path("payout-methods/link", methods.LinkView.as_view(), name="api_payout_method_link"),
    path("payout-methods/<uuid:pk>", methods.MethodView.as_view(), name="api_payout_method"),
    path("payout-methods/<uuid:pk>/default", methods.DefaultView.as_view(), name="api_payout_method_default"),
    path(
        "payout-methods/<uuid:pk>/confirmation",
        methods.ConfirmationView.as_view(),
        name="api_payout_method_confirmation",
    ),
]
