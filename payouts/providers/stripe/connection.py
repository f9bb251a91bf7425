"""What a test of the connection to Stripe finds, without moving money."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from payouts.providers.base import Balance, ConnectionReport, ProviderUnavailable
from payouts.providers.stripe.client import Object, StripeClient
from payouts.providers.stripe.reports import ENTRIES_PATH, read_balances
from payouts.providers.stripe.transfer_request import TRANSFERS_PATH

ACCOUNT_PATH: Final = "/v1/account"
_READ: Final = (
    ("transfers", TRANSFERS_PATH),
    ("balance transactions", ENTRIES_PATH),
    ("connected accounts", "/v1/accounts"),
)
_WANTED: Final = frozenset({"transfer.reversed", "payout.paid", "payout.failed"})


def check(client: StripeClient, *, now: datetime) -> ConnectionReport:
    """This will ask for the account, the balance, and whether our key reads what paying needs."""
    missing: list[str] = []
    try:
        account = client.read(ACCOUNT_PATH)
    except ProviderUnavailable as error:
        return ConnectionReport(ok=False, account="", scopes=[], missing=[str(error)], balances=[])
    scopes = [name for name, path in _READ if _may_read(client, name, path, missing)]
    balances = _balances(client, missing, now=now)
    ok = not missing
    _look_at_webhooks(client, missing)
    return ConnectionReport(ok=ok, account=_named(account), scopes=scopes, missing=missing, balances=balances)


def _named(account: Object) -> str:
    return " ".join(str(account[name]) for name in ("id", "country") if account.get(name))


def _may_read(client: StripeClient, name: str, path: str, missing: list[str]) -> bool:
    try:
        client.read(path, params={"limit": "1"})
    except ProviderUnavailable as error:
        missing.append(f"The {name} could not be read; a restricted key must be allowed to: {error}")
        return False
    return True


def _balances(client: StripeClient, missing: list[str], *, now: datetime) -> Sequence[Balance]:
    try:
        return read_balances(client, now=now)
    except ProviderUnavailable as error:
        missing.append(f"The balance could not be read: {error}")
        return []


def _look_at_webhooks(client: StripeClient, missing: list[str]) -> None:
    """Without webhooks everything is found out by asking, only later."""
    try:
        endpoints = list(client.pages("/v1/webhook_endpoints"))
    except ProviderUnavailable:
        missing.append(
            "Our key may not read the webhook endpoints, so nobody can say here whether they stand."
        )
        return
    heard: set[Any] = set()
    for one in endpoints:
        if one.get("status") == "enabled":
            heard.update(one.get("enabled_events") or ())
    if "*" not in heard and _WANTED - heard:
        lacking = ", ".join(sorted(_WANTED - heard))
        missing.append(f"No webhook tells of {lacking}: run manage.py register_stripe_webhooks.")
