"""What a message says: rendered for a set at once, when it is first sent, and kept.

Then, and not when it happened, because the way of the money must not pay for it; what is told follows from rows that do
not change any more, and little besides. Kept, because every other try must send the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from accounts.models import Payee
from marketplace_payouts.lib.http import json_body
from marketplace_payouts.lib.logs import logger
from marketplace_payouts.lib.money import Money, MoneyError
from payouts.models import WebhookMessage, WebhookSubscription
from payouts.subscriptions.events import TEST, VERSION
from payouts.subscriptions.payload_rows import Rows, load

log = logger(__name__)

Data = dict[str, Any] | None
"""The `data` of a message; None where what it tells of is gone."""


def render(messages: Sequence[WebhookMessage], subscription: WebhookSubscription) -> dict[UUID, str]:
    """This will give the body of each message of a subscription; one that cannot be written has none."""
    if not messages:
        return {}
    rows = load(messages)
    bodies = {}
    for message in messages:
        try:
            data = _data(message, rows, subscription)
        except (KeyError, MoneyError):
            # News of a newer version, or a currency that is not known any more: the others go on.
            log.exception("message_not_written", message=message.public_id, type=message.type)
            continue
        if data is not None:
            body = {
                "type": message.type,
                "id": message.public_id,
                "timestamp": _moment(message.happened_at),
                "version": VERSION,
                "data": data,
            }
            bodies[message.pk] = json_body(body).decode()
    return bodies


def _data(message: WebhookMessage, rows: Rows, subscription: WebhookSubscription) -> Data:
    if message.type == TEST:
        return {"subscription": subscription.description}
    return DATA[message.type](message, rows)


def _payout(message: WebhookMessage, rows: Rows) -> Data:
    payout, event = rows.payouts.get(message.subject), rows.events.get(message.source)
    if payout is None or (event is None and message.type != "payout.held"):
        return None
    count, references = rows.transactions.get(payout.pk, (0, []))
    return {
        "payout": {
            "number": payout.number,
            "state": event.to_state if event else payout.state,
            "sequence": event.n if event else payout.chain_length,
            "provider": payout.provider,
            "amount": _amount(payout.debt_units, payout.debt_currency),
            "sent": _amount(payout.sent_units, payout.sent_currency),
        },
        "seller": _seller(payout.payee),
        "transactions": [str(reference) for reference in references],
        "transaction_count": count,
    }


def _failed(message: WebhookMessage, rows: Rows) -> Data:
    data = _payout(message, rows)
    return data and data | {"refusal": rows.refusals.get(message.subject) or None}


def _returned(message: WebhookMessage, rows: Rows) -> Data:
    data = _payout(message, rows)
    if data is not None:
        payout = rows.payouts[message.subject]
        data["payout"]["returned"] = _amount(payout.returned_units, payout.sent_currency)
    return data


def _held(message: WebhookMessage, rows: Rows) -> Data:
    data, hold = _payout(message, rows), rows.holds.get(message.source)
    if data is None or hold is None:
        return None
    on = "payout" if hold.payout_id else "payee" if hold.payee_id else "method"
    return data | {"hold": {"rule": hold.rule, "on": on}}


def _payable(message: WebhookMessage, rows: Rows) -> Data:
    payable = rows.payables.get(message.subject)
    if payable is None:
        return None
    return {
        "payable": {
            "id": str(payable.pk),
            "purpose": payable.purpose,
            "original": str(payable.original_id) if payable.original_id else None,
            "amount": _amount(payable.units, payable.currency),
            "waits_for": payable.waits_for or None,
            "due_at": _moment(payable.due_at),
        },
        "seller": _seller(payable.payee),
        "transaction": {"id": str(payable.source.reference) if payable.source else None},
    }


def _method(message: WebhookMessage, rows: Rows) -> Data:
    method = rows.methods.get(message.subject)
    if method is None:
        return None
    return {
        "method": {
            "id": str(method.pk),
            "provider": method.provider,
            "version": method.version,
            "usable_from": _moment(method.usable_from),
            "verified": method.verified_at is not None,
            # Of a new one the method itself is the news; of one that was given up, that it was.
            "removed": message.source != method.pk,
        },
        "seller": _seller(method.payee),
    }


def _verified(message: WebhookMessage, rows: Rows) -> Data:
    payee = rows.payees.get(message.subject)
    return None if payee is None else {"seller": _seller(payee)}


def _seller(payee: Payee) -> dict[str, str]:
    return {"id": str(payee.flex_user_id)}


def _amount(units: Any, currency: str) -> dict[str, Any]:
    return Money(int(units), currency).shown_json()


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


DATA: Final[Mapping[str, Callable[[WebhookMessage, Rows], Data]]] = {
    "payable.owed": _payable,
    "payout.approved": _payout,
    "payout.paid": _payout,
    "payout.failed": _failed,
    "payout.returned": _returned,
    "payout.held": _held,
    "payout_method.changed": _method,
    "seller.verified": _verified,
}
