"""The database went back in time, and the witnesses do not say so at first sight."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from accounts.models import Payee
from flexsync.restoring import find_strangers
from payouts import approval, intervention
from payouts.models import Hold, Incident, Payout, SourceCheck
from payouts.restore import Outcome, after_restore
from tests.database import Cleaner
from tests.operations.conftest import Saboteur
from tests.stories.world import CREATE, World


@pytest.fixture
def backup(world: World, superuser_url: str) -> Iterator[Cleaner]:
    """Somebody was paid; the next payout is approved; and that is what the backup holds."""
    world.paypal.post("/_sandbox/fresh", {"always": True})
    _, first = world.sold_and_approved(world.seller("first@example.com"))
    world.send()
    world.until("paid", of=first)
    world.hear_back()
    world.sold_and_approved(world.seller("anna@example.com"), price=2_000)
    world.reread()
    cleaner = Cleaner(superuser_url)
    yield cleaner
    cleaner.close()


def restored(world: World) -> Outcome:
    stopped_at = world.now - timedelta(seconds=60)
    return after_restore(by="an operator", witness=find_strangers, stopped_at=stopped_at, now=world.now)


def debits(world: World) -> int:
    return sum(entry["kind"] == "debit" for entry in world.paypal.ledger())


def test_paypal_put_money_aside_for_what_is_not_on_its_list_yet(
    world: World, backup: Cleaner, superuser_url: str
) -> None:
    world.paypal.fault("stuck_pending")
    assert world.transmit() == 1
    backup.clean()
    Saboteur(superuser_url).run("UPDATE payouts_incarnation SET database_oid = database_oid + 1")

    world.let_pass(minutes=2)
    outcome = restored(world)
    assert not outcome.accepted, outcome.sentences

    world.paypal.delete("/_sandbox/faults")
    world.until_true(lambda: restored(world).accepted)
    assert debits(world) == 2
    assert world.send() == 0
    assert debits(world) == 2


def test_a_snapshot_of_the_disk_looks_like_the_same_database(world: World, backup: Cleaner) -> None:
    """System, timeline and object ids are what they were: only Sharetribe remembers what was sent."""
    payout = Payout.objects.get(state="approved")
    assert world.transmit() == 1
    world.until("paid", of=payout)
    world.tell()
    backup.clean()
    payout.refresh_from_db()
    assert payout.state == "approved"

    SourceCheck.objects.update(checked_at=None)  # it is a while ago
    world.send()
    world.send()
    assert debits(world) == 2
    payout.refresh_from_db()
    assert (payout.state, payout.blocked_by) == ("approved", "reread")
    assert payout.number in SourceCheck.objects.exclude(error="").get().error


def test_what_came_back_to_us_and_goes_out_again_is_no_stranger(world: World) -> None:
    """Sharetribe heard that it was sent; then PayPal denied the whole batch for a reason of ours."""
    _, payout = world.sold_and_approved(world.seller())
    world.paypal.fault("deny_batch", value="INSUFFICIENT_FUNDS", times=1)
    world.send()
    world.tell()
    world.until("approved", of=payout)
    world.tell()
    world.lift_our_holds()
    SourceCheck.objects.update(checked_at=None)
    world.send()
    world.until("paid", of=payout)
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def bonus(world: World, payee: Payee) -> None:
    """Owe something of which no transaction in Sharetribe can bear witness."""
    fields = {"payee": str(payee.pk), "purpose": "bonus", "units": "500", "currency": "EUR"}
    world.second("payable_add", fields)


def pay_everything(world: World) -> None:
    world.decide()
    world.approve()
    world.send()
    world.until("paid")
    world.hear_back()


def lost(world: World, cleaner: Cleaner, superuser_url: str) -> None:
    """Put the backup back, as another database, and accept it once PayPal's list has gone on."""
    cleaner.clean()
    cleaner.close()
    Saboteur(superuser_url).run("UPDATE payouts_incarnation SET database_oid = database_oid + 1")
    world.let_pass(minutes=2)
    world.until_true(lambda: restored(world).accepted)
    for incident in Incident.objects.filter(closed_at__isnull=True):
        world.second("incident_close", {"incident": str(incident.pk), "explanation": "Seen."}, by=world.carol)
    for _ in range(2):
        world.decide()
        world.approve()
        world.send()
        world.hear_back()


