"""Any order of arrival, and any overlap, gives the same meaning; and the meaning is the right one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexsync.snapshots import Nonsense, read_snapshot
from flexsync.translation import (
    CurrencyUnclear,
    Decimals,
    Interpretation,
    ProcessRules,
    TriggerRule,
    interpret,
)
from flexsync.truths import Row
from marketplace_payouts.lib.money import Money
from tests.flexsync.histories import (
    DUE,
    EUROS,
    PARTLY,
    REFUNDED,
    RULES,
    SELLER,
    START,
    History,
    line,
    received,
)


def meaning(rows: list[Row], **options: Any) -> Interpretation:
    terms: dict[str, Any] = {"processes": RULES, "decimals": EUROS} | options
    return interpret(rows, **terms)


def test_owes_what_the_newest_truth_says():
    found = meaning(received().rows)
    assert found.owed == Money(9_000, "EUR")
    assert found.trigger == DUE.id
    assert found.became_due_at == START + timedelta(hours=3)
    assert found.newest is not None
    assert found.newest.payee == SELLER


def test_owes_nothing_before_the_trigger():
    found = meaning(received().rows[:3])
    assert found.owed is None
    assert found.trigger is None
    assert found.payin == Money(10_000, "EUR")


def test_finds_the_trigger_behind_a_transition_that_follows_at_once():
    history = received()
    history.go("auto-complete")
    assert meaning(history.rows[-1:]).trigger == DUE.id


def test_owes_nothing_after_a_cancellation_that_leaves_the_total_as_it_was():
    assert meaning(received().go("cancel").rows).owed == Money(0, "EUR")


def test_owes_what_reversal_lines_leave_after_a_cancellation():
    assert meaning(received().go("operator-refund", lines=REFUNDED).rows).owed == Money(0, "EUR")
    assert meaning(received().go("operator-refund", lines=PARTLY).rows).owed == Money(5_000, "EUR")


def test_owes_the_changed_amount_after_an_adjustment():
    found = meaning(received().go("operator-adjust", lines=PARTLY).rows)
    assert found.owed == Money(5_000, "EUR")
    assert found.lines["gross"] == "10000"
    assert found.lines["commission"] == "-1000"
    assert found.lines["now"]["net"] == "5000"


def test_keeps_the_lines_as_of_the_trigger():
    found = meaning(received().rows)
    assert found.lines["items"][0]["total"] == "10000"
    assert "now" not in found.lines


def test_sees_the_buyers_payment_once():
    [payment] = meaning(received().go("operator-adjust", lines=PARTLY).rows).payments
    assert payment.amount == Money(10_000, "EUR")
    assert payment.reference.endswith(":1:transition/operator-confirm-payment")


def test_sees_stripe_in_protected_data():
    intents = {"stripePaymentIntents": {"default": {"stripePaymentIntentId": "pi_1"}}}
    assert meaning(received(protected=intents).rows).shows_stripe
    assert not meaning(received(protected={"stripePaymentIntents": {}}).rows).shows_stripe


def test_ignores_event_types_that_it_does_not_know():
    history = received()
    before = meaning(history.rows)
    history.note("transaction/archived", {"nonsense": True})
    assert meaning(history.rows) == before


def test_remembers_that_a_transaction_was_deleted():
    history = received().note("transaction/deleted", None)
    found = meaning(history.rows)
    assert found.is_deleted
    assert found.owed == Money(9_000, "EUR")
    assert meaning([history.rows[-1]]).newest is None


def test_a_trigger_that_was_switched_off_still_finds_its_refund():
    off = TriggerRule(id=1, transition=DUE.transition, is_enabled=False)
    rules = {"payout-process": ProcessRules((off,), RULES["payout-process"].cancel_transitions)}
    rows = received().go("operator-refund", lines=REFUNDED).rows
    assert meaning(rows, processes=rules).owed is None
    assert meaning(rows, processes=rules, accrued_by=1).owed == Money(0, "EUR")


def test_a_snapshot_between_unheard_events_is_newer_than_they_are():
    history = received()
    first = len(history.rows)
    history.go("operator-adjust", lines=PARTLY)
    history.go("operator-adjust", lines=(line("item", 3_000),))
    snapshot = history.snapshot(cursor=history.rows[first - 1].sequence_id)
    assert meaning([*history.rows[: first + 1], snapshot]).owed == Money(3_000, "EUR")


# --------------------------------------------------------------------------------------------------- decimals


def test_refuses_to_guess_decimals_that_nobody_confirmed():
    with pytest.raises(CurrencyUnclear, match="not confirmed"):
        meaning(received().rows, decimals=Decimals(table={"EUR": 2}, confirmed=False))


def test_understands_what_is_not_due_without_confirmed_decimals():
    found = meaning(received().rows[:2], decimals=Decimals(table={}, confirmed=False))
    assert found.newest is not None
    assert found.payin is None
    assert found.owed is None


@pytest.mark.parametrize(
    ("currency", "units"),
    [("EUR", 9_000), ("JPY", 9_000), ("JOD", 90_000)],
    ids=["as ours", "none", "finer here"],
)
def test_converts_the_marketplaces_decimals_into_ours(currency, units):
    assert meaning(received(currency=currency).rows).owed == Money(units, currency)


def test_refuses_amounts_finer_than_money():
    fine = Decimals(table={"JPY": 2}, confirmed=True)
    odd = (line("item", 10_050),)
    with pytest.raises(CurrencyUnclear, match="finer"):
        meaning(received(currency="JPY", lines=odd).rows, decimals=fine)


def test_refuses_a_currency_that_we_do_not_know():
    with pytest.raises(CurrencyUnclear, match="XXX"):
        meaning(received(currency="XXX").rows)


# ----------------------------------------------------------------------------------------------------- poison

NONSENSE = {
    "id": "x",
    "attributes": {"payoutTotal": {"amount": "plenty", "currency": 978}, "transitions": [None]},
}


def test_refuses_nonsense_as_the_newest_word():
    history = received().note("transaction/updated", NONSENSE)
    with pytest.raises(Nonsense):
        meaning(history.rows)


def test_a_newer_readable_word_heals_nonsense():
    history = received().note("transaction/updated", NONSENSE)
    healed = [*history.rows, history.snapshot(cursor=history.sequence)]
    assert meaning(healed).owed == Money(9_000, "EUR")
    history.go("operator-adjust", lines=PARTLY)
    assert meaning(history.rows).owed == Money(5_000, "EUR")


def test_refuses_what_is_due_but_names_no_total_or_seller():
    resource = received().resource()
    resource["attributes"]["payoutTotal"] = None
    with pytest.raises(Nonsense, match="payoutTotal"):
        meaning([Row(1, "transaction/updated", resource, 1.0)])
    resource = received().resource()
    resource["relationships"] = {}
    with pytest.raises(Nonsense, match="seller"):
        meaning([Row(1, "transaction/updated", resource, 1.0)])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(value=json_values, data=st.data())
def test_whatever_json_comes_is_understood_or_refused_by_name(value, data):
    resource = received(protected={"note": 1}).resource()
    place: Any = resource
    for _ in range(data.draw(st.integers(0, 4))):
        keys = (
            list(place)
            if isinstance(place, dict)
            else list(range(len(place)))
            if isinstance(place, list)
            else []
        )
        if not keys:
            break
        key = data.draw(st.sampled_from(keys))
        parent, place = place, place[key]
        if data.draw(st.booleans()):
            parent[key] = value
            break
    try:
        read_snapshot(resource)
        meaning([Row(1, "transaction/updated", resource, 1.0)])
    except (Nonsense, CurrencyUnclear):
        pass


# -------------------------------------------------------------------------------------------------- any order

STEPS = {
    "operator-adjust": PARTLY,
    "dispute": None,
    "operator-refund": REFUNDED,
    "cancel": None,
    "review-1-by-customer": None,
    "mark-received": None,
    "operator-mark-payout-sent": None,
}


@st.composite
def histories(draw: st.DrawFn) -> tuple[History, list[Row]]:
    """A history with some snapshots that we read on the way, at cursors that lag behind."""
    history = History().go("request-payment", "operator-confirm-payment")
    snapshots = []
    for name in draw(st.lists(st.sampled_from(sorted(STEPS)), max_size=7)):
        history.go(name, lines=STEPS[name])
        if draw(st.booleans()):
            snapshots.append(
                history.snapshot(cursor=draw(st.sampled_from([row.sequence_id for row in history.rows])))
            )
    return history, [*history.rows, *snapshots]


@given(told=histories(), data=st.data())
def test_any_order_of_arrival_means_the_same(told, data):
    _history, rows = told
    expected = meaning(rows)
    again = data.draw(st.lists(st.sampled_from(rows), max_size=4))
    assert meaning(data.draw(st.permutations([*rows, *again]))) == expected


@given(told=histories(), data=st.data())
def test_any_part_that_holds_the_newest_truth_owes_the_same(told, data):
    history, rows = told
    expected = meaning(rows)
    newest = history.rows[-1]
    part = [row for row in rows if row is newest or data.draw(st.booleans())]
    found = meaning(data.draw(st.permutations(part)))
    assert (found.owed, found.trigger, found.became_due_at) == (
        expected.owed,
        expected.trigger,
        expected.became_due_at,
    )
    assert found.source_event == expected.source_event
    assert found.newest is not None
    assert expected.newest is not None
    assert found.newest.digest == expected.newest.digest
