"""Each promise, broken on purpose: the query finds it, and where the database itself refuses, it says by which name.

Everything happens inside one transaction of a superuser that is rolled back, so that one installation serves all.
"""

# ruff: noqa: ISC004 - each statement stands in a list of its own
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from payouts.invariants import running
from payouts.invariants.base import EVERYTHING, Invariant, Scope, only_about, statement
from payouts.models import Payout, State
from payouts.subscriptions import subscribing
from payouts.subscriptions.events import EVENTS
from tests.stories.world import World

PAID = "(SELECT id FROM payouts_payout WHERE state = 'paid')"
WAITING = "(SELECT id FROM payouts_payout WHERE state = 'awaiting_approval')"
ATTEMPT = f"(SELECT id FROM payouts_attempt WHERE payout_id = {PAID})"
BATCH = f"(SELECT batch_id FROM payouts_attempt WHERE payout_id = {PAID})"
SOLD = f"(SELECT payable_id FROM payouts_payoutline WHERE payout_id = {PAID})"
OPEN = "(SELECT id FROM payouts_payable WHERE settled = '' ORDER BY id LIMIT 1)"
CAROL = "(SELECT id FROM accounts_user WHERE email = 'carol@example.com')"
METHOD = f"(SELECT method_id FROM payouts_payout WHERE id = {PAID})"


def again(table: str, where: str, **changes: str) -> str:
    """Write an INSERT that repeats a row with some columns changed."""
    pairs = ", ".join(f"'{column}', {value}" for column, value in changes.items())
    return (
        f"INSERT INTO {table} SELECT (jsonb_populate_record(t, jsonb_build_object({pairs}))).* FROM {table} t"
        f" WHERE {where}"
    )


NEW = "gen_random_uuid()"
LATER = "now() + interval '1 day'"
SOONER = "now() - interval '30 days'"