def test_two_payees_share_an_account(world: World, superuser_url: str) -> None:
    world.paypal.post("/_sandbox/fresh", {"always": True})
    _, first = world.sold_and_approved(world.seller("first@example.com"))
    world.send()
    world.until("paid", of=first)
    for name in ("anna@example.com", "bert@example.com"):
        payee = world.seller(name, method=False)
        world.pay_to(payee, "family@example.com")
        bonus(world, payee)
    cleaner = Cleaner(superuser_url)
    pay_everything(world)
    assert debits(world) == 3
    lost(world, cleaner, superuser_url)
    assert debits(world) == 3


def test_what_was_gathered_later_looks_like_what_was_not_sent_yet(world: World, superuser_url: str) -> None:
    """One payout stood in the backup, another of the same amount was made after it: either may be what is listed."""
    world.paypal.post("/_sandbox/fresh", {"always": True})
    seller = world.seller("anna@example.com")
    bonus(world, seller)
    pay_everything(world)
    bonus(world, seller)
    world.decide()
    bonus(world, seller)
    cleaner = Cleaner(superuser_url)
    pay_everything(world)
    assert debits(world) == 3
    lost(world, cleaner, superuser_url)
    assert debits(world) == 3


def test_what_was_deferred_and_is_approved_no_more(world: World, superuser_url: str) -> None:
    """It may have been approved and sent again in the time that was lost; and if not, it must not be sent by us."""
    world.paypal.post("/_sandbox/fresh", {"always": True})
    _, payout = world.sold_and_approved(world.seller())
    world.paypal.fault("rate_limit", times=1, match={"path": "/v1/payments/payouts"})
    world.send()
    assert world.attempt(payout).state == "deferred"
    approval.revoke(by=world.carol, payout_ids=[payout.pk], reason="Wait.", now=world.now)
    lost(world, Cleaner(superuser_url), superuser_url)
    payout.refresh_from_db()
    assert payout.state == "unknown"
    assert Hold.objects.filter(payout=payout, rule="restore", lifted_at__isnull=True).exists()
    assert debits(world) == 0


def test_an_unknown_one_that_was_decided_and_paid_after_the_backup(world: World, superuser_url: str) -> None:
    """What is listed fits another payout as well; asking about the unknown one by its old key would pay it again."""
    world.paypal.post("/_sandbox/fresh", {"always": True})
    seller = world.seller("anna@example.com")
    bonus(world, seller)
    world.decide()
    world.approve()
    world.paypal.fault("drop_before", match={"method": "POST", "path": CREATE})
    world.send()
    unknown = world.payout(state="unknown")
    bonus(world, seller)
    world.decide()
    cleaner = Cleaner(superuser_url)
    said = {"payout": str(unknown.pk), "outcome": "not_paid", "document": "PayPal case 77"}
    world.second("resolve_unknown", said, by=world.carol)
    world.paypal.delete("/_sandbox/faults")
    intervention.retry(by=world.carol, payout_ids=[unknown.pk], reason="Again.", now=world.now)
    world.send()
    world.until("paid", of=unknown)
    assert debits(world) == 1
    lost(world, cleaner, superuser_url)
    assert debits(world) == 1
    held = Hold.objects.filter(rule="restore", lifted_at__isnull=True, payout__isnull=False)
    assert held.count() == 2


def test_a_backup_from_before_the_very_first_sending(world: World, superuser_url: str) -> None:
    """It holds no attempt, and yet it is no new database: what it was about to send has been sent meanwhile."""
    world.sold_and_approved(world.seller())
    world.reread()
    cleaner = Cleaner(superuser_url)
    assert world.transmit() == 1
    world.until("paid")
    cleaner.clean()
    cleaner.close()
    Saboteur(superuser_url).run("UPDATE payouts_incarnation SET database_oid = database_oid + 1")
    assert world.transmit() == 0
    assert debits(world) == 1
