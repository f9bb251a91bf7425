"""The app of the core: what is owed, decided, sent, settled and told."""

from django.apps import AppConfig


class PayoutsConfig(AppConfig):
    """Payables, payouts, attempts and the ledger behind them."""

    name = "payouts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """This will hand the desk for bank files to their provider, which touches no database itself."""
        from payouts.bank_files.desk import DatabaseDesk
        from payouts.providers.bank_file.desk import use

        use(DatabaseDesk())
