"""Two-person acts about bank files: statements that come to count, files withdrawn, payments not carried out."""

from __future__ import annotations

from marketplace_payouts.lib.money import Money
from payouts.acts.base import Act, Asked, ended
from payouts.bank_files import importing, withdrawing
from payouts.errors import Refused
from payouts.models import BankFile, BankStatement, Payout, Request


def _take(asked: Asked) -> None:
    assert asked.seconded_by is not None
    importing.take(asked.row(BankStatement, "statement", lock=True), by=asked.seconded_by, now=asked.now)


def _file(asked: Asked) -> BankFile:
    file = asked.row(BankFile, "file", lock=True)
    if sentence := withdrawing.why_not_withdrawn(file, document=asked.text("document", default="")):
        raise Refused(sentence)
    return file


def _file_money(asked: Asked) -> Money:
    batch = asked.row(BankFile, "file").batch
    return Money(int(batch.total_units), batch.currency)


def _withdrawal(asked: Asked) -> str:
    file = _file(asked)
    document = asked.text("document", default="")
    proof = f" What proves it: {ended(document)}" if document else " Nobody has downloaded it."
    return (
        f"Withdraw {file} with {file.batch.item_count} payments, because the bank does not have it: it is never given"
        f" out again, and what it covers is owed again.{proof}"
    )


def _withdraw(asked: Asked) -> None:
    assert asked.seconded_by is not None
    document = asked.text("document", default="")
    withdrawing.withdraw(
        _file(asked),
        request=Request.objects.get(pk=asked.request_id),
        reason=f"{ended(asked.reason)} {document}".strip(),
        by=asked.seconded_by,
        now=asked.now,
    )


def _payment(asked: Asked) -> Payout:
    payout = asked.row(Payout, "payout")
    withdrawing.payment_of(payout)
    if asked.text("whose") not in withdrawing.CLASSES:
        raise Refused(f"Who must act is one of {', '.join(withdrawing.CLASSES)}.")
    asked.text("document")
    return payout


def _payment_money(asked: Asked) -> Money:
    payout = asked.row(Payout, "payout")
    return Money(int(payout.sent_units), payout.sent_currency)


def _refuse(asked: Asked) -> None:
    assert asked.seconded_by is not None
    withdrawing.refuse(
        _payment(asked),
        request=Request.objects.get(pk=asked.request_id),
        whose=asked.text("whose"),
        reason=asked.text("document"),
        by=asked.seconded_by,
        now=asked.now,
    )


ACTS = {
    importing.ACT: Act(
        label="Take in a bank's statement",
        needs="act_bank_file",
        fields=("statement",),
        check=lambda asked: importing.summary(asked.row(BankStatement, "statement")),
        summary=lambda asked: importing.summary(asked.row(BankStatement, "statement")),
        apply=_take,
    ),
    "bank_file_withdraw": Act(
        label="Withdraw a bank file",
        needs="act_resolve",
        seconds="act_resolve",
        fields=("file", "document"),
        amount=_file_money,
        check=_file,
        summary=_withdrawal,
        apply=_withdraw,
    ),
    "bank_payment_refused": Act(
        label="Say that the bank did not carry out a payment",
        needs="act_resolve",
        seconds="act_resolve",
        fields=("payout", "whose", "document"),
        amount=_payment_money,
        check=_payment,
        summary=lambda asked: (
            f"The bank did not carry out {_payment(asked).number}, which fails:"
            f" {ended(asked.text('document'))}"
        ),
        apply=_refuse,
    ),
}
