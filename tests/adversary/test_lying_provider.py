"""The provider says no and pays, says so once and never again, or forgets what it said."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from marketplace_payouts.lib.money import Money
from payouts import holding, intervention, reconciliation, reconciling, recovery, transmission
from payouts.models import Batch, Hold, Incident, Payout
from payouts.providers import registry
from payouts.providers.base import AlreadyExists, BatchView, Status
from payouts.providers.base import Observation as Seen
from payouts.providers.base import Step as ProviderStep
from payouts.providers.paypal.destinations import echo
from payouts.steps import stored_body
from tests.stories.world import CREATE, World


def refused_and_paid(world: World) -> Payout:
    """PayPal takes the batch and says that it could not read it: the payout is innocent and goes out again."""
    _, payout = world.sold_and_approved(world.seller())
    world.paypal.fault("error_after", status=400, match={"method": "POST", "path": CREATE}, times=1)
    world.send()
    payout.refresh_from_db()
    assert payout.state == "approved"
    return payout


def explained(world: World) -> None:
    """Two people close every incident, and somebody lifts what stopped the provider for our own sake."""
    for incident in Incident.objects.filter(closed_at__isnull=True):
        world.second(
            "incident_close", {"incident": str(incident.pk), "explanation": "PayPal says so."}, by=world.carol
        )
    ids = list(Hold.objects.filter(rule="ours", lifted_at__isnull=True).values_list("pk", flat=True))
    holding.lift(by=world.carol, hold_ids=ids, reason="Mended.", now=world.now)


def assert_not_paid_again(world: World, payout: Payout) -> None:
    world.send()
    world.hear_back(rounds=2)
    assert world.moved() == {"EUR": 9_000}
    payout.refresh_from_db()
    assert (payout.state, payout.blocked_by) == ("approved", "held")


def test_evidence_that_it_was_paid_outlives_its_incident(world: World) -> None:
    payout = refused_and_paid(world)
    batch = Batch.objects.get()
    step = batch.steps.get()
    provider = registry.get("paypal")
    answer = provider.transmit(
        ProviderStep(name=step.name, key=step.key, body=stored_body(step), moves_money=True, path=step.path)
    )
    assert isinstance(answer, AlreadyExists)
    # As a webhook does that names both.
    assert recovery.adopt_reference(provider, batch, answer.reference)
    world.until_true(lambda: "contradiction" in world.incidents())
    explained(world)
    assert_not_paid_again(world, payout)


def test_a_debit_of_the_dead_outlives_its_incident(world: World) -> None:
    payout = refused_and_paid(world)
    world.until_true(lambda: bool(world.moved()))
    world.let_pass(days=2)
    world.paypal.post("/_sandbox/fresh")
    reconciling.reconcile_all(now=world.now, since=world.now - timedelta(days=7))
    assert "debit_of_the_dead" in world.incidents()
    explained(world)
    assert_not_paid_again(world, payout)


def test_a_wrong_echo_that_was_shown_once(world: World) -> None:
    """The provider said of another amount that it was paid; that ours was paid is still news."""
    _, payout = world.sold_and_approved(world.seller())
    world.paypal.fault("stuck_pending")
    world.send()
    world.hear_back()
    attempt = world.attempt(payout)
    batch = attempt.batch

    def says(units: int) -> None:
        shown = Seen(attempt.key, attempt.reference, Status.PAID, "SUCCESS", amount=Money(units, "EUR"))
        view = BatchView(
            batch.reference, batch.key, "SUCCESS", closed=True, denied=None, observations=[shown]
        )
        with transaction.atomic():
            reconciliation.observe(batch, view, seq=reconciliation.reading(), now=world.now)
        world.settle()

    says(19_000)
    assert world.incidents() == ["wrong_echo"]
    says(9_000)
    payout.refresh_from_db()
    assert payout.state == "paid"


def test_what_goes_to_somebody_else_is_not_adopted(world: World) -> None:
    """Under our key, with our item and our amount, and yet not what was approved."""
    _, payout = world.sold_and_approved(world.seller())
    world.send()
    attempt = world.attempt(payout)

    def why_not(receiver: str) -> str:
        shown = Seen(
            attempt.key, "I-1", Status.PAID, "SUCCESS", amount=Money(9_000, "EUR"), destination=echo(receiver)
        )
        view = BatchView("B-1", attempt.batch.key, "SUCCESS", closed=True, denied=None, observations=[shown])
        return transmission.why_not_ours(attempt.batch, view)

    assert why_not("seller@example.com") == ""
    assert "goes to others" in why_not("thief@example.com")


def test_a_failure_that_was_none(world: World) -> None:
    """A blocked payment may yet be let through: it is asked about as long as one that was paid."""
    _, payout = world.sold_and_approved(world.seller("blocked+anna@example.com"))
    world.send()
    world.until("failed", of=payout)
    world.hear_back(rounds=3)
    world.paypal.post("/_sandbox/fate", {"reference": world.attempt(payout).key, "status": "SUCCESS"})
    world.until("paid", of=payout)
    assert world.moved() == {"EUR": 9_000}
    assert world.incidents() == []
    world.assert_books_agree()


def test_what_came_back_and_is_said_to_be_paid_after_all(world: World) -> None:
    """It is owed again and released; if it was paid in the end, it must not go out a second time."""
    _, payout = world.sold_and_approved(world.seller("unclaimed+anna@example.com"))
    world.send()
    world.until_true(lambda: world.attempt(payout).status == Status.AWAITING_PAYEE)
    reference = world.attempt(payout).key
    world.paypal.post("/_sandbox/fate", {"reference": reference, "status": "RETURNED"})
    world.until("returned", of=payout)
    Batch.objects.update(next_at=world.now)
    world.paypal.post("/_sandbox/fate", {"reference": reference, "status": "SUCCESS"})

    def is_contradicted() -> bool:
        Batch.objects.update(next_at=world.now)
        return "contradiction" in world.incidents()

    world.until_true(is_contradicted)
    explained(world)
    returned = payout.payee.payables.get(purpose="returned")
    intervention.release_payables(by=world.dave, payable_ids=[returned.pk], reason="Again.", now=world.now)
    world.decide()
    assert world.payout(state="pending").blocked_by == "held"
