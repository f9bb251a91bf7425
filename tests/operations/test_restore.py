"""A database that went back in time pays nothing twice: it asks first, and people decide what nobody can know."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import transaction

from flexsync.restoring import find_strangers
from marketplace_payouts.lib import crash_points
from marketplace_payouts.lib.clock import utc_now
from payouts import holding, incarnation, incidents, submission
from payouts.models import Attempt, Hold, Incident, Payable, Payout, Posting, State
from payouts.restore import Outcome, after_restore
from tests.database import Cleaner
from tests.operations.conftest import Saboteur
from tests.stories.world import World


class Backup:
    """What was in the tables at one moment."""

    def __init__(self, url: str, saboteur: Saboteur) -> None:
        self._cleaner = Cleaner(url)
        self._saboteur = saboteur

    def restore(self) -> None:
        """Put everything back, into what looks like another database."""
        self._cleaner.clean()
        self._saboteur.run("UPDATE payouts_incarnation SET database_oid = database_oid + 1")

    def close(self) -> None:
        """Leave the database."""
        self._cleaner.close()


@pytest.fixture
def back_up(superuser_url: str, saboteur: Saboteur) -> Iterator[Callable[[], Backup]]:
    """Take a backup."""
    made: list[Backup] = []

    def take() -> Backup:
        made.append(Backup(superuser_url, saboteur))
        return made[-1]

    yield take
    for backup in made:
        backup.close()


@pytest.fixture
def two_worlds(paid_world: World) -> World:
    """One payout paid, one approved, one before the approver, one sale that is not gathered; PayPal's list is fresh."""
    paid_world.paypal.post("/_sandbox/fresh", {"always": True})
    paid_world.sale(paid_world.seller("approved@example.com"), price=2_000)
    paid_world.decide()
    paid_world.approve()
    paid_world.sale(paid_world.seller("waiting@example.com"), price=3_000)
    paid_world.decide()
    paid_world.sale(paid_world.seller("heard@example.com"), price=4_000)
    paid_world.hear()
    return paid_world


def go_on(world: World) -> None:
    """Live on: pay everything there is."""
    world.decide()
    world.approve()
    world.send()
    world.until("paid")


def recover(world: World) -> Outcome:
    """Do what the operator does, once PayPal's list has gone on."""
    world.paypal.advance(5)
    return after_restore(by="an operator", witness=find_strangers, stopped_at=None, now=utc_now())


def close_the_incident(world: World) -> None:
    """Have the one incident closed, whether or not anybody understood it."""
    with transaction.atomic():
        incidents.close(Incident.objects.get(), explanation="Seen.", by_id=world.carol.pk, now=utc_now())


def debits(world: World) -> int:
    """How often PayPal really paid."""
    return sum(entry["kind"] == "debit" for entry in world.paypal.ledger())


def test_a_restored_database_sends_nothing_by_itself(two_worlds, back_up):
    backup = back_up()
    backup.restore()
    assert two_worlds.send() == 0
    assert debits(two_worlds) == 1


def test_what_was_paid_after_the_backup_is_put_before_people(two_worlds, back_up):
    backup = back_up()
    go_on(two_worlds)
    assert debits(two_worlds) == 4
    backup.restore()

    outcome = recover(two_worlds)

    assert outcome.accepted
    assert incarnation.is_accepted()
    held = Hold.objects.filter(rule="restore", lifted_at__isnull=True)
    unsent = set(Payout.objects.exclude(state=State.PAID).values_list("pk", flat=True))
    assert len(unsent) == 2
    assert {hold.payout_id for hold in held if hold.payout_id} == unsent
    heard = Payable.objects.get(units=3_600).payee
    assert [hold.payee for hold in held if hold.payee is not None] == [heard]
    incident = Incident.objects.get(kind="restored")
    assert incident.provider == "paypal"
    assert len(incident.facts["movements"]) == 3
    assert {one["may_be"].split("-")[0].split(" ")[0] for one in incident.facts["movements"]} == {
        "PO",
        "payee",
    }
    assert Posting.objects.filter(kind="suspense").count() == 3


def test_nothing_is_paid_twice_even_when_the_incident_is_closed(two_worlds, back_up):
    backup = back_up()
    go_on(two_worlds)
    backup.restore()
    recover(two_worlds)
    close_the_incident(two_worlds)
    for _ in range(2):
        two_worlds.decide()
        two_worlds.approve()
        assert two_worlds.send() == 0
        two_worlds.hear_back()
    assert debits(two_worlds) == 4
    blocked = set(Payout.objects.filter(state=State.APPROVED).values_list("blocked_by", flat=True))
    assert blocked <= {"held", "reread", ""}


