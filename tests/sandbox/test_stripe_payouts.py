"""Payouts of connected accounts: made by themselves, of many transfers; and they can fail after they were paid."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.stripe_api import available, happened, seller, stripe
from tests.sandbox_services import SandboxService

pytestmark = pytest.mark.usefixtures("patient_stripe")


@pytest.fixture
def anna(patient_stripe: SandboxService) -> Any:
    """A seller who may receive money."""
    return seller(patient_stripe, email="anna@example.com")


def send(account: Any, units: int = 1000, currency: str = "eur") -> Any:
    return stripe.Transfer.create(amount=units, currency=currency, destination=account.id)


def payouts(account: Any) -> list[Any]:
    return list(stripe.Payout.list(stripe_account=account.id).data)


def only(account: Any) -> Any:
    (payout,) = payouts(account)
    return payout


def kinds(account: Any) -> list[str]:
    return [kind for kind in happened(account.id) if kind.startswith("payout.")]


def test_comes_by_itself_and_says_what_it_is_made_of(anna: Any, patient_stripe: SandboxService):
    transfers = {send(anna, 1000).id, send(anna, 500).id}
    assert payouts(anna) == []
    patient_stripe.advance(600)
    payout = only(anna)
    assert (payout.status, payout.amount, payout.automatic) == ("pending", 1500, True)
    assert payout.reconciliation_status == "in_progress"
    assert available(anna.id) == 0
    patient_stripe.advance(600)
    assert only(anna).status == "in_transit"
    patient_stripe.advance(600)
    payout = only(anna)
    assert (payout.status, payout.reconciliation_status) == ("paid", "completed")
    made_of = stripe.BalanceTransaction.list(
        payout=payout.id, stripe_account=anna.id, expand=["data.source.source_transfer"]
    )
    found = {entry.source.source_transfer.id for entry in made_of.data if entry.type == "payment"}
    assert found == transfers
    assert sum(entry.net for entry in made_of.data) == 0
    assert kinds(anna) == [
        "payout.created",
        "payout.updated",
        "payout.paid",
        "payout.reconciliation_completed",
    ]


def test_leaves_the_books_of_the_platform_alone(anna: Any, patient_stripe: SandboxService):
    send(anna)
    patient_stripe.post("/_sandbox/payout", {"reference": "anna@example.com", "currency": "EUR"})
    patient_stripe.post("/_sandbox/fate", {"reference": only(anna).id, "status": "failed"})
    assert [entry["kind"] for entry in patient_stripe.ledger()] == ["debit"]


def test_is_paid_and_then_not(anna: Any, patient_stripe: SandboxService):
    send(anna)
    patient_stripe.advance(1801)
    payout = only(anna)
    assert payout.status == "paid"
    assert patient_stripe.post("/_sandbox/fate", {"reference": payout.id, "status": "failed"}) == {
        "changed": 1
    }
    failed = stripe.Payout.retrieve(payout.id, stripe_account=anna.id, expand=["failure_balance_transaction"])
    assert (failed.status, failed.failure_code) == ("failed", "account_closed")
    assert failed.failure_balance_transaction.net == 1000
    assert available(anna.id) == 1000
    assert kinds(anna)[-1] == "payout.failed"
    # Stripe sends nothing more to that bank, until there is another one.
    account = stripe.Account.retrieve(anna.id)
    assert account.requirements.currently_due == ["external_account"]
    assert not account.payouts_enabled
    patient_stripe.advance(5000)
    assert len(payouts(anna)) == 1
    stripe.Account.create_external_account(anna.id, external_account="btok_us_verified")
    patient_stripe.advance(600)
    assert [one.status for one in payouts(anna)] == ["pending", "failed"]


@pytest.mark.parametrize(
    ("prefix", "seen", "last"),
    [("failed", ["created", "updated", "failed"], "failed"), ("returned", None, "failed")],
)
def test_its_fate_may_stand_in_the_address(
    patient_stripe: SandboxService, prefix: str, seen: list[str] | None, last: str
):
    account = seller(patient_stripe, email=f"{prefix}+anna@example.com")
    send(account)
    patient_stripe.advance(2500)
    assert only(account).status == last
    told = [kind.removeprefix("payout.") for kind in kinds(account)]
    assert told == (seen or ["created", "updated", "paid", "reconciliation_completed", "failed"])


def test_a_fault_fails_it_for_a_reason(anna: Any, patient_stripe: SandboxService):
    terms = {"match": {"reference": anna.id}, "seconds": 86_400, "value": "no_account"}
    patient_stripe.fault("payout_fails", times=1, **terms)
    send(anna)
    patient_stripe.advance(1801)
    assert only(anna).status == "paid"
    patient_stripe.advance(86_400)
    assert (only(anna).status, only(anna).failure_code) == ("failed", "no_account")


def test_a_test_number_of_stripes_fails_it(patient_stripe: SandboxService):
    account = seller(patient_stripe, country="US", external_account="btok_us_verified_noAccount")
    send(account, currency="usd")
    patient_stripe.advance(1801)
    assert (only(account).status, only(account).failure_code) == ("failed", "no_account")


def test_forints_go_out_in_hundreds(patient_stripe: SandboxService):
    account = seller(patient_stripe, country="HU")
    send(account, 12_345, "huf")
    patient_stripe.advance(600)
    assert only(account).amount == 12_300
    assert available(account.id, "huf") == 45
    with pytest.raises(stripe.InvalidRequestError, match="divisible by 100"):
        stripe.Payout.create(amount=45, currency="huf", stripe_account=account.id)


# By hand --------------------------------------------------------------------------------------------------------


@pytest.fixture
def by_hand(anna: Any) -> Any:
    """A seller whose payouts are made by hand, with money."""
    stripe.Account.modify(anna.id, settings={"payouts": {"schedule": {"interval": "manual"}}})
    send(anna)
    return anna


def test_is_made_by_hand_only_where_that_was_chosen(by_hand: Any, patient_stripe: SandboxService):
    patient_stripe.advance(5000)
    assert payouts(by_hand) == []
    made = stripe.Payout.create(
        amount=400, currency="eur", metadata={"a": "b"}, stripe_account=by_hand.id, expand=["destination"]
    )
    assert made.destination.object == "bank_account"
    assert (made.automatic, made.reconciliation_status) == (False, "not_applicable")
    with pytest.raises(stripe.InvalidRequestError, match="automatic"):
        stripe.BalanceTransaction.list(payout=made.id, stripe_account=by_hand.id)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stripe.Payout.create(amount=601, currency="eur", stripe_account=by_hand.id)
    assert refused.value.code == "balance_insufficient"


def test_is_cancelled_while_it_is_pending(by_hand: Any, patient_stripe: SandboxService):
    made = stripe.Payout.create(amount=400, currency="eur", stripe_account=by_hand.id)
    assert stripe.Payout.cancel(made.id, stripe_account=by_hand.id).status == "canceled"
    assert available(by_hand.id) == 1000
    second = stripe.Payout.create(amount=400, currency="eur", stripe_account=by_hand.id)
    patient_stripe.advance(601)
    with pytest.raises(stripe.InvalidRequestError, match="while they are pending"):
        stripe.Payout.cancel(second.id, stripe_account=by_hand.id)


def test_is_listed_by_status_and_arrival(by_hand: Any, patient_stripe: SandboxService):
    made = stripe.Payout.create(amount=400, currency="eur", stripe_account=by_hand.id)
    stripe.Payout.create(amount=100, currency="eur", stripe_account=by_hand.id)
    patient_stripe.post("/_sandbox/fate", {"reference": made.id, "status": "paid"})
    listed = stripe.Payout.list(status="paid", stripe_account=by_hand.id)
    assert [payout.id for payout in listed.data] == [made.id]
    late = {"gt": made.arrival_date}
    assert stripe.Payout.list(arrival_date=late, stripe_account=by_hand.id).data == []
    assert len(stripe.Payout.list(arrival_date=made.arrival_date, stripe_account=by_hand.id).data) == 2


def test_belongs_to_its_account(by_hand: Any):
    made = stripe.Payout.create(amount=400, currency="eur", stripe_account=by_hand.id)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stripe.Payout.retrieve(made.id)
    assert refused.value.http_status == 404
