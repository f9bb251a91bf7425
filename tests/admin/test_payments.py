"""Buyers' payments in the back office: what is recorded and where it shows, what was refused, and recording by two."""

from __future__ import annotations

import pytest
from django.urls import reverse

from payments.models import PaymentIn, RefusedPayment
from payouts.models import OutboxMessage, Payout, Process, Request, Source
from tests import factories
from tests.admin.conftest import nothing_is_written
from tests.admin.test_first_page import needs
from tests.admin.test_requests import ask, second

__all__ = ["ask", "second"]


@pytest.fixture
def sale(everything) -> Source:
    """The transaction of which a payment is recorded."""
    return Source.objects.get(reference=PaymentIn.objects.get().transaction_id)


def page(client, row) -> str:
    """A row's own page."""
    meta = row._meta
    with nothing_is_written():
        shown = client.get(reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk]))
    assert shown.status_code == 200
    return str(shown.content.decode())


def test_a_payment_stands_on_the_pages_of_its_transaction_and_of_its_payout(as_role, everything, sale):
    client = as_role("viewer")
    for shown in (page(client, sale), page(client, Payout.objects.get(lines__payable__source=sale))):
        part = shown.partition("payment")[2]
        for word in ("130.00 EUR", "checkout", "r1", "succeeded"):
            assert word in part, word


def test_the_page_of_a_transaction_leads_to_the_form(as_role, sale):
    assert "Record a buyer" not in page(as_role("viewer"), sale)
    shown = page(as_role("operator"), sale)
    assert f"payment_record/?transaction={sale.reference}" in shown


def test_two_people_record_a_payment(ask, second, as_role, people, sale):
    asked = ask(
        "payment_record",
        transaction=str(sale.reference),
        outcome="refunded",
        currency="EUR",
        amount="30.00",
        reference="Bank 8",
        happened_at="2026-11-20",
        document="Statement, line 8",
    )
    assert asked.subject == str(sale.reference)
    assert "The buyer got 30.00 EUR back" in asked.summary
    second(asked)
    row = PaymentIn.objects.get(origin="manual")
    assert (row.kind, int(row.units), row.detail) == ("refunded", 3_000, "Statement, line 8")
    assert (row.made_by, row.seconded_by) == (people["operator"], people["another"])
    assert "seconded by" in page(as_role("viewer"), sale)


def test_a_form_that_makes_no_sense_says_why(as_role, sale):
    url = reverse("admin:new_request_of", args=["payment_record"])
    given = {
        "transaction": "0191cccc-0000-7000-8000-000000000000",
        "outcome": "received",
        "currency": "EUR",
        "amount": "30.00",
        "reference": "x",
        "happened_at": "2026-11-20",
        "document": "y",
        "reason": "z",
    }
    shown = as_role("operator").post(url, given)
    assert "is known here" in str(shown.context["form"].errors)
    shown = as_role("operator").post(
        url, given | {"amount": "-5", "happened_at": "soon", "transaction": "17"}
    )
    assert {"amount", "happened_at", "transaction"} <= shown.context["form"].errors.keys()
    assert not Request.objects.filter(act="payment_record").exists()


def test_what_was_refused_waits_on_the_first_page_until_somebody_looked_into_it(as_role, people, sale):
    refused = RefusedPayment.objects.get()
    approver = as_role("approver")
    assert needs(approver.get("/admin/"))["Payments refused"].count == 1
    assert "recorded with 130.00 EUR, not 120.00 EUR" in page(approver, refused)
    url = reverse("admin:payments_refusedpayment_act", args=["explain"])
    given = {"ids": str(refused.pk), "confirmed": "1", "reason": "They sent the fee as well"}
    assert as_role("operator").post(url, given).status_code == 403
    approver.post(url, given)
    refused.refresh_from_db()
    assert (refused.closed_by, refused.explanation) == (people["approver"], "They sent the fee as well")
    assert "Payments refused" not in needs(approver.get("/admin/"))


def test_payments_of_transactions_that_nobody_knows_stand_on_the_first_page(as_role, everything):
    client = as_role("viewer")
    label = "Payments for transactions that we do not know"
    assert needs(client.get("/admin/"))[label].count == 1
    PaymentIn.objects.update(next_at=None)
    assert label not in needs(client.get("/admin/"))


def test_a_process_is_moved_by_payments(ask, second, as_role):
    process = factories.ProcessFactory.create(payment_moves={"succeeded": "transition/confirm"})
    client = as_role("administrator")
    shown = client.get(reverse("admin:new_request_of", args=["process_set"]), {"process": process.pk})
    assert shown.context["form"]["payment_succeeded"].value() == "transition/confirm"
    asked = ask(
        "process_set",
        process=process.pk,
        name=process.name,
        payment_succeeded="transition/confirm",
        payment_refunded="transition/refund",
    )
    assert "transition/refund when refunded" in asked.summary
    second(asked)
    assert Process.objects.get(pk=process.pk).payment_moves == {
        "succeeded": "transition/confirm",
        "refunded": "transition/refund",
    }


def test_what_sharetribe_refused_is_told_again(as_role, sale):
    told = sale.payment_told_row
    url = reverse("admin:flexsync_paymenttold_act", args=["tell_again"])
    as_role("engineer").post(url, {"ids": str(told.pk), "confirmed": "1", "reason": "The process was mended"})
    told.refresh_from_db()
    assert (told.conflict_at, told.confirmed_at) == (None, None)
    assert OutboxMessage.objects.get(kind="tell_payment").subject == sale.pk
