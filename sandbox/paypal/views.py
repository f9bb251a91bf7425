"""Batches and items as PayPal shows them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sandbox.paypal.books import Batch, Item
from sandbox.paypal.currencies import WORTH, amount
from sandbox.paypal.problems import explained


def instant(moment: float) -> str:
    """Write a moment as PayPal does: UTC, whole seconds."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def link(href: str, rel: str = "self", method: str = "GET") -> dict[str, str]:
    """Make one of PayPal's links."""
    return {"href": href, "rel": rel, "method": method, "encType": "application/json"}


def batch_url(origin: str, batch_id: str) -> str:
    """Give the address of a batch."""
    return f"{origin}/v1/payments/payouts/{batch_id}"


def item_url(origin: str, item_id: str) -> str:
    """Give the address of an item."""
    return f"{origin}/v1/payments/payouts-item/{item_id}"


def echoed_header(batch: Batch) -> dict[str, str]:
    """Give the caller's header back, without its note."""
    return {name: value for name, value in batch.header.items() if name != "note"}


def created(batch: Batch, origin: str) -> dict[str, Any]:
    """Show a batch as the answer to its creation does: without a single item."""
    return {
        "batch_header": {
            "payout_batch_id": batch.id,
            "batch_status": "PENDING",
            "time_created": instant(batch.created),
            "sender_batch_header": echoed_header(batch),
        },
        "links": [link(batch_url(origin, batch.id))],
    }


def batch_header(batch: Batch) -> dict[str, Any]:
    """Show a batch's header as it is now."""
    shown: dict[str, Any] = {
        "payout_batch_id": batch.id,
        "batch_status": batch.status,
        "time_created": instant(batch.created),
        "sender_batch_header": echoed_header(batch),
        "funding_source": "BALANCE",
        "amount": amount(batch.total, batch.currency),
        "fees": amount(batch.fee, batch.currency),
    }
    if batch.completed is not None:
        shown["time_completed"] = instant(batch.completed)
        if all(item.decided for item in batch.items):
            shown["time_closed"] = instant(batch.completed)
    return shown


def item(item: Item, origin: str) -> dict[str, Any]:
    """Show an item as it stands in its batch."""
    batch, line = item.batch, item.line
    asked: dict[str, Any] = {
        "recipient_type": line.recipient_type,
        "amount": amount(line.units, batch.currency),
        "receiver": line.receiver,
        "recipient_wallet": line.wallet,
    }
    optional = {"note": line.note, "sender_item_id": line.sender_item_id, "purpose": line.purpose}
    asked.update({name: value for name, value in optional.items() if value is not None})
    shown: dict[str, Any] = {
        "payout_item_id": item.id,
        "transaction_status": item.status,
        "payout_item_fee": amount(item.shown_fee, batch.currency),
        "payout_batch_id": batch.id,
        "payout_item": asked,
        "links": [link(item_url(origin, item.id))],
    }
    _add_outcome(shown, item)
    return shown


def _add_outcome(shown: dict[str, Any], item: Item) -> None:
    if item.transaction_id is not None:
        shown["transaction_id"] = item.transaction_id
        shown["activity_id"] = item.activity_id
    if item.processed is not None:
        shown["time_processed"] = instant(item.processed)
    if item.error is not None:
        shown["errors"] = {**explained(item.error, debug_id=item.id.lower()), "links": []}
    source = item.batch.source
    if source is not None and item.from_units:
        rate = WORTH[source] / WORTH[item.batch.currency]
        shown["currency_conversion"] = {
            "from_amount": amount(item.from_units, source),
            "to_amount": amount(item.line.units, item.batch.currency),
            "exchange_rate": f"{rate:.8f}",
        }


def whole_item(wanted: Item, origin: str) -> dict[str, Any]:
    """Show an item on its own: with the caller's key of its batch, and the way to the batch."""
    shown = item(wanted, origin)
    if wanted.batch.sender_batch_id:
        shown["sender_batch_id"] = wanted.batch.sender_batch_id
    shown["links"].append(link(batch_url(origin, wanted.batch.id), "batch"))
    if wanted.status == "UNCLAIMED":
        shown["links"].append(link(f"{item_url(origin, wanted.id)}/cancel", "cancel", "POST"))
    return shown
