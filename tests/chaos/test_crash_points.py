"""Each commit and each call of the world in the stages has its crash points, or a reason not to."""

from __future__ import annotations

from typing import Final

import pytest

from marketplace_payouts.lib import crash_points
from tests.chaos import sites

_PERSON: Final = "A person's act in one transaction, with nothing after it."
_TOLD: Final = "tell.before_call and tell.after_call are around it."
_READS: Final = "Only reads."

EXCUSED: Final = {
    ("payouts.webhooks.work_off", "payouts.webhooks._adopt"): (
        "After its twelfth try a delivery is given up; before that it is as at adopt.after_call."
    ),
    ("payouts.approval.revoke", ""): _PERSON,
    ("payments.stripe.inbox.work_off_again", ""): _PERSON,
    ("payments.recording.record", ""): (
        "Within a stage's transaction, or at a door that answers afterwards: who is not answered says it again."
    ),
    ("payments.recording.explain", ""): _PERSON,
    ("payouts.holding.hold", ""): _PERSON,
    ("payouts.holding.lift", ""): _PERSON,
    ("payouts.holding.freeze", ""): _PERSON,
    ("payouts.holding.thaw", ""): _PERSON,
    ("payouts.alerts._alert", "EmailMessage.send"): _TOLD,
    ("payouts.alerts._alert", "requests.post"): _TOLD,
    ("payouts.notices.switches.set_off", ""): "A payee's word in one transaction.",
    ("payouts.notices.switches.switch", ""): "A payee's word in one statement.",
    ("payouts.cases.ask", ""): "A payee's question in one transaction.",
    ("payouts.cases.answer", ""): _PERSON,
    (
        "payouts.cases.tell",
        "CaseMessage.objects.filter.update",
    ): "It repeats for staff what the notice says; dying before it is dying at tell.before_call.",
    ("accounts.payee_door.codes.mail", ""): "Told once more, it mails another code in place of the former.",
    ("accounts.payee_door.codes.redeem", ""): "A payee's word in one transaction.",
    ("accounts.visits._made", ""): "A first visit in one transaction, found by the next.",
    ("accounts.sharetribe.ask", "client.current_user"): _READS,
    ("accounts.sharetribe._read_only", "client.is_their_own"): _READS,
    ("payouts.tasks.alone", "function"): "What it is handed has points of its own.",
    (
        "payouts.subscriptions.purging.purge",
        "former.update",
    ): "A secret that signs no more, found by the next.",
    ("payouts.item_readings.view_of", "provider.fetch"): _READS,
    ("payouts.item_readings._ask", "provider.fetch_item"): _READS,
    ("payouts.item_readings._ask_for_another", "provider.fetch_item"): _READS,
    ("payouts.chain_heads._lines", ""): _READS,
    ("payouts.chain_heads.publish", ""): "Done once more it gives the same, and tells nobody anew.",
    ("payouts.chains.broken", ""): _READS,
    ("payouts.invariants.base.ask", ""): _READS,
    ("payouts.invariants.running.check_and_act", ""): "What it found is found again by the next.",
    (
        "flexsync.tasks.daily_resync",
        "resync_lately",
    ): "It notes up to when it walked; the next walks further back.",
    ("flexsync.interpreter._one_by_one", "transaction"): (
        "What fails is put aside in one statement; dying before it is dying at understand_one.before_commit."
    ),
    ("flexsync.interpreter._one_by_one", "commit"): (
        "What is put aside is tried again; dying after it is dying before the next."
    ),
    ("flexsync.resync.resync_one", "calls.client.transaction"): "Only reads; the walk stores.",
    ("flexsync.resync.resync", "client.transactions"): "Reads page by page while the walk stores.",
    ("flexsync.identity.confirm", "calls.client.marketplace_show"): "Only reads, before anything is begun.",
    ("flexsync.calls.side_by_side", "client.side_by_side"): "The calls that it runs have their own points.",
    ("flexsync.profiles.read_profiles", "calls.client.user"): "Names and addresses, read anew by the next.",
    ("flexsync.profiles.read", "calls.client.user"): "Names and addresses, read anew by the next.",
    ("flexsync.profiles.read_profiles", "transaction"): "Names and addresses, in one statement.",
    ("flexsync.profiles.read_profiles", "commit"): "Names and addresses, in one statement.",
}
"""(function, what the finding names, if not any) → why a crash point there would be pointless."""

FUNCTIONS: Final = sites.read(sites.sources())
MODULES: Final = sites.modules(FUNCTIONS, sites.starts())

SAMPLE: Final = """
def stage(*, now):
    with transaction.atomic():
        rowsets.update(Payout, rows)
        crash_point("a.before_commit")
    crash_point("a.after_commit")

def ask(*, now):
    crash_point("b.before_call")
    answer = provider.fetch(reference)
    crash_point("b.after_call")
    record(answer)
    crash_point("c.after_commit")

def record(answer):
    Batch.objects.filter(pk=answer).update(state="sent")
"""


def _reason(function: str, sentence: str) -> str:
    return next((why for (name, part), why in EXCUSED.items() if name == function and part in sentence), "")


@pytest.mark.parametrize("module", MODULES)
def test_every_commit_and_call_has_its_points(module: str) -> None:
    found = [(name, sentence) for name, sentence in sites.unguarded(module, FUNCTIONS)]
    assert not [f"{name} {sentence}" for name, sentence in found if not _reason(name, sentence)]


def test_every_excuse_is_needed() -> None:
    found = [one for module in MODULES for one in sites.unguarded(module, FUNCTIONS)]
    needed = {key for name, sentence in found for key in EXCUSED if key[0] == name and key[1] in sentence}
    assert EXCUSED.keys() == needed
    writers = {name for name, one in FUNCTIONS.items() if any(event.kind == "write" for event in one.events)}
    assert sites.EXCUSED_WRITERS.keys() <= writers


def test_whatever_work_comes_to_is_looked_at() -> None:
    assert set(sites.starts()) <= FUNCTIONS.keys()
    # Three calls away from a stage, from a handler, and from what comes round.
    assert {"payouts.ledger", "flexsync.telling", "payouts.chains"} <= set(MODULES)


def test_every_point_stands_at_one_place_and_in_the_registry() -> None:
    used = sites.points_used()
    assert {name: places for name, places in used.items() if len(places) > 1} == {}
    assert used.keys() == crash_points.POINTS.keys()


@pytest.mark.parametrize(
    "line", [number for number, text in enumerate(SAMPLE.splitlines()) if "crash_point" in text]
)
def test_a_point_that_is_taken_away_is_missed(line: int) -> None:
    lines = SAMPLE.splitlines()
    assert list(sites.unguarded("sample", sites.read({"sample": SAMPLE}))) == []
    left = "\n".join([*lines[:line], *lines[line + 1 :]])
    assert list(sites.unguarded("sample", sites.read({"sample": left})))


def test_a_function_that_is_a_transaction_as_a_whole_is_found() -> None:
    whole = (
        SAMPLE
        + """
@transaction.atomic
def stage_as_a_whole(*, now):
    rowsets.update(Payout, rows)
"""
    )
    sentences = [sentence for _, sentence in sites.unguarded("sample", sites.read({"sample": whole}))]
    assert [sentence.partition(": ")[2] for sentence in sentences] == [
        "the transaction does not end with a crash point",
        "no crash point follows the commit",
    ]


def test_points_are_inert_unless_a_hook_is_installed() -> None:
    crash_points.crash_point("this is no point at all")
