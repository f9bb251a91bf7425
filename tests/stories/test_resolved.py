"""Nobody knows what became of a payout: two people decide with a document, and later evidence still counts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F

from payouts import intervention, requests
from payouts.errors import Refused, SelfSeconded
from payouts.models import Attempt, Batch, Payout
from tests.stories.world import CREATE, World


def make_unknown(world: World, *, taken: bool, seller: str = "seller@example.com") -> Payout:
    """Have a payout of which PayPal took the request or not, and tells us nothing either way."""
    _, payout = world.sold_and_approved(world.seller(seller))
    kind = "drop_after" if taken else "drop_before"
    world.paypal.fault(kind, match={"method": "POST", "path": CREATE}, times=1)
    world.paypal.fault("error_before", match={"method": "POST", "path": CREATE})
    world.send()
    world.hear_back(rounds=3)
    payout.refresh_from_db()
    assert payout.state == "unknown"
    return payout


def resolve(world: World, payout: Payout, outcome: str) -> None:
    """Have two people decide."""
    world.second(
        "resolve_unknown",
        {"payout": str(payout.pk), "outcome": outcome, "document": "PayPal case 77"},
        by=world.carol,
    )
    payout.refresh_from_db()


def evidence_arrives(world: World) -> None:
    """Let PayPal tell everything again, on its statement too."""
    world.paypal.delete("/_sandbox/faults")
    world.let_pass(days=2)
    world.paypal.post("/_sandbox/fresh")


@pytest.mark.parametrize("outcome", ["paid", "not_paid"])
def test_one_person_cannot_resolve_it(world: World, outcome: str) -> None:
    payout = make_unknown(world, taken=True)
    fields = {"payout": str(payout.pk), "outcome": outcome, "document": "PayPal case 77"}
    request = world.ask_for("resolve_unknown", fields, by=world.carol)
    with pytest.raises(SelfSeconded):
        requests.second(request_id=request.pk, by=world.carol, now=world.now)
    done = intervention.retry(by=world.carol, payout_ids=[payout.pk], reason="Try.", now=world.now)
    assert "resolve" in done.refused[0][1]
    assert intervention.cancel(by=world.carol, payout_ids=[payout.pk], reason="No.", now=world.now).done == []


def test_a_document_is_needed(world: World) -> None:
    payout = make_unknown(world, taken=True)
    with pytest.raises(Refused):
        world.ask_for(
            "resolve_unknown", {"payout": str(payout.pk), "outcome": "paid", "document": ""}, by=world.carol
        )


def test_paid_and_later_evidence_agrees(world: World) -> None:
    payout = make_unknown(world, taken=True)
    resolve(world, payout, "paid")
    assert payout.state == "paid"
    world.tell()
    assert world.moved() == {"EUR": 9_000}
    evidence_arrives(world)
    world.until_true(lambda: world.attempt(payout).raw_status == "SUCCESS")
    assert world.incidents() == []
    payout.refresh_from_db()
    assert payout.state == "paid"
    world.assert_books_agree()


def test_paid_but_it_comes_back_later(world: World) -> None:
    payout = make_unknown(world, taken=True, seller="returned+anna@example.com")
    resolve(world, payout, "paid")
    evidence_arrives(world)
    world.until("returned", of=payout)
    assert world.open_payables(payout.payee) == [9_000]
    world.assert_books_agree()


def test_not_paid_and_the_statement_agrees(world: World) -> None:
    payout = make_unknown(world, taken=False)
    resolve(world, payout, "not_paid")
    assert payout.state == "failed"
    evidence_arrives(world)
    world.hear_back(rounds=3)
    assert intervention.retry(
        by=world.carol, payout_ids=[payout.pk], reason="Again.", now=world.now
    ).done == [payout.number]
    world.send()
    world.until("paid", of=payout)
    assert world.moved() == {"EUR": 9_000}
    assert world.incidents() == []
    world.assert_books_agree()


def test_not_paid_but_it_was_and_nothing_newer_was_sent(world: World) -> None:
    payout = make_unknown(world, taken=True)
    resolve(world, payout, "not_paid")
    assert payout.state == "failed"
    evidence_arrives(world)
    world.until("paid", of=payout)
    assert world.moved() == {"EUR": 9_000}
    assert world.incidents() == []
    world.assert_books_agree()


def test_not_paid_sent_again_and_it_was_paid_twice(world: World) -> None:
    """The people were wrong: what left twice is seen, posted to suspense, and stops the provider."""
    payout = make_unknown(world, taken=True)
    resolve(world, payout, "not_paid")
    intervention.retry(by=world.carol, payout_ids=[payout.pk], reason="Again.", now=world.now)
    world.paypal.delete("/_sandbox/faults")
    world.send()
    world.until("paid", of=payout)
    assert world.moved() == {"EUR": 18_000}
    evidence_arrives(world)
    world.until_true(lambda: "contradiction" in world.incidents())
    payout.refresh_from_db()
    assert payout.state == "paid"
    assert world.balance("suspense:paypal") == 9_000
    # Nothing else goes out through PayPal until two people have looked.
    world.sale(world.seller("next@example.com"))
    world.decide()
    assert world.payout(payee__name="next").blocked_by == "held"
    assert world.send() == 0


def test_only_one_of_a_batch_is_resolved_and_the_batch_never_goes_out_again(world: World) -> None:
    for n in range(2):
        world.sale(world.seller(f"s{n}@example.com"), price=1_000)
    world.decide()
    world.approve()
    world.paypal.fault("drop_after", match={"method": "POST", "path": CREATE}, times=1)
    world.paypal.fault("error_before", match={"method": "POST", "path": CREATE})
    world.send()
    world.hear_back()
    first, second = Payout.objects.order_by("pk")
    resolve(world, first, "paid")
    world.paypal.delete("/_sandbox/faults")
    sent_before = len(world.created())
    world.hear_back(rounds=3)
    second.refresh_from_db()
    assert second.state == "unknown"
    assert len(world.created()) == sent_before

    evidence_arrives(world)
    world.until("paid", of=second)
    first.refresh_from_db()
    assert first.state == "paid"
    assert world.moved() == {"EUR": 1_800}
    assert world.incidents() == []
    assert Batch.objects.count() == 1
    assert Attempt.objects.filter(state="settled").count() == 2
    world.assert_books_agree()


def test_people_say_paid_and_the_statement_says_it_never_was(world: World) -> None:
    payout = make_unknown(world, taken=False)
    resolve(world, payout, "paid")
    evidence_arrives(world)
    world.until_true(lambda: "contradiction" in world.incidents())
    payout.refresh_from_db()
    assert payout.state == "paid"


def test_an_authoritative_absence_ends_it_without_people(world: World) -> None:
    payout = make_unknown(world, taken=False)
    # Beyond the window in which PayPal knows the key, nothing is sent again: only the statement can tell.
    world.paypal.delete("/_sandbox/faults")
    sent = len(world.created())
    batch, long_ago = Batch.objects.get(), timedelta(days=31)
    batch.steps.update(created_at=F("created_at") - long_ago)
    Batch.objects.update(
        first_sent_at=F("first_sent_at") - long_ago, last_sent_at=F("last_sent_at") - long_ago
    )
    world.paypal.post("/_sandbox/fresh")
    world.until("failed", of=payout)
    assert world.attempt(payout).state == "absent"
    assert len(world.created()) == sent
    assert world.moved() == {}
    world.assert_books_agree()