# Invariant → the statements that break it, and the constraints that must go before they can.
PLANTS: dict[str, tuple[list[str], list[str]]] = {
    "payable_in_one_payout": (
        [again("payouts_payoutline", f"payout_id = {PAID}", id=NEW, payout_id=WAITING)],
        ["payouts_payoutline_live"],
    ),
    "lines_make_the_debt": (
        [f"UPDATE payouts_payout SET debt_units = 1, sent_units = 1 WHERE id = {PAID}"],
        [],
    ),
    "line_is_its_payable": ([f"UPDATE payouts_payable SET units = units + 1 WHERE id = {SOLD}"], []),
    "gathered_is_in_a_payout": ([f"UPDATE payouts_payable SET settled = '' WHERE id = {SOLD}"], []),
    "zero_is_zero": ([f"UPDATE payouts_payable SET settled = 'zero' WHERE id = {OPEN}"], []),
    "books_fit_the_state": (
        [f"DELETE FROM payouts_posting WHERE kind = 'commit' AND payout_id = {PAID}"],
        [],
    ),
    "paid_is_posted_once": ([f"DELETE FROM payouts_posting WHERE kind = 'pay' AND payout_id = {PAID}"], []),
    "debit_is_posted": ([f"UPDATE payouts_attempt SET debited = false WHERE id = {ATTEMPT}"], []),
    "owed_is_the_open_payables": (
        [f"UPDATE payouts_posting SET units = units + 1 WHERE kind = 'accrue' AND payable_id = {OPEN}"],
        [],
    ),
    "receivable_is_the_open_clawbacks": (
        [f"UPDATE payouts_payable SET waits_for = 'clawback', units = -units WHERE id = {OPEN}"],
        [],
    ),
    "payable_is_posted": ([f"DELETE FROM payouts_posting WHERE kind = 'accrue' AND payable_id = {SOLD}"], []),
    "posting_is_known": ([f"UPDATE payouts_posting SET debit = 'pocket' WHERE payout_id = {PAID}"], []),
    "entry_in_one_currency": (
        [
            again(
                "payouts_posting",
                f"kind = 'pay' AND payout_id = {PAID}",
                id=NEW,
                ordinal="999",
                currency="'USD'",
            )
        ],
        [],
    ),
    "returned_is_owed_again": ([f"UPDATE payouts_attempt SET returned_units = 5 WHERE id = {ATTEMPT}"], []),
    "payout_knows_what_came_back": ([f"UPDATE payouts_payout SET returned_units = 5 WHERE id = {PAID}"], []),
    "one_open_attempt": (
        [again("payouts_attempt", f"id = {ATTEMPT}", id=NEW, n="2", key="'other'", reference="''")],
        ["payouts_attempt_one_open"],
    ),
    "one_attempt_per_reference": (
        [again("payouts_attempt", f"id = {ATTEMPT}", id=NEW, n="2", key="'other'", payout_id=WAITING)],
        ["payouts_attempt_reference"],
    ),
    "one_batch_per_reference": (
        [again("payouts_batch", f"id = {BATCH}", id=NEW, key="'other'")],
        ["payouts_batch_reference"],
    ),
    "keys_are_unique": (
        [
            f"UPDATE payouts_batch SET key = (SELECT key FROM payouts_attempt ORDER BY id LIMIT 1) WHERE id = {BATCH}"
        ],
        [],
    ),
    "dead_before_the_next": (
        [
            f"UPDATE payouts_attempt SET n = 2 WHERE id = {ATTEMPT}",
            again(
                "payouts_attempt",
                f"id = {ATTEMPT}",
                id=NEW,
                n="1",
                key="'other'",
                reference="''",
                state="'unknown'",
            ),
        ],
        ["payouts_attempt_one_open"],
    ),
    "attempt_is_the_payout": ([f"UPDATE payouts_attempt SET units = units + 1 WHERE id = {ATTEMPT}"], []),
    "method_of_the_payee": (
        [
            "UPDATE payouts_payoutmethod m SET version = 99, payee_id = (SELECT o.payee_id FROM payouts_payoutmethod o"
            f" WHERE o.payee_id <> m.payee_id AND o.retired_at IS NULL ORDER BY id LIMIT 1) WHERE id = {METHOD}"
        ],
        ["payouts_payoutmethod_present"],
    ),
    "attempt_is_approved": ([f"UPDATE payouts_approval SET digest = 'x' WHERE payout_id = {PAID}"], []),
    "approver_made_nothing": (
        [f"UPDATE payouts_payoutmethod SET made_by_id = {CAROL} WHERE id = {METHOD}"],
        [],
    ),
    "method_fit_when_sent": (
        [f"UPDATE payouts_payoutmethod SET usable_from = {LATER} WHERE id = {METHOD}"],
        [],
    ),
    "nothing_sent_while_held": (
        [
            "INSERT INTO payouts_hold (id, payout_id, rule, reason, set_by_id, set_at, lift_reason) VALUES"
            f" ({NEW}, {PAID}, 'staff', 'Wait.', {CAROL}, {SOONER}, '')"
        ],
        [],
    ),
    "state_fits_the_attempts": ([f"UPDATE payouts_attempt SET state = 'absent' WHERE id = {ATTEMPT}"], []),
    "deferred_can_go_again": ([f"UPDATE payouts_attempt SET state = 'deferred' WHERE id = {ATTEMPT}"], []),
    "batch_adds_up": ([f"UPDATE payouts_batch SET total_units = 1 WHERE id = {BATCH}"], []),
    "right_environment": ([f"UPDATE payouts_batch SET environment = 'live' WHERE id = {BATCH}"], []),
    "step_stands_before_the_call": (
        [f"UPDATE payouts_step SET created_at = {LATER} WHERE batch_id = {BATCH}"],
        [],
    ),
    "settled_by_a_word": ([f"DELETE FROM payouts_observation WHERE attempt_id = {ATTEMPT}"], []),
    "webhook_is_ours": (
        [
            "INSERT INTO payouts_webhookdelivery (id, provider, event_id, kind, hint, body, state, tries, error,"
            f" received_at) VALUES ({NEW}, 'paypal', 'e', 'k', '{{\"batch_key\": \"nobody\"}}', '', 'applied', 0, '',"
            " now())"
        ],
        [],
    ),
    "approved_has_an_approval": ([f"UPDATE payouts_payout SET state = 'approved' WHERE id = {WAITING}"], []),
    "approval_has_an_author": ([f"UPDATE payouts_approval SET by_id = NULL WHERE payout_id = {PAID}"], []),
    "policy_kept_to_its_word": (
        [
            "INSERT INTO payouts_approvalpolicy (id, currency, version, enabled, maximum_units, payee_paid_before,"
            f" method_age_days, created_at) VALUES ({NEW}, 'EUR', 1, false, 1, true, 0, now())",
            "UPDATE payouts_approval SET by_id = NULL, policy_id = (SELECT id FROM payouts_approvalpolicy)"
            f" WHERE payout_id = {PAID}",
        ],
        [],
    ),
    "approval_within_the_limit": (
        [
            'UPDATE payouts_approval SET limit_snapshot = \'{"limit": "1", "used": "2"}\''
            f" WHERE payout_id = {PAID}"
        ],
        [],
    ),
    "request_by_two": (
        ["UPDATE payouts_request SET closed_by_id = made_by_id"],
        ["payouts_request_two_people"],
    ),
    "method_by_two": ([f"UPDATE payouts_payoutmethod SET seconded_by_id = NULL WHERE id = {METHOD}"], []),
    "hold_says_why": (
        [
            "INSERT INTO payouts_hold (id, payout_id, rule, reason, set_at, lift_reason) VALUES"
            f" ({NEW}, {WAITING}, 'staff', ' ', now(), '')"
        ],
        [],
    ),
    "incident_stops_its_provider": (
        [
            "INSERT INTO payouts_incident (id, kind, provider, subject, facts, sentence, opened_at, explanation) VALUES"
            f" ({NEW}, 'wrong_echo', 'paypal', 's', '{{}}', 'Odd.', now(), '')"
        ],
        [],
    ),
    "incident_was_explained": (
        [
            "INSERT INTO payouts_incident (id, kind, provider, subject, facts, sentence, opened_at, closed_at,"
            f" explanation) VALUES ({NEW}, 'wrong_echo', 'paypal', 's', '{{}}', 'Odd.', now(), now(), '')"
        ],
        [],
    ),
    "record_is_whole": ([f"DELETE FROM payouts_payoutevent WHERE n = 2 AND payout_id = {PAID}"], []),
    "state_is_recorded": ([f"UPDATE payouts_payout SET state = 'returned' WHERE id = {PAID}"], []),
    "moves_are_allowed": (
        [
            f"UPDATE payouts_payoutevent SET from_state = 'pending' WHERE to_state = 'paid' AND payout_id = {PAID}"
        ],
        [],
    ),
    "outcome_is_told": ([f"DELETE FROM payouts_outboxmessage WHERE subject = {PAID}"], []),
    "open_payout_reaches_people": (
        [f"UPDATE payouts_payout SET person_after = NULL WHERE id = {WAITING}"],
        [],
    ),
    "submitting_under_a_lease": (
        [
            f"UPDATE payouts_batch SET lease_until = {SOONER} WHERE id = {BATCH}",
            f"UPDATE payouts_attempt SET state = 'committed' WHERE id = {ATTEMPT}",
            f"UPDATE payouts_payout SET state = 'submitting', state_since = {SOONER} WHERE id = {PAID}",
        ],
        [],
    ),
    "unknown_stands_before_people": (
        [f"UPDATE payouts_payout SET state = 'unknown', person_after = NULL WHERE id = {PAID}"],
        [],
    ),
    "under_way_is_asked_about": (
        [
            f"UPDATE payouts_batch SET next_at = NULL WHERE id = {BATCH}",
            f"UPDATE payouts_attempt SET state = 'accepted' WHERE id = {ATTEMPT}",
            f"UPDATE payouts_payout SET state = 'submitted' WHERE id = {PAID}",
        ],
        [],
    ),
    "open_payable_is_looked_at": (
        [
            "UPDATE accounts_payee SET next_gather_at = NULL WHERE id = (SELECT payee_id FROM payouts_payable"
            f" WHERE id = {OPEN})"
        ],
        [],
    ),
    "nothing_is_overdue": ([f"UPDATE payouts_payout SET next_at = {SOONER} WHERE id = {WAITING}"], []),
    "cursor_behind_the_events": (["UPDATE flexsync_flexcursor SET last_sequence_id = 1e12"], []),
    "stored_event_is_heard": (["UPDATE payouts_source SET heard = 0, understood = 0"], []),
    "heard_is_understood_or_will_be": (
        ["UPDATE payouts_source SET heard = understood + 1, next_at = NULL, parked_at = NULL"],
        [],
    ),
    "poller_is_alive": ([f"UPDATE flexsync_flexcursor SET polled_at = {SOONER}"], []),
    "news_is_captured": ([f"UPDATE payouts_webhooksubscription SET hears_since = {SOONER}"], []),
    "message_has_one_end": (
        ["UPDATE payouts_webhookmessage SET next_at = NULL, delivered_at = NULL, given_up_at = NULL"],
        ["payouts_webhookmessage_one_end"],
    ),
    "buyer_paid_before_it_was_sent": (
        [
            "UPDATE payments_paymentin SET recorded_at = now() + interval '1 day' WHERE transaction_id ="
            f" (SELECT b.reference::uuid FROM payouts_payable b WHERE b.id = {SOLD})"
        ],
        [],
    ),
    "loss_is_booked": (
        [
            again(
                "payments_paymentin",
                f"transaction_id = (SELECT b.reference::uuid FROM payouts_payable b WHERE b.id = {SOLD})",
                id=NEW,
                kind="'charged_back'",
                reference="'dp-1'",
            )
        ],
        [],
    ),
    "payment_told_is_read_back": (
        [
            "INSERT INTO flexsync_paymenttold (source_id, value, transition, calls, tries, error)"
            f" SELECT source_id, '{{}}', '', 1, 0, '' FROM payouts_payable WHERE id = {SOLD}",
            "INSERT INTO payouts_outboxmessage (id, kind, subject, facts, tries, created_at, done_at, error)"
            f" SELECT {NEW}, 'tell_payment', source_id, '{{}}', 1, now(), now(), '' FROM payouts_payable"
            f" WHERE id = {SOLD}",
        ],
        [],
    ),
    "told_is_read_back": (["UPDATE flexsync_writeback SET confirmed_at = NULL, conflict_at = NULL"], []),
}


