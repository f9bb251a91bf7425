"""What a test of the connection to PayPal finds, without moving money."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from marketplace_payouts.lib.http import url_path
from payouts.providers.base import Balance, ConnectionReport, ProviderUnavailable, ReferenceVanished
from payouts.providers.paypal.batch_request import CREATE_PATH
from payouts.providers.paypal.client import PayPalClient
from payouts.providers.paypal.reports import BALANCES_PATH, read_balances
from payouts.providers.paypal.token import NoToken, Token
from payouts.providers.paypal.webhook import EVENTS

PAYOUTS_SCOPE: Final = "https://uri.paypal.com/payments/payouts"
BALANCES_SCOPE: Final = "https://uri.paypal.com/services/reporting/balances/read"
SEARCH_SCOPE: Final = "https://uri.paypal.com/services/reporting/search/read"
WEBHOOKS_SCOPE: Final = "https://uri.paypal.com/services/applications/webhooks"
_FEATURES: Final = (
    (
        PAYOUTS_SCOPE,
        "Payouts are not enabled: ask PayPal to enable Payouts for the business account, then tick it for the app.",
    ),
    (
        BALANCES_SCOPE,
        "Balances cannot be read, so lack of funds shows late: tick Transaction Search for the app.",
    ),
    (
        SEARCH_SCOPE,
        "The statement cannot be read, so lost answers are hard to find: tick Transaction Search for the app.",
    ),
    (
        WEBHOOKS_SCOPE,
        "The registration of the webhook cannot be checked: tick Webhooks for the app.",
    ),
)
# No batch has this id; being told so shows that we may ask.
_NOBODY: Final = "NOSUCHBATCH"


def check(client: PayPalClient, *, webhook_id: str, now: datetime) -> ConnectionReport:
    """This will try what can be tried without moving money, and say what does not work and what to do."""
    try:
        token = client.tokens.take()
    except NoToken as error:
        return ConnectionReport(ok=False, account="", scopes=(), missing=[str(error)], balances=())
    missing = [sentence for scope, sentence in _FEATURES if scope not in token.scopes]
    refused = _try_payouts(client)
    missing += refused
    balances = _try_balances(client, token, missing, now=now)
    return ConnectionReport(
        ok=PAYOUTS_SCOPE in token.scopes and not refused,
        account=_account(client, token),
        scopes=token.scopes,
        missing=missing,
        balances=balances,
        webhook=_try_webhook(client, token, webhook_id, missing),
    )


def _try_payouts(client: PayPalClient) -> Sequence[str]:
    try:
        client.read(CREATE_PATH + url_path(_NOBODY), params={"page_size": "1"})
    except ReferenceVanished:
        return ()
    except ProviderUnavailable as error:
        return [f"Payouts cannot be asked for: {error}"]
    return ()


def _try_balances(
    client: PayPalClient, token: Token, missing: list[str], *, now: datetime
) -> Sequence[Balance]:
    if BALANCES_SCOPE not in token.scopes:
        return ()
    try:
        return read_balances(client, now=now)
    except ProviderUnavailable as error:
        missing.append(f"Balances could not be read: {error}")
        return ()


def _account(client: PayPalClient, token: Token) -> str:
    """Give what PayPal calls our account, else our app: the only names that it tells."""
    if BALANCES_SCOPE in token.scopes:
        try:
            account = client.read(BALANCES_PATH, params={"currency_code": "ALL"}).get("account_id")
        except ProviderUnavailable:
            account = None
        if isinstance(account, str) and account:
            return account
    return token.app_id


def _try_webhook(client: PayPalClient, token: Token, webhook_id: str, missing: list[str]) -> str:
    """Give the address that PayPal delivers to, and note what it does not deliver."""
    if not webhook_id:
        missing.append(
            "PAYPAL_WEBHOOK_ID is not set, so news comes only by asking: register a webhook and set its id."
        )
        return ""
    if WEBHOOKS_SCOPE not in token.scopes:
        return ""
    try:
        value = client.read("/v1/notifications/webhooks" + url_path(webhook_id))
    except ReferenceVanished:
        missing.append(
            "PayPal does not know the webhook of PAYPAL_WEBHOOK_ID: it must belong to this very app."
        )
        return ""
    except ProviderUnavailable as error:
        missing.append(f"The registration of the webhook could not be read: {error}")
        return ""
    types = value.get("event_types")
    heard = {one.get("name") for one in types if isinstance(one, dict)} if isinstance(types, list) else set()
    lacking = [] if "*" in heard else [event for event in EVENTS if event not in heard]
    if lacking:
        missing.append(f"The webhook does not send {', '.join(lacking)}: add them at PayPal.")
    return str(value.get("url", ""))
