"""Recording: each word once, contradictions refused and kept for staff, and nothing that is recorded ever changes."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.roles import NotAllowed
from marketplace_payouts.lib.money import Money
from payments import recording
from payments.models import PaymentIn, RefusedPayment
from payments.recording import Verdict, record
from payments.words import Kind, PaymentWord
from tests import factories

NOW = timezone.now()
PAID = PaymentWord(
    transaction_id=uuid4(),
    kind=Kind.RECEIVED,
    amount=Money(10_000, "EUR"),
    origin="checkout",
    reference="pay-1",
    happened_at=NOW,
)


@pytest.fixture
def market(db):
    """The marketplace."""
    return factories.MarketplaceFactory.create().pk


def verdicts(*words: PaymentWord, market) -> list[str]:
    """Record, and give what became of each word."""
    return [one.verdict.value for one in record(words, marketplace_id=market, now=NOW)]


def test_the_same_word_twice_is_one_row(market):
    assert verdicts(PAID, market=market) == ["recorded"]
    later = replace(PAID, happened_at=NOW + timedelta(seconds=9), detail="once more")
    assert verdicts(later, PAID, market=market) == ["known", "known"]
    row = PaymentIn.objects.get()
    assert (int(row.units), row.currency, row.origin, row.kind) == (10_000, "EUR", "checkout", "received")
    assert row.next_at == NOW
    assert not RefusedPayment.objects.exists()


def test_twice_in_one_set_is_one_row(market):
    assert sorted(verdicts(PAID, PAID, market=market)) == ["known", "recorded"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"amount": Money(9_999, "EUR")}, "recorded with 100.00 EUR, not 99.99 EUR"),
        ({"amount": Money(10_000, "USD")}, "recorded with 100.00 EUR, not 100.00 USD"),
        ({"transaction_id": uuid4()}, f"recorded for the transaction {PAID.transaction_id}"),
    ],
    ids=["amount", "currency", "transaction"],
)
def test_a_contradiction_is_refused_aloud_and_kept_for_staff(market, changes, said):
    record([PAID], marketplace_id=market, now=NOW)
    wrong = replace(PAID, **changes)
    for times in (1, 2):
        [answer] = record([wrong], marketplace_id=market, now=NOW + timedelta(minutes=times))
        assert answer.verdict is Verdict.REFUSED
        assert said in answer.sentence
    assert PaymentIn.objects.get().units == 10_000
    kept = RefusedPayment.objects.get()
    assert (kept.times, kept.reason) == (2, answer.sentence)
    assert kept.last_at > kept.first_at


def test_a_try_that_failed_is_the_same_whatever_was_to_be_paid(market):
    failed = replace(PAID, kind=Kind.FAILED)
    more = replace(failed, amount=Money(12_000, "EUR"))
    assert verdicts(failed, more, market=market) == ["recorded", "known"]
    assert verdicts(replace(failed, transaction_id=uuid4()), market=market) == ["refused"]
    assert PaymentIn.objects.get().units == 10_000


def test_another_outcome_may_have_the_same_reference(market):
    dispute = [
        replace(PAID, kind=kind, reference="dp-1", amount=Money(units, "EUR"))
        for kind, units in ((Kind.DISPUTED, 10_000), (Kind.REGAINED, 4_000), (Kind.CHARGED_BACK, 6_000))
    ]
    assert verdicts(*dispute, market=market) == ["recorded"] * 3


@pytest.mark.parametrize("kind", [Kind.DISPUTED, Kind.CHARGED_BACK, Kind.REFUNDED])
def test_money_that_goes_once_more_after_it_came_again_is_not_taken_for_an_old_word(market, kind):
    """A dispute that was won is opened anew: passed over as known, the seller would be paid while it is open."""
    gone = replace(PAID, kind=kind, reference="dp-1")
    again = replace(gone, kind=Kind.REGAINED, happened_at=NOW + timedelta(hours=2))
    assert verdicts(gone, again, market=market) == ["recorded", "recorded"]
    told_again = replace(gone, happened_at=NOW + timedelta(hours=1))
    assert verdicts(gone, told_again, again, market=market) == ["known"] * 3
    anew = replace(gone, happened_at=NOW + timedelta(hours=3))
    [answer] = record([anew], marketplace_id=market, now=NOW)
    assert (answer.verdict, "reference of its own" in answer.sentence) == (Verdict.REFUSED, True)
    assert RefusedPayment.objects.get().reference == "dp-1"
    assert verdicts(replace(anew, reference="dp-2"), market=market) == ["recorded"]


def test_each_origin_has_references_of_its_own(market):
    other = replace(PAID, origin="bank", amount=Money(1, "EUR"), transaction_id=uuid4())
    assert verdicts(PAID, other, market=market) == ["recorded", "recorded"]


def test_a_set_is_recorded_in_as_many_statements_as_one_word(market, django_assert_max_num_queries):
    words = [replace(PAID, reference=f"pay-{n}", transaction_id=uuid4()) for n in range(200)]
    with django_assert_max_num_queries(3):
        record(words[:1], marketplace_id=market, now=NOW)
    with django_assert_max_num_queries(6):
        assert verdicts(*words, market=market) == ["known", *["recorded"] * 199]


@pytest.mark.django_db(transaction=True)
def test_two_who_say_it_at_once_make_one_row():
    market = factories.MarketplaceFactory.create().pk
    words = [replace(PAID, reference=f"pay-{n}") for n in range(30)]
    both = threading.Barrier(2)
    found: list[list[str]] = []

    def say(said: list[PaymentWord]) -> None:
        both.wait()
        found.append(verdicts(*said, market=market))
        connection.close()

    threads = [threading.Thread(target=say, args=[said]) for said in (words, words[::-1])]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(word for words in found for word in words) == ["known"] * 30 + ["recorded"] * 30
    assert PaymentIn.objects.count() == 30


def test_what_is_recorded_never_changes(market):
    record([PAID], marketplace_id=market, now=NOW)
    PaymentIn.objects.update(next_at=None)
    for change in ({"units": 1}, {"kind": "refunded"}, {"transaction_id": uuid4()}, {"origin": "bank"}):
        with pytest.raises(IntegrityError, match="never change"), transaction.atomic():
            PaymentIn.objects.update(**change)
    with pytest.raises(IntegrityError, match="never deleted"), transaction.atomic():
        PaymentIn.objects.all().delete()


def test_what_staff_record_needs_two(market):
    one, two = factories.StaffFactory.create_batch(2)
    by_hand = replace(PAID, origin="manual")
    for made, seconded in ((None, None), (one.pk, None), (one.pk, one.pk)):
        word = replace(by_hand, made_by_id=made, seconded_by_id=seconded)
        with pytest.raises(IntegrityError, match="payments_paymentin_manual_by_two"), transaction.atomic():
            record([word], marketplace_id=market, now=NOW)
    assert verdicts(replace(by_hand, made_by_id=one.pk, seconded_by_id=two.pk), market=market) == ["recorded"]


def test_somebody_looks_into_what_was_refused_until_it_is_said_again(market):
    wrong = replace(PAID, amount=Money(1, "EUR"))
    record([PAID, wrong], marketplace_id=market, now=NOW)
    kept = RefusedPayment.objects.get()
    approver = factories.StaffFactory.create(roles=["approver"])
    with pytest.raises(NotAllowed):
        recording.explain(
            by=factories.StaffFactory.create(roles=["viewer"]), ids=[kept.pk], explanation="x", now=NOW
        )
    with pytest.raises(ValueError, match="what you found out"):
        recording.explain(by=approver, ids=[kept.pk], explanation=" ", now=NOW)
    assert recording.explain(by=approver, ids=[kept.pk], explanation="A typing error.", now=NOW) == [kept]
    assert recording.explain(by=approver, ids=[kept.pk], explanation="Again.", now=NOW) == []
    kept.refresh_from_db()
    assert (kept.closed_by, kept.explanation) == (approver, "A typing error.")
    record([wrong], marketplace_id=market, now=NOW)
    kept.refresh_from_db()
    assert (kept.closed_at, kept.closed_by, kept.times) == (None, None, 2)