@pytest.fixture
def busy_world(paid_world: World) -> World:
    """One seller paid; then a subscriber, one payout before the approver, one sale of somebody without a method."""
    subscribing.add(
        by=paid_world.alice,
        url="https://shop.example/",
        description="Shop",
        types=list(EVENTS),
        now=paid_world.now,
    )
    paid_world.sale(paid_world.seller("second@example.com"), price=5_000)
    paid_world.decide()
    paid_world.sale(paid_world.seller("third@example.com", method=False), price=3_000)
    paid_world.decide()
    assert Payout.objects.filter(state=State.AWAITING_APPROVAL).count() == 1
    return paid_world


@contextmanager
def rolled_back(url: str) -> Iterator[psycopg.Connection[Any]]:
    """A superuser's transaction for which no trigger and no foreign key holds, and of which nothing stays."""
    with psycopg.connect(url) as connection:
        connection.execute("SET LOCAL session_replication_role = replica; SET LOCAL lock_timeout = '10s'")
        yield connection
        connection.rollback()


def finds(
    connection: psycopg.Connection[Any], one: Invariant, world: World, scope: Scope = EVERYTHING
) -> bool:
    """Ask one invariant inside the transaction."""
    sql, values = statement(one, scope, now=world.now)
    return bool(connection.execute(sql, values).fetchall())


