"""Short stories that end well only because of one safeguard each; `mutants` take the safeguards away."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import IntegrityError, connections, transaction

from marketplace_payouts.lib import crash_points
from payouts import holding, reconciliation, submission, webhooks
from payouts.models import Attempt, Payable, Payout, PayoutLine, SourceCheck, State
from payouts.providers.base import Status
from tests.chaos import tills
from tests.chaos.miniature import Installation
from tests.stories.books import disagreements
from tests.stories.world import CREATE

Proof = Callable[[Installation], None]
"""Raises AssertionError where the story does not end well."""


def ends_well(world: Installation) -> None:
    """Let everything come to rest, with every promise kept."""
    keeps_its_promises(world)
    left = world.come_to_rest()
    assert not left, "\n".join(left)
    # What was still on its way arrives.
    world.ground.pass_time(hours=1)
    world.everything_arrives()
    world.hear_back()
    keeps_its_promises(world)


def keeps_its_promises(world: Installation) -> None:
    """Ask all promises."""
    broken = world.promises.broken(now=world.now)
    assert not broken, "\n".join(broken)


def sold(world: Installation, *sellers: str) -> None:
    """Let these sell something, and have it approved and announced."""
    for name in sellers:
        world.sale(world.payee_called(name))
    world.until_approved()
    world.reread()


def the_sender_dies_after_its_call(world: Installation) -> None:
    """The bank took the money, and nobody wrote it down."""
    sold(world, "anna")
    world.hand_in("died after")
    world.lease_is_over()
    ends_well(world)


def the_answer_is_lost(world: Installation) -> None:
    """The bank took the money, and its answer never came."""
    sold(world, "anna", "bea")
    world.hand_in("lost after")
    ends_well(world)


def the_teller_takes_it_late(world: Installation) -> None:
    """The request is long on its way to somebody who dedupes nothing."""
    sold(world, "cleo")
    world.hand_in("taken late")
    world.ask()
    ends_well(world)


def the_sender_stalls(world: Installation) -> None:
    """A sender stands still right before its call, wakes when its lease is long over, and calls."""
    sold(world, "cleo")
    with stalled_at("send.before_call", lambda: submission.send(limit=10, now=world.now)) as wake:
        for _ in range(3):
            world.ground.pass_time(minutes=20)
            world.ask()
        for payout in Payout.objects.filter(state=State.FAILED):
            world.retry(payout)
        world.transmit()
        wake()
    ends_well(world)


def the_lease_runs_out_before_the_call(world: Installation) -> None:
    """Between the intent and the call so much time goes by that others take over."""
    sold(world, "cleo")

    def others_take_over() -> None:
        world.lease_is_over()
        reconciliation.ask(limit=10, now=world.now)

    with world.meanwhile("send.after_intent", others_take_over):
        submission.send(limit=10, now=world.now)
    ends_well(world)


def somebody_forgets_a_lock(world: Installation) -> None:
    """Two gather the same at the same time, and neither waits for the other: the database lets one through."""
    sold(world, "anna", "bea")
    payable = Payable.objects.get(payee=world.payee_called("anna"))
    other = Payout.objects.get(payee=world.payee_called("bea"))
    with contextlib.suppress(IntegrityError), transaction.atomic():
        PayoutLine.objects.create(payout=other, payable=payable, units=payable.units)
    live = PayoutLine.objects.filter(payable=payable, released_at__isnull=True)
    assert live.count() == 1, "in two payouts at once"


def a_webhook_says_more_than_is_so(world: Installation) -> None:
    """It is sealed, and yet what it says was never so."""
    sold(world, "anna")
    world.hand_in("accepted")
    attempt = Attempt.objects.get()
    [batch] = tills.TILLS["bank"].taken
    told = {"event_id": "1", "kind": Status.PAID, "item_key": attempt.key, "batch_reference": batch.reference}
    world.webhook("bank", **told)
    webhooks.work_off(limit=10, now=world.now)
    world.settle()
    ends_well(world)


def paypal_answers_500_and_has_paid(world: Installation) -> None:
    """The batch exists, although the answer was an error."""
    payee = world.payee_called("anna")
    world.pay_to(payee, "anna@example.com")
    world.paypal.fault("error_after", match={"method": "POST", "path": CREATE}, times=1, status=500)
    world.ground.pass_time(days=4)  # out of its cool-down
    sold(world, "anna")
    world.transmit()
    for _ in range(4):
        world.paypal.advance(60)
        world.hear_back()
    for payout in Payout.objects.filter(state=State.FAILED):
        world.retry(payout)
    world.send()
    for _ in range(4):
        world.paypal.advance(60)
        world.hear_back()
    assert world.moved() == {"EUR": 9_000}, f"moved {world.moved()}"
    wrong = disagreements(flex=world.flex, provider=world.paypal)
    assert not wrong, "\n".join(wrong)


def the_poller_dies_before_its_commit(world: Installation) -> None:
    """A page was fetched and not stored."""
    world.sale(world.payee_called("anna"))
    with world.dies_at("poll.before_commit"):
        world.hear()
    world.hear()
    assert Payable.objects.count() == 1, "a sale was never heard of"
    ends_well(world)


def it_is_held_at_the_last_moment(world: Installation) -> None:
    """A person says stop when the intent is committed and nothing is sent yet."""
    sold(world, "anna")

    def stop() -> None:
        holding.stop(by=world.alice, reason="Stop!", now=world.now)

    with world.meanwhile("send.after_intent", stop):
        world.hand_in("accepted")
    assert tills.TILLS["bank"].asked == [], "it was sent after the stop"
    ends_well(world)


def it_comes_back(world: Installation) -> None:
    """It is paid, then it comes back, and both are heard before either is folded."""
    sold(world, "anna")
    world.hand_in("accepted")
    till = tills.TILLS["bank"]
    [item] = till.items
    for status in (Status.PAID, Status.RETURNED):
        till.turn(item, status)
        world.ask()
    world.settle()
    assert Payout.objects.get().state == State.RETURNED, "it came back, and counts as paid"
    ends_well(world)


def the_disk_is_put_back(world: Installation) -> None:
    """To the moment before it was sent, and nothing but Sharetribe remembers."""
    sold(world, "anna")
    world.take_backup()
    world.hand_in("paid at once")
    world.tell()
    world.put_back(looks_the_same=True)
    SourceCheck.objects.update(checked_at=None)  # it is a while ago
    world.until_sent("accepted")
    world.everything_arrives()
    keeps_its_promises(world)


def another_database_goes_on(world: Installation) -> None:
    """A backup is put into another database, whose workers start before anybody looked."""
    sold(world, "anna")
    world.take_backup()
    world.hand_in("paid at once")
    world.put_back()
    world.hand_in("accepted")
    world.everything_arrives()
    ends_well(world)


@contextmanager
def stalled_at(point: str, act: Callable[[], object]) -> Iterator[Callable[[], None]]:
    """Do something in a thread that stands still at a crash point; gives what wakes it and waits for its end."""
    reached, awake = threading.Event(), threading.Event()
    errors: list[BaseException] = []

    def hook(name: str) -> None:
        if name == point and threading.current_thread() is thread and not reached.is_set():
            reached.set()
            awake.wait(60)

    def run() -> None:
        try:
            act()
        except Exception as error:  # noqa: BLE001 - raised below
            errors.append(error)
        finally:
            connections.close_all()

    def wake() -> None:
        awake.set()
        thread.join(30)

    thread = threading.Thread(target=run)
    crash_points.install(hook)
    try:
        thread.start()
        assert reached.wait(30), f"{point} was never reached"
        yield wake
    finally:
        wake()
        crash_points.install(None)
    if errors:
        raise errors[0]
