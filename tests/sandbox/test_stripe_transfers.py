"""Transfers and reversals: the money that really moves, and what stops it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.stripe_api import available, happened, paid, seller, stripe
from tests.sandbox_services import SandboxService

pytestmark = pytest.mark.usefixtures("patient_stripe")


@pytest.fixture
def anna(patient_stripe: SandboxService) -> Any:
    """A seller who may receive money."""
    return seller(patient_stripe, email="anna@example.com", metadata={"payee": "p-1"})


def send(account: Any, units: int = 1000, **more: Any) -> Any:
    wanted = {"amount": units, "currency": "eur", "destination": account.id, **more}
    return stripe.Transfer.create(**wanted)


def entries(service: SandboxService) -> list[tuple[str, str, str, str, str]]:
    return [
        (entry["kind"], entry["reference"], entry["currency"], entry["units"], entry["destination"])
        for entry in service.ledger()
    ]


def test_moves_money_from_one_balance_to_the_other(anna: Any, patient_stripe: SandboxService):
    before = available()
    transfer = send(anna, transfer_group="PO-1", metadata={"payout": "x"}, idempotency_key="key-1")
    assert (available(), available(anna.id)) == (before - 1000, 1000)
    assert entries(patient_stripe) == [("debit", "PO-1", "EUR", "1000", anna.id)]
    assert patient_stripe.ledger()[0]["key"] == "key-1"
    assert happened()[-1] == "transfer.created"
    payment = stripe.Charge.retrieve(
        str(transfer.destination_payment), stripe_account=anna.id, expand=["source_transfer"]
    )
    assert payment.source_transfer.metadata["payout"] == "x"


def test_is_found_by_its_group(anna: Any):
    wanted = [send(anna, transfer_group="PO-1").id, send(anna, transfer_group="PO-1").id]
    send(anna, transfer_group="PO-2")
    found = stripe.Transfer.list(transfer_group="PO-1", destination=anna.id)
    assert [transfer.id for transfer in found.data] == wanted[::-1]
    assert stripe.Transfer.list(transfer_group="PO-3").data == []


def test_is_changed_but_never_its_money(anna: Any):
    transfer = send(anna, metadata={"a": "1", "b": "2"})
    changed = stripe.Transfer.modify(transfer.id, metadata={"a": "", "c": "3"}, description="For May")
    assert changed.metadata.to_dict() == {"b": "2", "c": "3"}
    assert changed.description == "For May"
    with pytest.raises(stripe.InvalidRequestError, match="unknown parameter: amount"):
        stripe.Transfer.modify(transfer.id, amount=1)


def test_is_refused_without_enough_money(anna: Any, patient_stripe: SandboxService):
    patient_stripe.post("/_sandbox/funds", {"currency": "EUR", "units": 999})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        send(anna, 1000)
    assert refused.value.code == "balance_insufficient"
    send(anna, 999)
    assert available() == 0


def test_a_payments_money_is_not_available_at_once(anna: Any, patient_stripe: SandboxService):
    patient_stripe.post("/_sandbox/funds", {"currency": "EUR", "units": 0})
    paid(10_000)
    with pytest.raises(stripe.InvalidRequestError, match="insufficient available funds"):
        send(anna, 5000)
    patient_stripe.advance(2 * 86_400 + 1)
    assert available() == 10_000 - 320
    send(anna, 5000)


def test_a_card_may_bypass_the_waiting(anna: Any, patient_stripe: SandboxService):
    patient_stripe.post("/_sandbox/funds", {"currency": "EUR", "units": 0})
    paid(10_000, card="pm_card_bypassPending")
    send(anna, 9680)


@pytest.mark.parametrize("status", ["restricted", "rejected", "under_review"])
def test_is_refused_to_an_account_that_may_not_receive(
    anna: Any, patient_stripe: SandboxService, status: str
):
    patient_stripe.post("/_sandbox/fate", {"reference": anna.id, "status": status})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        send(anna)
    assert refused.value.code == "insufficient_capabilities_for_transfer"
    assert patient_stripe.ledger() == []


def test_is_refused_to_nobody(patient_stripe: SandboxService):
    for destination in ("acct_nobody", patient_stripe.credentials["account"]):
        with pytest.raises(stripe.InvalidRequestError, match="No such destination") as refused:
            stripe.Transfer.create(amount=1, currency="eur", destination=destination)
        assert (refused.value.code, refused.value.param) == ("resource_missing", "destination")


def test_is_refused_out_of_the_region(patient_stripe: SandboxService):
    with pytest.raises(stripe.InvalidRequestError, match="outside of your platform's region"):
        send(seller(patient_stripe, country="JP"))
    send(seller(patient_stripe, country="GB"))


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"amount": 0}, "parameter_invalid_integer"),
        ({"amount": "1.5"}, "parameter_invalid_integer"),
        ({"currency": "xxx"}, None),
        ({"amount": 150, "currency": "isk"}, None),
    ],
)
def test_is_refused_for_amounts_that_cannot_be(anna: Any, more: dict[str, Any], code: str | None):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        send(anna, **more)
    assert refused.value.code == code


def test_falls_to_faults(anna: Any, patient_stripe: SandboxService):
    patient_stripe.fault("insufficient_funds", match={"reference": "PO-1"}, times=1)
    patient_stripe.fault("refuse", match={"reference": "PO-2"}, value="account_invalid")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        send(anna, transfer_group="PO-1")
    assert refused.value.code == "balance_insufficient"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        send(anna, metadata={"payout": "PO-2"})
    assert refused.value.code == "account_invalid"
    send(anna, transfer_group="PO-1")


# From a payment -------------------------------------------------------------------------------------------------


def test_takes_the_money_of_a_payment_before_it_is_available(anna: Any, patient_stripe: SandboxService):
    patient_stripe.post("/_sandbox/funds", {"currency": "EUR", "units": 0})
    payment = paid(10_000)
    transfer = send(anna, 6000, source_transaction=payment.latest_charge)
    assert transfer.transfer_group == f"group_{payment.id}"
    assert stripe.Charge.retrieve(str(payment.latest_charge)).transfer_group == transfer.transfer_group
    assert (available(), available(anna.id)) == (0, 0)
    patient_stripe.advance(2 * 86_400 + 1)
    assert (available(), available(anna.id)) == (10_000 - 320 - 6000, 6000)
    assert "balance.available" in happened(anna.id)


def test_takes_no_more_than_was_paid(anna: Any):
    charge = paid(10_000).latest_charge
    send(anna, 6000, source_transaction=charge)
    with pytest.raises(stripe.InvalidRequestError, match=r"source amount of €100.00. .*amounting to €60.00"):
        send(anna, 4001, source_transaction=charge)
    with pytest.raises(stripe.InvalidRequestError, match="same as the transfer currency"):
        send(anna, 100, currency="usd", source_transaction=charge)
    with pytest.raises(stripe.InvalidRequestError, match="No such charge"):
        send(anna, 100, source_transaction="ch_nobody")


# Back -----------------------------------------------------------------------------------------------------------


def test_comes_back_in_parts(anna: Any, patient_stripe: SandboxService):
    transfer = send(anna, 1000, transfer_group="PO-1")
    before = available()
    stripe.Transfer.create_reversal(transfer.id, amount=400, metadata={"why": "refund"})
    part = stripe.Transfer.retrieve(transfer.id)
    assert (part.amount_reversed, part.reversed) == (400, False)
    stripe.Transfer.create_reversal(transfer.id)
    whole = stripe.Transfer.retrieve(transfer.id, expand=["reversals.data.balance_transaction"])
    assert (whole.amount_reversed, whole.reversed) == (1000, True)
    assert [one.amount for one in whole.reversals.data] == [600, 400]
    assert (available(), available(anna.id)) == (before + 1000, 0)
    assert [entry[:4] for entry in entries(patient_stripe)] == [
        ("debit", "PO-1", "EUR", "1000"),
        ("return", "PO-1", "EUR", "400"),
        ("return", "PO-1", "EUR", "600"),
    ]
    listed = stripe.Transfer.list_reversals(transfer.id, limit=1)
    assert [(one.amount, listed.has_more) for one in listed.data] == [(600, True)]
    assert happened().count("transfer.reversed") == 2
    with pytest.raises(stripe.InvalidRequestError, match="already fully reversed"):
        stripe.Transfer.create_reversal(transfer.id)


def test_does_not_come_back_from_an_empty_balance(anna: Any, patient_stripe: SandboxService):
    transfer = send(anna, 1000)
    patient_stripe.post("/_sandbox/payout", {"reference": anna.id, "currency": "eur"})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stripe.Transfer.create_reversal(transfer.id)
    assert refused.value.code == "balance_insufficient"
    with pytest.raises(stripe.InvalidRequestError, match="greater than unreversed"):
        stripe.Transfer.create_reversal(transfer.id, amount=1001)


def test_refunding_the_payment_does_not_reverse_it(anna: Any):
    payment = paid(10_000)
    transfer = send(anna, 6000, source_transaction=payment.latest_charge)
    stripe.Refund.create(payment_intent=payment.id)
    assert stripe.Transfer.retrieve(transfer.id).amount_reversed == 0


def test_is_reversed_by_somebody_in_the_dashboard(anna: Any, patient_stripe: SandboxService):
    first = send(anna, transfer_group="PO-1")
    patient_stripe.post("/_sandbox/reversal", {"reference": first.id, "units": 300})
    assert stripe.Transfer.retrieve(first.id).amount_reversed == 300
    decided = patient_stripe.post("/_sandbox/fate", {"reference": "PO-1", "status": "reversed"})
    assert decided == {"changed": 1}
    assert stripe.Transfer.retrieve(first.id).reversed
    # What comes later under that name, too; and so does what a fault asks for.
    patient_stripe.fault("return", match={"reference": "PO-2"}, seconds=60, value=250)
    second, third = send(anna, transfer_group="PO-1"), send(anna, transfer_group="PO-2")
    patient_stripe.advance(61)
    assert stripe.Transfer.retrieve(second.id).reversed
    assert stripe.Transfer.retrieve(third.id).amount_reversed == 250
    assert available(anna.id) == 750


def test_a_lying_answer_changes_nothing(anna: Any, patient_stripe: SandboxService):
    patient_stripe.fault("wrong_echo", match={"method": "POST", "path": "/v1/transfers"}, times=1)
    lie = send(anna, 1000)
    assert (lie.amount, lie.destination) != (1000, anna.id)
    truth = stripe.Transfer.retrieve(lie.id)
    assert (truth.amount, truth.destination) == (1000, anna.id)
