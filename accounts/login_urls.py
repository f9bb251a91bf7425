"""The doors of staff's log-in: allauth's pages, without those by which an account is made or its address changed."""

from __future__ import annotations

from typing import NoReturn

from allauth.account import views
from django.http import Http404, HttpRequest
from django.urls import include, path, re_path


def closed(request: HttpRequest) -> NoReturn:
    """This will say that there is no such page.

    allauth asks for the addresses of these pages by name. Staff accounts are made by administrators, and an address
    that its owner could change would be the shortest way to take an account over.

    :raises Http404: always.
    """
    raise Http404


urlpatterns = [
    path("login/", views.login, name="account_login"),
    path("logout/", views.logout, name="account_logout"),
    path("inactive/", views.account_inactive, name="account_inactive"),
    path("reauthenticate/", views.reauthenticate, name="account_reauthenticate"),
    path("password/change/", views.password_change, name="account_change_password"),
    path("password/set/", views.password_set, name="account_set_password"),
    path("password/reset/", views.password_reset, name="account_reset_password"),
    path("password/reset/done/", views.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        views.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/key/done/",
        views.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    path("2fa/", include("allauth.mfa.urls")),
    path("signup/", closed, name="account_signup"),
    path("email/", closed, name="account_email"),
    path("confirm-email/", closed, name="account_email_verification_sent"),
]
