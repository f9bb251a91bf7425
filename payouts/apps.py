"""The app of the core: what is owed, decided, sent, settled and told."""

from django.apps import AppConfig


class PayoutsConfig(AppConfig):
    """Payables, payouts, attempts and the ledger behind them."""

    name = "payouts"
    default_auto_field = "django.db.models.BigAutoField"
