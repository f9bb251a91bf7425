"""The books: one posting is debit, credit and amount, so every entry balances by construction.

Accounts are names: `due_from_marketplace`, `owed:<payee>`, `receivable:<payee>`, `allocated:<payout>`,
`committed:<provider>`, `in_transit:<provider>`, `provider_cash:<provider>`, `fees:<provider>`, `fx:<provider>`,
`suspense:<provider>`, `owner_funding`, `write_off`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Sum

from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.ids import uuid7
from marketplace_payouts.lib.money import Money
from payouts.models import Posting

KINDS: dict[str, str] = {
    "accrue": "A sale, bonus or correction makes us owe a payee",
    "compensate": "What is owed was reduced before it was sent",
    "allocate": "A payable is gathered into a payout",
    "net": "A clawback is netted against a payout, as decided",
    "dissolve": "A payable is let go from a payout",
    "unnet": "A netted clawback is let go from a payout",
    "commit": "The intent to send is committed",
    "uncommit": "The provider refused, deferred or does not have it",
    "debit": "The provider debited us",
    "undebit": "The provider gave a debit back before it counted as paid",
    "pay": "The provider says that it arrived",
    "fee": "The provider charged a fee",
    "fee_back": "The provider gave a fee back",
    "return_cash": "Money came back after it was paid",
    "return_owed": "What came back before it was paid is owed again",
    "clawback": "What was paid turned out not to be owed",
    "repay": "The payee repaid a clawback",
    "write_off": "A clawback was written off",
    "recover": "A loss that was written off is none any more",
    "by_hand": "Paid by hand before go-live",
    "fund": "Funds were moved to the provider",
    "withdraw": "Funds were withdrawn from the provider",
    "convert": "The provider changed our money into another currency",
    "suspense": "Something unexplained moved on our account",
    "explain": "What was on suspense is explained, by two people with a document",
}

DUE = "due_from_marketplace"


@dataclass(frozen=True, slots=True)
class Draft:
    """A posting to be made; unique for ever by subject, kind and ordinal."""

    kind: str
    subject: UUID
    debit: str
    credit: str
    amount: Money
    ordinal: int = 0
    payable_id: UUID | None = None
    payout_id: UUID | None = None
    attempt_id: UUID | None = None


def owed(payee_id: UUID) -> str:
    """This will name the account of what we owe a payee."""
    return f"owed:{payee_id}"


def receivable(payee_id: UUID) -> str:
    """This will name the account of what a payee owes us."""
    return f"receivable:{payee_id}"


def allocated(payout_id: UUID) -> str:
    """This will name the account of what is set aside for a payout."""
    return f"allocated:{payout_id}"


def post(drafts: Sequence[Draft], *, now: datetime, entry: UUID | None = None) -> None:
    """This will write the postings in one statement.

    Each draft is an entry of its own, unless `entry` joins them.

    :raises IntegrityError: when one was posted already (`payouts_posting_once`).
    """
    rows = []
    for draft in drafts:
        assert draft.kind in KINDS, draft.kind
        pk = uuid7()
        rows.append(
            Posting.new(
                id=pk,
                entry=entry or pk,
                kind=draft.kind,
                subject=draft.subject,
                ordinal=draft.ordinal,
                debit=draft.debit,
                credit=draft.credit,
                units=draft.amount.units,
                currency=draft.amount.currency,
                payable_id=draft.payable_id,
                payout_id=draft.payout_id,
                attempt_id=draft.attempt_id,
                at=now,
            )
        )
    rowsets.insert(Posting, rows)


def balance(account: str, currency: str) -> int:
    """This will give an account's debits less its credits in one currency, in smallest units."""
    rows = Posting.objects.filter(currency=currency)
    debits = rows.filter(debit=account).aggregate(total=Sum("units"))["total"] or 0
    credits_ = rows.filter(credit=account).aggregate(total=Sum("units"))["total"] or 0
    return int(debits) - int(credits_)


def flipped(money: Money, debit: str, credit: str) -> tuple[Money, str, str]:
    """This will give a positive amount, with debit and credit changed over when it was negative."""
    return (money, debit, credit) if money.units > 0 else (-money, credit, debit)


@dataclass(frozen=True, slots=True)
class PayoutLineMoney:
    """What a line moves between books: the payable, its payee and the amount, negative for a netted clawback."""

    line_id: UUID
    payable_id: UUID
    payee_id: UUID
    payout_id: UUID
    amount: Money
    is_clawback: bool


def _line(line: PayoutLineMoney, *, back: bool) -> Draft:
    """A gathered payable moves owed → allocated; a netted clawback moves allocated → receivable."""
    account = receivable(line.payee_id) if line.is_clawback else owed(line.payee_id)
    amount, debit, credit = flipped(line.amount, account, allocated(line.payout_id))
    names = {
        (False, False): "allocate",
        (True, False): "net",
        (False, True): "dissolve",
        (True, True): "unnet",
    }
    if back:
        debit, credit = credit, debit
    return Draft(
        kind=names[line.is_clawback, back],
        subject=line.line_id,
        debit=debit,
        credit=credit,
        amount=amount,
        payable_id=line.payable_id,
        payout_id=line.payout_id,
    )


def allocate(lines: Iterable[PayoutLineMoney]) -> list[Draft]:
    """This will draft the postings of a gathering."""
    return [_line(line, back=False) for line in lines]


def dissolve(lines: Iterable[PayoutLineMoney]) -> list[Draft]:
    """This will draft the postings of a dissolving: the mirror of the gathering."""
    return [_line(line, back=True) for line in lines]
