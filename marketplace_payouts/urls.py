"""The doors of the product."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from payouts import doors
from payouts.views import verify_method

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/login/", RedirectView.as_view(pattern_name="account_login", query_string=True)),
    path("admin/", admin.site.urls),
    path("payee/methods/<str:token>/", verify_method, name="verify_method"),
    path("accounts/", include("accounts.login_urls")),
    path("webhooks/<slug:provider>/<uuid:token>/", doors.webhook, name="webhook"),
    path("healthz", doors.alive),
    path("readyz", doors.ready),
    path("metrics", doors.measured),
]
