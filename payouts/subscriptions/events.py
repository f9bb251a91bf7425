"""What may be subscribed to, and what each kind of news says: the contract with subscribers, told in docs/webhooks.md.

Fields may be added; none is removed or changes its meaning without another `VERSION`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

VERSION: Final = 1
MOST_TRANSACTIONS: Final = 100
"""So many Sharetribe transactions of a payout are named; how many there are is always said."""


@dataclass(frozen=True, slots=True)
class Field:
    """One value in `data`: where it stands, what it is in JSON, and what it means."""

    path: str
    kind: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Event:
    """One kind of news."""

    meaning: str
    fields: tuple[Field, ...]


def _amount(path: str, meaning: str) -> tuple[Field, ...]:
    return (
        Field(f"{path}.units", "string", f"{meaning}: whole units of the currency's smallest denomination."),
        Field(f"{path}.currency", "string", "Its currency, such as `EUR`."),
        Field(f"{path}.exponent", "integer", "Its decimals: the amount is units / 10^exponent."),
    )


_SELLER: Final = Field("seller.id", "string", "The seller's user id in Sharetribe.")

_PAYOUT: Final = (
    Field("payout.number", "string", "The payout's number, such as `PO-7K3M9-Q2XVC`."),
    Field("payout.state", "string", "Where it stood then."),
    Field(
        "payout.sequence",
        "integer",
        "Rises with every entry of the payout's record: what has a lower one is older news.",
    ),
    Field("payout.provider", "string", "The service that pays it, such as `paypal`."),
    *_amount("payout.amount", "What is owed with it"),
    *_amount("payout.sent", "What is sent; in another currency only where it was converted"),
    _SELLER,
    Field(
        "transactions",
        "array of strings",
        f"The ids of the Sharetribe transactions that it pays for, at most {MOST_TRANSACTIONS}.",
    ),
    Field("transaction_count", "integer", "How many there are."),
)

EVENTS: Final[Mapping[str, Event]] = {
    "payable.owed": Event(
        "A seller is owed more, or less: a sale became due, was refunded or changed, staff decided on a bonus, or what"
        " was paid came back.",
        (
            Field("payable.id", "string", "The payable's id."),
            Field(
                "payable.purpose",
                "string",
                "`sale`, `change`, `loss`, `bonus`, `correction`, `deduction` or `returned`.",
            ),
            Field("payable.original", "string or null", "The id of the payable that it changes."),
            *_amount("payable.amount", "By how much more is owed; negative where it is less"),
            Field(
                "payable.waits_for",
                "string or null",
                "`opening`, `returned` or `clawback`: a person must decide first.",
            ),
            Field("payable.due_at", "string", "When it may be gathered into a payout."),
            _SELLER,
            Field(
                "transaction.id",
                "string or null",
                "The Sharetribe transaction's id, where it belongs to one.",
            ),
        ),
    ),
    "payout.approved": Event("People, or a policy, said that it may be sent.", _PAYOUT),
    "payout.paid": Event("The provider says that it arrived.", _PAYOUT),
    "payout.failed": Event(
        "The provider refused it for certain; no money moved.",
        (
            *_PAYOUT,
            Field(
                "refusal",
                "string or null",
                "Who must act: `payee`, `ours`, `wait` (nobody), `final` (it will not work through this service),"
                " `unclassified`.",
            ),
        ),
    ),
    "payout.returned": Event(
        "All of it, or a part, came back. What came back is owed again, and told of as `payable.owed`.",
        (*_PAYOUT, *_amount("payout.returned", "What came back so far")),
    ),
    "payout.held": Event(
        "A hold was put on it, its payee or its method: nothing is sent until it is lifted. Of the stop switch, and of"
        " holds on a provider or a currency, nobody is told.",
        (
            *_PAYOUT,
            Field("hold.rule", "string", "`staff`, or the rule of the product that set it."),
            Field("hold.on", "string", "`payout`, `payee` or `method`."),
        ),
    ),
    "payout_method.changed": Event(
        "A seller is paid in another place from now on, or nowhere. Where that is, is not told.",
        (
            Field("method.id", "string", "The method's id; each change makes another."),
            Field("method.provider", "string", "The service, such as `paypal`."),
            Field("method.version", "integer", "1 for the seller's first, rising."),
            Field("method.usable_from", "string", "Until when it cools down."),
            Field("method.verified", "boolean", "Whether it is known to belong to the seller already."),
            Field(
                "method.removed",
                "boolean",
                "Whether the seller gave it up, and is paid nowhere until they choose another.",
            ),
            _SELLER,
        ),
    ),
    "seller.verified": Event("A payment service has verified who the seller is.", (_SELLER,)),
}

TEST: Final = "webhook.test"
"""What only a person's act sends, to a subscriber of whatever kind of news."""
TEST_EVENT: Final = Event(
    "Somebody wants to see whether it arrives.",
    (Field("subscription", "string", "The description of the subscription."),),
)
