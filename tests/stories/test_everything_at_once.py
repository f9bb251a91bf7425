"""Every stage and everybody at the same time, over the same few sellers: nobody waits in a circle, all are paid."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connections, transaction

from flexsync import interpreter, poller, rereading
from payouts import approval, intervention, outbox, reconciliation, scheduling, settlement, submission
from payouts.errors import DomainError
from payouts.models import Payout, State
from tests.stories.world import CREATE, World

SELLERS, SECONDS = 4, 6.0


@pytest.mark.slow
def test_all_stages_and_people_at_once(world: World) -> None:  # noqa: C901 - one short loop for each of them
    sellers = [world.seller(f"s{n}@example.com") for n in range(SELLERS)]
    transactions = [world.sale(seller, price=1_000) for seller in sellers for _ in range(3)]
    world.hear()
    world.paypal.fault("rate_limit", match={"method": "POST", "path": CREATE}, probability=0.3, seconds=1)
    world.paypal.fault("drop_after", match={"method": "POST", "path": CREATE}, probability=0.1)
    end = time.monotonic() + SECONDS
    errors: list[BaseException] = []
    dice = random.Random(7)

    def loop(act: Callable[[], object]) -> None:
        try:
            while time.monotonic() < end and not errors:
                with contextlib.suppress(DomainError):  # people are told no, now and then
                    act()
                time.sleep(0.01)
        except BaseException as error:  # noqa: BLE001 - shown by the test
            errors.append(error)
        finally:
            connections.close_all()

    def hear() -> None:
        poller.poll(limit_seconds=0, now=world.now)
        interpreter.understand(limit=50, now=world.now)

    def gather() -> None:
        scheduling.gather(limit=50, now=world.now)
        approval.decide(limit=50, now=world.now + timedelta(hours=1))

    def approve() -> None:
        world.approve(by=dice.choice([world.carol, world.dave]))

    def send() -> None:
        rereading.reread(limit=50, now=world.now)
        with transaction.atomic():
            late = Payout.objects.filter(state=State.APPROVED).select_for_update(skip_locked=True)
            Payout.objects.filter(pk__in=[one.pk for one in late]).update(next_at=world.now)
        submission.send(limit=50, now=world.now)

    def hear_back() -> None:
        soon = world.now + timedelta(hours=1)
        reconciliation.ask(limit=50, now=soon)
        settlement.settle(limit=50, now=soon)
        outbox.tell(limit=50, now=soon)

    def refund() -> None:
        transaction = dice.choice(transactions)
        if world.truth(transaction)["payout_total"]["amount"] > 500:
            world.refund(transaction, amount=10)
        time.sleep(0.1)

    def cancel() -> None:
        waiting = Payout.objects.filter(state__in=(State.APPROVED, State.AWAITING_APPROVAL))
        ids = list(waiting.values_list("pk", flat=True))
        if ids:
            intervention.cancel(by=world.bob, payout_ids=[dice.choice(ids)], reason="No.", now=world.now)
        time.sleep(0.15)

    def replace() -> None:
        seller = dice.choice(sellers)
        world.pay_to(seller, f"m{dice.randrange(10**6)}@example.com")
        time.sleep(0.3)

    acts = [hear, gather, gather, approve, send, send, hear_back, refund, cancel, replace]
    threads = [threading.Thread(target=loop, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS + 30)
    if errors:
        raise errors[0]

    world.paypal.delete("/_sandbox/faults")
    world.let_pass(days=4)  # the new methods cool down
    for _ in range(4):
        world.decide()
        world.approve()
        world.send()
        world.hear_back(rounds=2)
    world.until_true(lambda: set(Payout.objects.values_list("state", flat=True)) <= {"paid", "cancelled"})
    world.assert_books_agree()
