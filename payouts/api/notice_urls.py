"""Where payees say which mails they want, under /api/v1/."""

from __future__ import annotations

from django.urls import path

from payouts.api.notices import NoticesView

urlpatterns = [path("notices", NoticesView.as_view(), name="api_notices")]
