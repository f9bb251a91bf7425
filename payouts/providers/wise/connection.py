"""What a test of the connection to Wise finds, without moving money."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from payouts.providers.base import Balance, ConnectionReport, ProviderUnavailable
from payouts.providers.wise.client import StrongAuthentication, WiseClient
from payouts.providers.wise.fields import read_id, read_text
from payouts.providers.wise.registration import delivery_of
from payouts.providers.wise.statements import read_balances, read_rows
from payouts.providers.wise.webhook import EVENTS, STATE

_A_DAY: Final = timedelta(days=1)


def check(client: WiseClient, *, funds: bool, now: datetime) -> ConnectionReport:
    """This will say what works, and of what does not, what to do."""
    try:
        account, missing = _account(client)
        balances = read_balances(client, now=now)
        scopes = [
            "make transfers",
            "fund them" if funds else "fund nothing: staff pay on wise.com",
            *_statements(client, missing, balances, now=now),
        ]
        webhook = _webhooks(client, missing)
    except ProviderUnavailable as error:
        return ConnectionReport(ok=False, account="", scopes=(), missing=[str(error)], balances=())
    if not balances:
        missing.append("There is no balance: open one in each currency that you pay out.")
    return ConnectionReport(
        ok=bool(account and balances),
        account=account,
        scopes=scopes,
        missing=missing,
        balances=balances,
        webhook=webhook,
    )


def _account(client: WiseClient) -> tuple[str, list[str]]:
    for profile in client.read_list(client.path("profiles")):
        if read_id(profile, "id") != client.profile:
            continue
        kind = read_text(profile, "type").lower()
        name = read_text(profile, "businessName") or read_text(profile, "fullName")
        personal = (
            []
            if kind == "business"
            else ["The profile is a person's: set WISE_PROFILE_ID to the business's."]
        )
        return " ".join(filter(None, (name, f"({kind} profile {client.profile})"))), personal
    return "", [
        "Our token may not act for WISE_PROFILE_ID: take the id of the business profile that it belongs to."
    ]


def _statements(
    client: WiseClient, missing: list[str], balances: Sequence[Balance], *, now: datetime
) -> Iterator[str]:
    try:
        for balance in balances[:1]:
            list(read_rows(client, since=now - _A_DAY, until=now, currency=balance.available.currency))
    except StrongAuthentication:
        missing.append(
            "Our token may not read statements, as in most countries: top-ups, fees and foreign debits are not seen;"
            " compare with wise.com yourself."
        )
        return
    yield "read statements"


def _webhooks(client: WiseClient, missing: list[str]) -> str:
    """Give where states are delivered, and note which of our events nobody asked for."""
    found = {}
    for one in client.read_list(client.path("subscriptions")):
        version, url = delivery_of(one)
        found[read_text(one, "trigger_on"), version] = url
    lacking = [trigger for trigger, version in EVENTS.items() if (trigger, version) not in found]
    if lacking:
        missing.append(
            f"No webhook for {', '.join(lacking)}: run check_provider wise --register-webhook. Without it everything"
            " works, a little later."
        )
    return found.get((STATE, EVENTS[STATE]), "")