def let_go(connection: psycopg.Connection[Any], constraint: str) -> None:
    """Drop a constraint or a unique index, wherever it is."""
    row = connection.execute(
        "SELECT conrelid::regclass::text FROM pg_constraint WHERE conname = %s", [constraint]
    ).fetchone()
    if row is None:
        connection.execute(f'DROP INDEX "{constraint}"')
    else:
        connection.execute(f'ALTER TABLE {row[0]} DROP CONSTRAINT "{constraint}"')


def test_every_invariant_has_its_violation():
    assert {one.name for one in running.all_invariants()} == set(PLANTS)


def test_each_violation_is_found_and_nothing_is_without(busy_world, superuser_url, subtests):
    for one in running.all_invariants():
        plants, constraints = PLANTS[one.name]
        with subtests.test(one.name), rolled_back(superuser_url) as connection:
            assert not finds(connection, one, busy_world)
            for constraint in constraints:
                let_go(connection, constraint)
            for plant in plants:
                assert connection.execute(plant).rowcount, "the violation was not planted"
            assert finds(connection, one, busy_world)


def test_what_the_database_refuses_by_itself(busy_world, superuser_url, subtests):
    for name, (plants, constraints) in PLANTS.items():
        if not constraints:
            continue
        with subtests.test(name), rolled_back(superuser_url) as connection:
            for plant in plants[:-1]:
                connection.execute(plant)
            with pytest.raises(psycopg.errors.IntegrityError) as refused:
                connection.execute(plants[-1])
            assert refused.value.diag.constraint_name == constraints[0]


def test_one_payout_is_judged_alone(busy_world, superuser_url):
    waiting = Payout.objects.get(state=State.AWAITING_APPROVAL)
    paid = Payout.objects.get(state=State.PAID)
    one = next(one for one in running.all_invariants() if one.name == "outcome_is_told")
    with rolled_back(superuser_url) as connection:
        connection.execute(PLANTS["outcome_is_told"][0][0])
        assert finds(connection, one, busy_world, only_about(paid))
        assert not finds(connection, one, busy_world, only_about(waiting))
