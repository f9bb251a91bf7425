"""The doors of the product."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from accounts.api import reference, schema
from accounts.api.views import UnknownView
from payments.api.urls import bare_urlpatterns
from payouts import doors
from payouts.payee_pages.mailed_links import notice_switch, verify_method

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/login/", RedirectView.as_view(pattern_name="account_login", query_string=True)),
    path("admin/", admin.site.urls),
    path("payee/methods/<str:token>/", verify_method, name="verify_method"),
    path("payee/notices/<str:token>/", notice_switch, name="notice_switch"),
    path("payee/", include("payouts.payee_pages.urls")),
    path("accounts/", include("accounts.login_urls")),
    path("_allauth/", include("allauth.headless.urls")),
    path("api/", reference.page, name="api_reference"),
    path("api/schema/", schema.show, name="api_schema"),
    path("api/v1/", include("accounts.api.urls")),
    path("api/v1/", include("payouts.api.notice_urls")),
    path("api/v1/", include("payouts.api.payout_urls")),
    path("api/v1/", include("payouts.api.method_urls")),
    path("api/v1/", include("payments.api.urls")),
    *bare_urlpatterns,
    path("api/v1/payments/", include("flexsync.api.urls")),
    re_path("^(?:api|buyer|seller)/", UnknownView.as_view()),
    path("webhooks/<slug:provider>/<uuid:token>/", doors.webhook, name="webhook"),
    path("stripe/webhook/<uuid:endpoint>/", doors.stripe_webhook, name="stripe_webhook"),
    path("healthz", doors.alive),
    path("readyz", doors.ready),
    path("metrics", doors.measured),
]
