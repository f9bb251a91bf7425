"""Two people say that the bank does not have a file, or did not carry out one of its payments.

Both free money to be paid again, so both are refused where the bank's own statements say otherwise.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from accounts.models import User
from payouts import kicks, reconciliation
from payouts.bank_files.desk import DatabaseDesk
from payouts.bank_files.handing_out import locked, was_restored_since
from payouts.errors import Refused
from payouts.models import Attempt, AttemptState, BankFile, BankFileAct, BankRefusal, Payout, Request
from payouts.providers import registry
from payouts.providers.bank_file import views
from payouts.providers.bank_file.identifiers import message_id
from payouts.providers.base import ProviderError, RefusalClass

CLASSES: Final = {
    RefusalClass.PAYEE: "The payee must give another account",
    RefusalClass.OURS: "We must act, such as to fund the account",
    RefusalClass.WAIT: "Nobody: it may be sent again",
}
"""Who must act before a payment that the bank did not carry out can be paid."""


def why_not_withdrawn(file: BankFile, *, document: str) -> str:
    """This will say why a file cannot be withdrawn, or nothing where it can."""
    if file.withdrawn_at is not None:
        return f"{file} was withdrawn already."
    keys = list(file.batch.attempts.values_list("key", flat=True))
    if DatabaseDesk().entries_of(keys, file.message_id):
        return f"The bank booked payments of {file}: it has the file."
    may_be_out = file.downloaded_at is not None or was_restored_since(file)
    if may_be_out and not document.strip():
        return f"{file} was, or may have been, downloaded: name what proves that the bank does not have it."
    if file.uploaded_at is not None and not _is_past(file):
        return (
            f"{file} is confirmed to be at the bank. It can be withdrawn once statements reach so far that it would"
            " have been booked."
        )
    return ""


def withdraw(file: BankFile, *, request: Request, reason: str, by: User, now: datetime) -> None:
    """This will withdraw a locked file inside the caller's transaction: its bytes are never given out again.

    What becomes of its payouts is read like any word of a provider: nothing was debited, and they are cancelled.
    """
    file.withdrawn_at, file.withdrawn_reason, file.withdrawn_by = now, reason, request
    file.save(update_fields=["withdrawn_at", "withdrawn_reason", "withdrawn_by"])
    _heard(file, BankFileAct.Act.WITHDRAWN, reason=reason, by=by, now=now)


def payment_of(payout: Payout) -> tuple[Attempt, BankFile]:
    """This will give the open payment of a payout by file.

    :raises Refused: when there is none, or the bank's statement shows it.
    """
    attempt = payout.attempts.filter(provider="bank_file", state=AttemptState.ACCEPTED).first()
    file = None if attempt is None else BankFile.objects.filter(batch=attempt.batch_id).first()
    if attempt is None or file is None:
        raise Refused(f"{payout.number} does not stand in a bank file that is under way.")
    if file.uploaded_at is None:
        raise Refused(f"{file} is not confirmed to be at the bank; withdraw the file instead.")
    if hasattr(attempt, "bank_refusal"):
        raise Refused(f"{payout.number} was said to be not carried out already.")
    if DatabaseDesk().entries_of([attempt.key], message_id(attempt.batch.key)):
        raise Refused(f"The bank booked {payout.number}: what came back of it stands on a statement.")
    return attempt, file


def refuse(payout: Payout, *, request: Request, whose: str, reason: str, by: User, now: datetime) -> None:
    """This will note inside the caller's transaction that the bank did not carry out a payment, which then fails.

    :raises Refused: as `payment_of`.
    """
    _, file = payment_of(payout)
    file = locked(file.pk)
    attempt, _ = payment_of(payout)
    BankRefusal.objects.create(
        attempt=attempt, file=file, whose=whose, reason=reason, request=request, at=now
    )
    _heard(file, BankFileAct.Act.REFUSED, reason=f"{payout.number}: {reason}", by=by, now=now)


def _is_past(file: BankFile) -> bool:
    covered = DatabaseDesk().coverage()
    try:
        booked_within = registry.get("bank_file").capabilities.settle_time
    except ProviderError:
        return False
    known = max(filter(None, (file.made_at, file.downloaded_at, file.uploaded_at)))
    return (
        covered is not None
        and covered.since <= file.made_at.date()
        and views.end_of(covered.until) >= known + booked_within
    )


def _heard(file: BankFile, act: str, *, reason: str, by: User, now: datetime) -> None:
    BankFileAct.objects.create(file=file, act=act, by=by, reason=reason, at=now)
    reconciliation.hurry([file.batch_id], now=now)
    kicks.kick("ask")