def test_sharetribe_alone_is_witness_enough(two_worlds, back_up):
    """The holds lifted by mistake: a transaction that names a payout which we do not know still stops it."""
    backup = back_up()
    go_on(two_worlds)
    backup.restore()
    recover(two_worlds)
    close_the_incident(two_worlds)
    gathered_later = Hold.objects.get(rule="restore", payee__isnull=False)
    holding.lift(by=two_worlds.bob, hold_ids=[gathered_later.pk], reason="A mistake.", now=utc_now())
    two_worlds.decide()
    two_worlds.approve()
    assert two_worlds.send() == 0
    assert debits(two_worlds) == 4
    stopped = Payout.objects.get(debt_units=3_600)
    assert stopped.state == State.APPROVED
    assert stopped.blocked_by == "reread"


def test_what_was_committed_but_not_sent_at_the_backup_is_found_again(two_worlds, back_up):
    """In the backup nothing was transmitted; in the time that was lost, it was."""
    taken: list[Backup] = []

    def take(point: str) -> None:
        if point == "send.after_intent" and not taken:
            taken.append(back_up())

    crash_points.install(take)
    try:
        two_worlds.send()
    finally:
        crash_points.install(None)
    two_worlds.until("paid", of=Payout.objects.get(debt_units=1_800))
    paid = debits(two_worlds)
    assert paid == 2
    taken[0].restore()
    assert Payout.objects.filter(state=State.SUBMITTING).count() == 1

    outcome = recover(two_worlds)
    assert outcome.accepted
    one = Payout.objects.get(state=State.SUBMITTING)
    two_worlds.until("paid", of=one)
    assert debits(two_worlds) == paid
    assert Attempt.objects.filter(payout=one).count() == 1
    assert not Incident.objects.exists()


def test_what_was_deferred_at_the_backup_is_not_given_a_new_key(two_worlds, back_up):
    two_worlds.paypal.fault("rate_limit", times=1, match={"path": "/v1/payments/payouts"})
    two_worlds.send()
    one = Payout.objects.get(state=State.APPROVED)
    assert one.attempts.get().state == "deferred"
    backup = back_up()
    two_worlds.skew = timedelta(minutes=5)
    two_worlds.send()
    two_worlds.until("paid", of=one)
    two_worlds.skew = timedelta(0)
    assert debits(two_worlds) == 2
    backup.restore()

    recover(two_worlds)
    assert Payout.objects.get(pk=one.pk).state == State.SUBMITTING
    two_worlds.until("paid", of=one)
    assert debits(two_worlds) == 2
    assert one.attempts.count() == 1


def test_a_list_that_is_too_old_is_waited_for(two_worlds, back_up):
    backup = back_up()
    go_on(two_worlds)
    backup.restore()
    two_worlds.paypal.post("/_sandbox/fresh", {"always": False})
    two_worlds.skew = timedelta(hours=1)
    outcome = after_restore(
        by="an operator", witness=find_strangers, stopped_at=None, now=utc_now() + timedelta(hours=1)
    )
    assert not outcome.accepted
    assert "run this again later" in outcome.sentences[0]
    assert not Hold.objects.filter(rule="restore").exists()
    assert submission.send(limit=10, now=utc_now()) == 0


def test_a_provider_that_was_used_must_be_readable(two_worlds, back_up, monkeypatch):
    from payouts.providers import registry

    backup = back_up()
    backup.restore()
    for name in ("PAYPAL_CLIENT_ID", "PAYPAL_CLIENT_SECRET", "PAYPAL_WEBHOOK_ID"):
        monkeypatch.delenv(name, raising=False)
    registry.reset()
    outcome = recover(two_worlds)
    assert not outcome.accepted
    assert "paypal was used and is not set up here" in outcome.sentences[0]


def test_an_accepted_database_needs_nothing(paid_world, capsys):
    with pytest.raises(SystemExit) as ended:
        call_command("after_restore")
    assert ended.value.code == 0
    assert "nothing to do" in capsys.readouterr().out


def test_the_command_accepts_and_says_what_it_found(two_worlds, back_up, capsys):
    backup = back_up()
    go_on(two_worlds)
    backup.restore()
    two_worlds.paypal.advance(5)
    with pytest.raises(SystemExit) as ended:
        call_command("after_restore")
    told = capsys.readouterr().out
    assert ended.value.code == 0
    assert "3 that contradict our books" in told
    assert "1 name a payout that we do not know" in told
    assert "sending goes on" in told
