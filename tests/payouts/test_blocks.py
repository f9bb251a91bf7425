"""Payees are told of every gate, hold and outcome that there is, and of none more than they should know."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.utils import timezone

from marketplace_payouts.lib.ids import uuid7
from marketplace_payouts.lib.money import Money
from payouts import blocks, gates, holding
from payouts.blocks import FOR_PAYEE, HELD, Reason
from payouts.lifecycle import MOVES
from payouts.models import Payable, State
from payouts.payee_view import reasons, showing, stating
from payouts.payee_view.lines import WHAT
from payouts.payee_view.shapes import PHASES, Obstacle
from payouts.providers.base import RefusalClass, Status
from tests.docs.code import calls

ROOT = Path(blocks.__file__).parent.parent
AT = datetime(2026, 12, 4, 9, tzinfo=UTC)


def test_every_reason_has_its_sentence_and_each_says_something_else():
    assert set(FOR_PAYEE) == set(Reason)
    sentences = [blocks.tell(reason, until=AT, amount=Money(500, "EUR")) for reason in Reason]
    assert len(set(sentences)) == len(sentences)
    for sentence in sentences:
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert "%" not in sentence


def test_a_day_is_that_of_the_active_time_zone():
    late = datetime(2026, 12, 4, 23, 30, tzinfo=UTC)
    with timezone.override("Asia/Ho_Chi_Minh"):
        assert blocks.tell(Reason.NEXT_PAYDAY, until=late) == "The next payday is Saturday, 5 December 2026."
    with timezone.override("UTC"):
        assert blocks.tell(Reason.NEXT_PAYDAY, until=late) == "The next payday is Friday, 4 December 2026."


def test_every_rule_that_holds_something_is_told_of():
    rules = {call.said("rule") for call in calls("hold_by_rule", "_our_alarm", "Hold")} - {None}
    named = {str(rule).partition(":")[0] for rule in rules}
    assert named | {"staff", holding.RESTORED} == set(HELD)
    assert set(HELD) > holding.LIFTED_BY_PEOPLE
    assert blocks.held_for(f"incident:{uuid7()}") is blocks.held_for("unheard of") is Reason.CHECKS


def test_whatever_stops_a_gathering_is_told_of():
    """What `blocked_by` of a payable may be: a gate, or what was found of several together."""
    written = (ROOT / "payouts" / "scheduling.py").read_text()
    assert '"method_present" if method is None else "negative" if total < 0 else "minimum"' in written
    assert set(reasons.GATHERING) == {"negative", "minimum"}
    assert {gate.name for gate in gates.GATES} >= {"method_present", "minimum"}


def test_every_outcome_state_move_and_purpose_is_told_of():
    assert set(reasons.REFUSED) == {one.value for one in RefusalClass}
    assert set(reasons.ON_ITS_WAY) <= {one.value for one in Status}
    assert set(PHASES) == set(showing.TOLD) == set(State)
    assert set(WHAT) == {one.value for one in Payable.Purpose}
    assert set(showing.BACK) <= {(before, after) for before, some in MOVES.items() for after in some}
    assert set(stating.PAID) == {"pay", "return_cash", "by_hand", "repay"}


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ([Reason.CHECKS], ["checks"]),
        ([Reason.CHECKS, Reason.CHECKS], ["checks"]),
        ([Reason.METHOD_MISSING, Reason.CHECKS], ["method_missing"]),
        ([Reason.CHECKS, Reason.METHOD_MISSING, Reason.METHOD_MISSING], ["method_missing"]),
    ],
)
def test_the_usual_checks_are_told_where_nothing_else_is(found, told):
    shown: list[Obstacle] = reasons.told([(reason, None, None) for reason in found])
    assert [one.code for one in shown] == told


def test_a_reason_stands_until_its_latest_moment():
    earlier = AT.replace(day=2)
    shown = reasons.told([(Reason.NEXT_PAYDAY, AT, None), (Reason.NEXT_PAYDAY, earlier, None)])
    assert [one.until for one in shown] == [AT]
