"""The app of money that comes in."""

from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    """Payments that buyers made, as far as a payout depends on them."""

    name = "payments"
    default_auto_field = "django.db.models.BigAutoField"
