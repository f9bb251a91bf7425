"""Payees are told of every gate, hold and outcome that there is, and of none more than they should know."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.utils import timezone

from marketplace_payouts.lib.money import Money
from payouts import blocks, gates
from payouts.blocks import FOR_PAYEE, HELD, Reason
from payouts.lifecycle import MOVES
from payouts.models import Payable, State
from payouts.payee_view import showing, stating, waiting
from payouts.payee_view.lines import WHAT
from payouts.payee_view.shapes import PHASES, Obstacle
from payouts.providers.base import RefusalClass, Status

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


def calls(name: str) -> Iterator[ast.Call]:
    """Every call of something of that name in the apps."""
    for app in ("accounts", "flexsync", "payments", "payouts"):
        for path in (ROOT / app).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func
                    if called == name or (isinstance(called, ast.Name) and called.id == name):
                        yield node


def rules_of_holds() -> set[str]:
    """Every rule by whose name something sets a hold."""
    found = {"staff"}
    for call in calls("hold_by_rule"):
        [rule] = [one.value for one in call.keywords if one.arg == "rule"]
        match rule:
            case ast.Constant(value=str(name)):
                found.add(name)
            case ast.JoinedStr(values=[ast.Constant(value=str(name)), *_]):
                found.add(name.partition(":")[0])
            case ast.Attribute(attr="RESTORED"):
                found.add("restore")
            case _:
                pytest.fail(f"What rule is {ast.dump(rule)}?")
    return found


def test_every_rule_that_holds_something_is_told_of():
    assert rules_of_holds() == set(HELD)


def test_every_block_of_a_gate_says_its_reason_by_name():
    count = 0
    for call in calls("Block"):
        count += 1
        for given in call.args[1:2]:
            names = {node.attr for node in ast.walk(given) if isinstance(node, ast.Attribute)}
            is_asked = isinstance(given, ast.Name | ast.Call)  # a table's, or a hold's
            assert is_asked or names & {reason.name for reason in Reason}, ast.dump(given)
    assert count > len(gates.GATES)


def test_whatever_stops_a_gathering_is_told_of():
    """What `blocked_by` of a payable may be: a gate, or what was found of several together."""
    written = (ROOT / "payouts" / "scheduling.py").read_text()
    assert '"method_present" if method is None else "negative" if total < 0 else "minimum"' in written
    assert set(waiting.GATHERING) == {"negative", "minimum"}
    assert {gate.name for gate in gates.GATES} >= {"method_present", "minimum"}


def test_every_outcome_state_move_and_purpose_is_told_of():
    assert set(waiting.REFUSED) == {one.value for one in RefusalClass}
    assert set(waiting.ON_ITS_WAY) <= {one.value for one in Status}
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
    shown: list[Obstacle] = waiting.told([(reason, None, None) for reason in found])
    assert [one.code for one in shown] == told


def test_a_reason_stands_until_its_latest_moment():
    earlier = AT.replace(day=2)
    shown = waiting.told([(Reason.NEXT_PAYDAY, AT, None), (Reason.NEXT_PAYDAY, earlier, None)])
    assert [one.until for one in shown] == [AT]
