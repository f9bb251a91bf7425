"""People decide at the very moment at which a sender, or a rule, looks the other way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction

from accounts.models import Payee
from payouts import approval, holding, methods, submission
from payouts.models import Approval, PayoutMethod
from tests.stories.world import CREATE, World


def wait_for_somebody_who_waits() -> None:
    end = time.monotonic() + 10
    with connection.cursor() as cursor:
        while time.monotonic() < end:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.datname = current_database()"
                " WHERE NOT l.granted AND (l.database = d.oid OR l.locktype = 'transactionid'))"
            )
            if cursor.fetchone()[0]:
                return
            time.sleep(0.02)
    raise AssertionError("nobody waits")


@contextmanager
def while_somebody_waits(act: Callable[[], object]) -> Iterator[None]:
    """Let another connection act, and wait for what this block holds locked."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    with transaction.atomic():
        yield
        thread.start()
        wait_for_somebody_who_waits()
    thread.join(20)
    if errors:
        raise errors[0]


def sender(world: World) -> Callable[[], int]:
    return lambda: submission.send(limit=10, now=world.now)


def test_a_payee_frozen_while_the_sender_waits(world: World) -> None:
    _, payout = world.sold_and_approved(world.seller())
    world.reread()
    with while_somebody_waits(sender(world)):
        holding.freeze(by=world.carol, payee_id=payout.payee_id, reason="Stolen account.", now=world.now)
    assert world.created() == []
    payout.refresh_from_db()
    assert (payout.state, payout.blocked_by) == ("approved", "payee_active")


def test_a_method_found_wrong_while_the_sender_waits(world: World) -> None:
    """Whatever is written on a method under its lock counts, also what was read before the wait."""
    _, payout = world.sold_and_approved(world.seller())
    world.reread()
    with while_somebody_waits(sender(world)):
        method = PayoutMethod.objects.select_for_update().get(pk=payout.method_id)
        PayoutMethod.objects.filter(pk=method.pk).update(retired_at=world.now, retired_reason="Found wrong.")
    assert world.created() == []
    payout.refresh_from_db()
    assert payout.blocked_by == "method_present"


def test_a_payee_frozen_while_an_approver_waits(world: World) -> None:
    seller = world.seller()
    world.sale(seller)
    world.decide()
    refused: list[list[tuple[str, str]]] = []
    with while_somebody_waits(lambda: refused.append(world.approve().refused)):
        holding.freeze(by=world.dave, payee_id=seller.pk, reason="Stolen account.", now=world.now)
    assert "frozen" in refused[0][0][1]


def test_a_frozen_payee_gets_no_second_try(world: World) -> None:
    """Nobody knows whether the first one was taken; freezing stops what is left to be stopped."""
    _, payout = world.sold_and_approved(world.seller())
    world.paypal.fault("drop_before", match={"method": "POST", "path": CREATE}, times=1)
    world.send()
    holding.freeze(by=world.carol, payee_id=payout.payee_id, reason="Stolen account.", now=world.now)
    world.hear_back(rounds=3)
    assert len(world.created()) == 1
    payout.refresh_from_db()
    assert payout.state == "unknown"
    holding.thaw(by=world.carol, payee_id=payout.payee_id, reason="It was not.", now=world.now)
    world.until("paid", of=payout)
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


@pytest.fixture
def policy(world: World) -> dict[str, object]:
    """A rule that approves nearly everything, and the request that sets it."""
    fields: dict[str, object] = {
        "currency": "EUR",
        "units": "50000",
        "enabled": True,
        "payee_paid_before": True,
        "method_age_days": 0,
    }
    seller = world.seller()
    _, first = world.sold_and_approved(seller)
    world.send()
    world.until("paid", of=first)
    world.second("policy_set", fields)
    return fields


def test_a_rule_does_not_take_back_what_people_revoked(world: World, policy: dict[str, object]) -> None:
    world.sale(Payee.objects.get())
    world.decide()
    payout = world.payout(state="approved")
    approval.revoke(by=world.carol, payout_ids=[payout.pk], reason="This looks odd.", now=world.now)
    world.let_decide()
    payout.refresh_from_db()
    assert payout.state == "awaiting_approval"
    assert world.approve(payout, by=world.dave).refused == []


def test_what_a_rule_approved_ends_with_the_rule(world: World, policy: dict[str, object]) -> None:
    world.sale(Payee.objects.get())
    world.decide()
    payout = world.payout(state="approved")
    world.second("policy_set", {**policy, "enabled": False})
    world.send()
    payout.refresh_from_db()
    assert payout.state == "awaiting_approval"
    assert world.moved() == {"EUR": 9_000}
    assert Approval.objects.get(payout=payout).revoked_at is not None


def test_a_payee_of_whom_nothing_is_known(world: World) -> None:
    """Whether Sharetribe pays them itself, or banned them, is not known before their profile was read."""
    _, payout = world.sold_and_approved(world.seller())
    world.reread()
    Payee.objects.update(profile_read_at=None)
    assert world.transmit() == 0
    payout.refresh_from_db()
    assert payout.blocked_by == "reread"


def test_whoever_reads_of_a_ban_and_dies_has_noted_it(world: World) -> None:
    seller = world.seller()
    _, payout = world.sold_and_approved(seller)
    world.flex.post(f"/_sandbox/users/{seller.flex_user_id}", {"state": "banned"})
    with world.crash_at("reread.after_commit"):
        world.reread()
    assert world.transmit() == 0
    payout.refresh_from_db()
    assert payout.blocked_by == "payee_active"


def test_a_cool_down_outlives_a_wrong_clock(world: World) -> None:
    """The machine on which staff work believes that it is another year."""
    seller = world.seller("old@example.com")
    world.skew -= timedelta(days=400)
    world.pay_to(seller, "thief@example.com")
    world.skew += timedelta(days=400)
    method = PayoutMethod.objects.get(retired_at__isnull=True)
    assert methods.destination(method) == {"email": "thief@example.com"}
    assert method.usable_from > world.now + timedelta(days=2)


def test_no_second_try_to_where_the_payee_is_paid_no_more(world: World) -> None:
    """Nobody knows whether the first one was taken; meanwhile the payee says that the account is lost."""
    _, payout = world.sold_and_approved(world.seller())
    world.paypal.fault("drop_before", match={"method": "POST", "path": CREATE}, times=1)
    world.send()
    payout.refresh_from_db()
    assert payout.state == "unknown"
    world.pay_to(payout.payee, "new@example.com")
    world.hear_back(rounds=2)
    assert world.moved() == {}
    payout.refresh_from_db()
    assert payout.state == "unknown"
