"""docs/states.md says of states, moves, holds and gates what the code says, and nothing else."""

from __future__ import annotations

import importlib.util
from datetime import timedelta
from itertools import product

import pytest
from django.db.models import TextChoices

from flexsync import telling
from payouts import holding
from payouts.facts import rails_of
from payouts.gates import GATES, Stage
from payouts.lifecycle import MOVES, PATIENCE
from payouts.models import OPEN_ATTEMPTS, AttemptState, BatchState, Payable, State
from tests.docs.code import calls
from tests.docs.pages import ROOT, bare, column, table, words

PAGE = "docs/states.md"
STATES = ("state", "what it means", "what happens next", "before a person", "Sharetribe reads")
MOVED = ("from", "to", "who moves it", "when")
ATTEMPTS = ("state", "what it means", "open")
ASKED = {"at gathering": Stage.OWED, "at approval": Stage.DECIDE, "at sending": Stage.SEND}


def test_every_state_is_explained():
    assert column(PAGE, STATES, "state") == State.values


def test_every_state_says_when_it_stands_before_a_person():
    told = dict(zip(column(PAGE, STATES, "state"), column(PAGE, STATES, "before a person"), strict=True))
    assert told == {state: _in_words(patience) for state, patience in PATIENCE.items()}


def _in_words(patience: timedelta | None) -> str:
    if patience is None:
        return "–"
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        count, rest = divmod(int(patience.total_seconds()), length)
        if count and not rest:
            return f"{count} {unit}{'' if count == 1 else 's'}"
    assert not patience
    return "at once"


def test_every_state_says_what_sharetribe_reads():
    told = {bare(row[0]): words(row[4]) for row in table(PAGE, *STATES)}
    only_announced = {State.APPROVED: telling.ANNOUNCED, State.CANCELLED: telling.CANCELLED}
    for state in State:
        word = telling._WORDS.get(state) or only_announced.get(state)
        assert told[state] == ([word] if word else []), state


def test_the_moves_are_those_of_the_code():
    told = [(bare(row[0]), bare(row[1])) for row in table(PAGE, *MOVED)]
    assert len(told) == len(set(told))
    assert set(told) == {(one.value, to.value) for one, targets in MOVES.items() for to in targets}


def test_every_move_says_who_and_when():
    assert all(who and when for _, _, who, when in table(PAGE, *MOVED))


def test_the_picture_is_drawn_from_the_code():
    spec = importlib.util.spec_from_file_location("states_picture", ROOT / "docs" / "states_picture.py")
    assert spec is not None
    assert spec.loader is not None
    picture = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(picture)
    assert picture.PICTURE.read_text(encoding="utf-8") == picture.of_payouts(), "run docs/states_picture.py"


def test_the_rules_that_hold_are_those_of_the_code():
    told = {bare(row[0]) for row in table(PAGE, "set by", "why", "lifted by")}
    assert told == {"staff", holding.RESTORED, *_rules_in_the_code()}


def _rules_in_the_code() -> set[str]:
    """Whatever is handed over as the rule of a hold, anywhere in the product."""
    found = {call.said("rule") for call in calls("hold_by_rule", "_our_alarm")}
    # A row says `incident:<id>` where the code says f"incident:{…}"; a rule that is only passed on is None.
    return {rule.replace("…", "<id>") for rule in found if rule}


def test_the_rails_are_those_of_the_code():
    named = {bare(row[1]) for row in table(PAGE, "what is held", "name", "what stops")} - {"–"}
    assert named == set(rails_of("<name>", "<code>"))
    assert holding.EVERYTHING in named


def test_the_gates_are_those_of_the_code():
    told = [(bare(row[0]), ASKED[bare(row[2])]) for row in table(PAGE, "gate", "passes when", "first asked")]
    assert told == [(gate.name, gate.stage) for gate in GATES]


def test_every_state_of_an_attempt_is_explained():
    told = {bare(row[0]): bare(row[2]) == "yes" for row in table(PAGE, *ATTEMPTS)}
    assert told == {state.value: state.value in OPEN_ATTEMPTS for state in AttemptState}


def test_the_moves_of_attempts_name_their_states_only():
    moves = [
        pair for row in table(PAGE, "from", "to", "when") for pair in product(words(row[0]), words(row[1]))
    ]
    assert {state for pair in moves for state in pair} == set(AttemptState.values)
    assert len(moves) == len(set(moves))


def test_every_state_of_a_batch_is_explained():
    assert set(column(PAGE, ("state", "what it means"), "state")) == set(BatchState.values)


@pytest.mark.parametrize(
    ("header", "choices"),
    [
        (("purpose", "what it is"), Payable.Purpose),
        (("waits for", "why, and who ends it"), Payable.Waits),
        (("settled", "how it ended"), Payable.Settled),
    ],
)
def test_what_waits_before_a_payout_is_explained(header: tuple[str, str], choices: type[TextChoices]):
    assert set(column(PAGE, header, header[0])) == set(choices.values) - {""}
