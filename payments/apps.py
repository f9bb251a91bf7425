"""The app of money that comes in, and of Stripe."""

from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    """Payments that buyers made, as far as a payout depends on them; Stripe's customers and accounts."""

    name = "payments"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """This will have dj-stripe call nobody by itself, and register what we read again for it."""
        from payments.stripe import handlers, recall  # noqa: F401 - importing the handlers registers them

        recall.install()
