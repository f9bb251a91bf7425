"""The postings of an attempt, drafted: committed to a provider, debited, paid, or let go again."""

from __future__ import annotations

from marketplace_payouts.lib.money import Money
from payouts import ledger
from payouts.ledger import Draft
from payouts.models import Attempt


def _draft(attempt: Attempt, kind: str, debit: str, credit: str, *, ordinal: int) -> Draft:
    return Draft(
        kind=kind,
        subject=attempt.pk,
        ordinal=ordinal,
        debit=debit,
        credit=credit,
        amount=Money(int(attempt.units), attempt.currency),
        payout_id=attempt.payout_id,
        attempt_id=attempt.pk,
    )


def commit_draft(attempt: Attempt, *, ordinal: int) -> Draft:
    """This will draft: the payout's allocation becomes a commitment to the provider."""
    allocated, committed = ledger.allocated(attempt.payout_id), f"committed:{attempt.provider}"
    return _draft(attempt, "commit", allocated, committed, ordinal=ordinal)


def uncommit_draft(attempt: Attempt) -> Draft:
    """This will draft: the commitment to the provider goes back to the payout's allocation."""
    return _draft(
        attempt,
        "uncommit",
        f"committed:{attempt.provider}",
        ledger.allocated(attempt.payout_id),
        ordinal=attempt.postings_made,
    )


def let_go_drafts(attempt: Attempt) -> list[Draft]:
    """This will draft that neither a debit nor the commitment stands any more, and note so on the attempt."""
    drafts = []
    if attempt.debited:
        attempt.debited = False
        cash, transit = f"provider_cash:{attempt.provider}", f"in_transit:{attempt.provider}"
        drafts.append(_draft(attempt, "undebit", cash, transit, ordinal=attempt.postings_made))
        attempt.postings_made += 1
    drafts.append(uncommit_draft(attempt))
    attempt.postings_made += 1
    return drafts


def debit_draft(attempt: Attempt, *, ordinal: int = 0) -> Draft:
    """This will draft: the provider debited us."""
    provider = attempt.provider
    return _draft(attempt, "debit", f"in_transit:{provider}", f"provider_cash:{provider}", ordinal=ordinal)


def pay_draft(attempt: Attempt) -> Draft:
    """This will draft: it arrived."""
    provider = attempt.provider
    return _draft(attempt, "pay", f"committed:{provider}", f"in_transit:{provider}", ordinal=0)
