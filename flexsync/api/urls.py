"""The endpoints about buyers' payments, under /api/v1/payments/."""

from __future__ import annotations

from django.urls import path

from flexsync.api.intents import PaymentIntentView
from payouts.api.payment_events import PaymentEventsView

urlpatterns = [
    path("intents", PaymentIntentView.as_view(), name="api_payment_intents"),
    path("events", PaymentEventsView.as_view(), name="api_payment_events"),
]
