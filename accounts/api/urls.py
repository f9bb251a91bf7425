"""The endpoints of this app, under /api/v1/."""

from __future__ import annotations

from django.urls import path

from accounts.api.endpoints import MeView, SessionView, SharetribeLinkView

urlpatterns = [
    path("session", SessionView.as_view(), name="api_session"),
    path("me", MeView.as_view(), name="api_me"),
    path("me/sharetribe", SharetribeLinkView.as_view(), name="api_me_sharetribe"),
]
