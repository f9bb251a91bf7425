"""The endpoints of this app: under /api/v1/, and, as the addresses that people remember, without it."""

from __future__ import annotations

from typing import Final

from django.urls import URLPattern, path

from payments.api.buyer import BuyerView
from payments.api.seller import LoginLinkView, OnboardingView, SellerView

_PEOPLE: Final = {
    "buyer": BuyerView,
    "seller": SellerView,
    "seller/onboarding": OnboardingView,
    "seller/login-link": LoginLinkView,
}

urlpatterns = [
    path(address, view.as_view(), name=f"api_{address.replace('/', '_').replace('-', '_')}")
    for address, view in _PEOPLE.items()
]
bare_urlpatterns: list[URLPattern] = [
    # The document has each of them once, under its whole address.
    path(address, view.as_view(schema=None))
    for address, view in _PEOPLE.items()
]
