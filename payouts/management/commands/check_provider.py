"""Test the connection to a provider, without moving money."""

from __future__ import annotations

import sys
from typing import Any, Protocol, runtime_checkable

from django.core.management.base import BaseCommand, CommandError, CommandParser

from marketplace_payouts.lib.currencies import format_amount
from payouts import webhook_addresses
from payouts.providers import registry
from payouts.providers.base import ConnectionReport, PayoutProvider, ProviderError


@runtime_checkable
class RegistersWebhooks(Protocol):
    """A provider that can be told by its API where to deliver."""

    webhook_setting: str
    """Where the id of the registration is to be set; empty where nobody needs it."""

    def register_webhook(self, url: str) -> str:
        """This will register the address and give the provider's id of the registration.

        :raises ProviderError: when the provider refuses it.
        """
        ...


class Command(BaseCommand):
    """`manage.py check_provider NAME [--register-webhook]`."""

    help = "Tests the connection to a provider, says what is missing and what to do; never moves money."

    def add_arguments(self, parser: CommandParser) -> None:
        """This will take the provider's name."""
        parser.add_argument("name", help=f"One of {', '.join(sorted(registry.PROVIDERS))}.")
        parser.add_argument(
            "--register-webhook",
            action="store_true",
            help="Have the provider deliver webhooks to our address.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """This will test it, and say what was found."""
        try:
            provider = registry.get(options["name"])
            report = provider.check()
            self._show(provider, report)
            if options["register_webhook"]:
                self._register(provider)
        except ProviderError as error:
            raise CommandError(str(error), returncode=2) from error
        sys.exit(0 if report.ok else 1)

    def _show(self, provider: PayoutProvider, report: ConnectionReport) -> None:
        write = self.stdout.write
        write(f"{provider.label}: {'works' if report.ok else 'does not work'}")
        write(f"  account     {report.account or 'not told'}")
        write(f"  currencies  {', '.join(sorted(provider.capabilities.exponents))}")
        for balance in report.balances:
            if balance.available.units:
                write(
                    f"  holds       {format_amount(balance.available)} as of {balance.as_of:%Y-%m-%d %H:%M} UTC"
                )
        write(f"  may         {', '.join(sorted(report.scopes)) or 'not told'}")
        address = webhook_addresses.address(provider.name)
        write(f"  our address {address}")
        if report.webhook:
            same = "which is ours" if report.webhook == address else "which is NOT our address"
            write(f"  delivers to {report.webhook}, {same}")
        for sentence in report.missing:
            write(f"  missing     {sentence}")

    def _register(self, provider: PayoutProvider) -> None:
        if not isinstance(provider, RegistersWebhooks):
            raise ProviderError(f"{provider.label} takes webhook addresses on its own pages only.")
        address = webhook_addresses.address(provider.name)
        if not address.startswith("https://"):
            self.stdout.write("PUBLIC_URL is not https; most providers refuse to deliver there.")
        identity = provider.register_webhook(address)
        setting = f" Set {provider.webhook_setting}={identity}." if provider.webhook_setting else ""
        self.stdout.write(f"Registered {address} as {identity}.{setting}")
