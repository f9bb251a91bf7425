"""The processes of the sandbox: the one that ships, and Sharetribe's own."""

import re

import pytest

from sandbox.flex import edn
from sandbox.flex.default_processes import default_processes
from sandbox.flex.processes import (
    EXAMPLE_FILE,
    PAYOUT_ACTION,
    Earliest,
    Process,
    ProcessError,
    Shifted,
    Timepoint,
    example,
    milliseconds,
    read,
)

ALL = [example(), *default_processes()]
BY_NAME = {process.name: process for process in ALL}
DAY = 86_400_000

# Which transitions make Sharetribe pay the provider itself, per process.
STRIPE_PAYS = {
    "payout-process": set(),
    "default-purchase": {
        "mark-received-from-purchased",
        "mark-received",
        "auto-mark-received",
        "mark-received-from-disputed",
    },
    "default-booking": {"complete", "operator-complete"},
    "default-download": {"auto-complete", "operator-complete", "operator-complete-from-reported"},
    "default-negotiation": {"accept-deliverable", "operator-accept-deliverable", "auto-accept-deliverable"},
    "default-inquiry": set(),
}


def test_edn_reads_what_a_process_needs():
    text = '; a comment\n{:a [1 -2 "x\\"y" true nil], :b/c (:d) ; another\n :e {} }'
    assert edn.loads(text) == {":a": [1, -2, 'x"y', True, None], ":b/c": [":d"], ":e": {}}


@pytest.mark.parametrize("text", ["", "{:a}", "[1", "[1)", "1 2", "#{1}", '"open'])
def test_edn_refuses_what_it_does_not_understand(text):
    with pytest.raises(edn.EdnError):
        edn.loads(text)


@pytest.mark.parametrize("process", ALL, ids=lambda process: process.name)
def test_every_state_can_be_reached(process: Process):
    for state in process.states:
        assert process.path_to(state)[-1].target == state


@pytest.mark.parametrize("process", ALL, ids=lambda process: process.name)
def test_transitions_leave_states_that_there_are(process: Process):
    for transition in process.transitions.values():
        assert transition.source is None or transition.source in process.states
        assert (transition.actor == "system") == (transition.at is not None)


@pytest.mark.parametrize("process", ALL, ids=lambda process: process.name)
def test_knows_where_sharetribe_pays_itself(process: Process):
    paying = {name for name, made in process.transitions.items() if PAYOUT_ACTION in made.actions}
    assert paying == {f"transition/{name}" for name in STRIPE_PAYS[process.name]}
    assert process.paid_by_stripe == bool(paying)


def test_the_example_has_no_stripe_action_and_computes_a_payout():
    text = EXAMPLE_FILE.read_text(encoding="utf-8")
    assert ":action/stripe" not in text
    orders = [t for t in example().transitions.values() if "action/privileged-set-line-items" in t.actions]
    assert {t.name for t in orders} >= {"transition/request-payment", "transition/operator-adjust"}


def test_the_example_keeps_privileged_actions_in_trusted_hands():
    # As Sharetribe demands: the transition is privileged, or the operator's.
    form = edn.loads(EXAMPLE_FILE.read_text(encoding="utf-8"))
    for transition in form[":transitions"]:
        actions = [action[":name"] for action in transition[":actions"]]
        if any(name.startswith(":action/privileged-") for name in actions):
            assert transition.get(":privileged?") or transition[":actor"] == ":actor.role/operator"
        assert ":from" in transition or transition[":actor"] == ":actor.role/customer"


def test_the_examples_readme_speaks_of_transitions_that_there_are():
    text = EXAMPLE_FILE.with_name("README.md").read_text(encoding="utf-8")
    table = [line for line in text.splitlines() if line.startswith("|")]
    named = {name for line in table for name in re.findall(r"`([a-z-]+)`", line)}
    known = {name.partition("/")[2] for name in (*example().transitions, *example().states)}
    assert named - known == set()


def test_reports_about_a_payout_carry_metadata():
    for name in ("sent", "paid", "failed", "returned"):
        transition = example().transitions[f"transition/operator-mark-payout-{name}"]
        assert transition.actor == "operator"
        assert "action/privileged-update-metadata" in transition.actions


def test_periods():
    assert milliseconds("P14D") == 14 * DAY
    assert milliseconds("P1W") == 7 * DAY
    assert milliseconds("PT15M") == 900_000
    assert milliseconds("P1DT2H3S") == DAY + 7_203_000
    for wrong in ("P", "14D", "P1Y", ""):
        with pytest.raises(ProcessError):
            milliseconds(wrong)


def test_reads_times_that_are_the_earliest_of_several():
    text = """
    {:format :v3 :transitions [
      {:name :transition/start :actor :actor.role/customer :actions [] :to :state/open}
      {:name :transition/close :actions [] :from :state/open :to :state/closed
       :at {:fn/min [{:fn/plus [{:fn/timepoint [:time/first-entered-state :state/open]} {:fn/period ["P6D"]}]}
                     {:fn/minus [{:fn/timepoint [:time/booking-end]} {:fn/period ["PT1H"]}]}]}}]}
    """
    at = read(name="tiny", text=text).transitions["transition/close"].at
    assert at == Earliest(
        (
            Shifted(Timepoint("time/first-entered-state", "state/open"), 6 * DAY),
            Shifted(Timepoint("time/booking-end"), -3_600_000),
        )
    )


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{:format :v2 :transitions []}",
        "{:format :v3 :transitions [{:name :transition/a :to :b :actions [{:name :action/unheard-of}]}]}",
        "{:format :v3 :transitions [{:name :transition/a :to :state/b :at {:fn/never []}}]}",
        "{:format :v3 :transitions [{:name :transition/a :to :state/b :at {:fn/timepoint [:time/tea]}}]}",
        '{:format :v3 :transitions [{:name "a" :to :state/b}]}',
    ],
)
def test_refuses_a_process_that_it_does_not_understand(text):
    with pytest.raises(ProcessError):
        read(name="wrong", text=text)


def test_no_way_leads_to_a_state_that_is_not_there():
    with pytest.raises(ProcessError):
        example().path_to("state/heaven")
