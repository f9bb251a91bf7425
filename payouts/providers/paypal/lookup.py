"""Looking for a batch by our own keys, where PayPal's answer to its creation was lost.

PayPal cannot be asked by our key. What there is, is its statement, which is hours behind. Presence is proven by one
of our keys on it; absence only by a list that covers the last sending and the settle time, on which nothing is left
that could be ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from payouts.providers.base import Absent, CannotTell, Found, Key, ProviderUnavailable
from payouts.providers.paypal.batch_request import read_key
from payouts.providers.paypal.batches import read_batch
from payouts.providers.paypal.client import PayPalClient
from payouts.providers.paypal.reports import Report, Row, read_report

# Clocks differ, and PayPal writes whole seconds.
_MARGIN: Final = timedelta(minutes=5)


def find_batch(
    client: PayPalClient, key: Key, *, settle_time: timedelta, now: datetime
) -> Found | Absent | CannotTell:
    """This will say whether PayPal has a batch of ours, as far as its statement can tell."""
    # A little into the future: how far the list reaches is told by PayPal's clock, not by ours.
    until = max(now, key.last_sent_at + settle_time) + _MARGIN
    try:
        report = read_report(client, since=key.first_sent_at - _MARGIN, until=until, now=now)
    except ProviderUnavailable as error:
        return CannotTell(f"PayPal has no lookup by our key, and its statement could not be read: {error}")
    ours = [row for row in report.rows if row.item_key in set(key.item_keys)]
    if ours:
        return _found(client, ours, key)
    doubt = _doubt(report, key, settle_time=settle_time)
    return Absent(
        as_of=report.complete_until,
        authoritative=not doubt,
        reason=doubt
        or "PayPal's statement covers the sending and the settle time and shows none of the payments.",
    )


def _found(client: PayPalClient, rows: Sequence[Row], key: Key) -> Found | CannotTell:
    """Read the batch that the rows point at; it is ours only if it carries our key."""
    for reference in dict.fromkeys(row.about for row in rows if row.about):
        try:
            view = read_batch(client, reference)
        except ProviderUnavailable:
            continue  # a payment's reference may be something else than its batch
        if view.batch_key in {key.batch_key, read_key(key.step_key)}:
            return Found(view)
    return CannotTell(
        f"PayPal's statement shows {len(rows)} of the payments, but not their batch: sending the same step again "
        "makes PayPal name it."
    )


def _doubt(report: Report, key: Key, *, settle_time: timedelta) -> str:
    """Give the first reason why the absence proves nothing, or nothing."""
    if report.complete_until < key.last_sent_at + settle_time:
        return "PayPal's statement does not cover the sending and the settle time yet."
    if any(row.is_payout and not row.item_key for row in report.rows):
        return "PayPal's statement shows payouts without a key, and one of them may be ours."
    if report.holds:
        return "PayPal holds money for a batch whose payments are not on the statement yet."
    return ""
