"""What a test of the connection to Payoneer finds, without moving money."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from payouts.providers.base import ConnectionReport, ProviderUnavailable, ReferenceVanished
from payouts.providers.payoneer.client import PayoneerClient
from payouts.providers.payoneer.funds import read_balance
from payouts.providers.payoneer.payments import read_payment
from payouts.providers.payoneer.token import NoToken

# No payment has this key; being told so shows that we may ask.
_NOBODY: Final = "no-such-payment"
UNHEARD: Final = (
    "PAYONEER_WEBHOOK_SECRET is not set, so news comes only by asking: have Payoneer deliver each type of event"
    " to its address above, and agree on a secret."
)
UNSIGNED: Final = (
    "Webhooks are taken unsigned: whoever learns our address can make us ask Payoneer in vain. Agree on a secret, set"
    " PAYONEER_WEBHOOK_SECRET and take PAYONEER_WEBHOOK_UNSIGNED away."
)
NO_LIST: Final = (
    "Payoneer has no list of movements that could be read: compare its own reports with the books by hand."
)


def check(
    client: PayoneerClient, *, currencies: Collection[str], webhook: str, now: datetime
) -> ConnectionReport:
    """This will try what can be tried without moving money; `webhook` says what is missing of it."""
    try:
        token = client.tokens.take()
    except NoToken as error:
        return ConnectionReport(ok=False, account="", scopes=(), missing=[str(error)], balances=())
    missing = _try_payouts(client)
    ok = not missing
    try:
        balances = [read_balance(client, now=now)]
    except ProviderUnavailable as error:
        balances, ok = [], False
        missing.append(f"The balance could not be read: {error}")
    missing += [
        f"The program is in {one.available.currency}: set PAYONEER_CURRENCIES={one.available.currency}."
        for one in balances
        if one.available.currency not in currencies
    ]
    missing += [sentence for sentence in (webhook, NO_LIST) if sentence]
    return ConnectionReport(
        ok=ok,
        account=f"program {client.program_id}",
        scopes=token.scopes,
        missing=missing,
        balances=balances,
    )


def _try_payouts(client: PayoneerClient) -> list[str]:
    try:
        read_payment(client, _NOBODY)
    except ReferenceVanished:
        return []
    except ProviderUnavailable as error:
        return [f"Payments cannot be asked for: {error}"]
    return ["Payoneer answers for a payment that does not exist: ask Payoneer which program this is."]
