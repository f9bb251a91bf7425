"""Named places at which a test may kill, stall or break the process; inert unless enabled.

Each commit and each call of the world in a stage has one, registered here, so that a sweep can visit them all.
"""

from __future__ import annotations

from collections.abc import Callable

POINTS: dict[str, str] = {
    "poll.before_commit": "A page is fetched, nothing is stored",
    "poll.after_commit": "A page and its cursor are stored",
    "understand.before_commit": "Payables are computed, not committed",
    "understand.after_commit": "Payables are committed",
    "gather.before_commit": "Payouts are computed, not committed",
    "gather.after_commit": "Payouts are committed",
    "decide.before_commit": "Decisions are computed, not committed",
    "decide.after_commit": "Decisions are committed",
    "reread.before_call": "A transaction is about to be read again and the payout announced",
    "reread.after_call": "Sharetribe has answered, nothing is recorded",
    "reread.before_commit": "Checks and announcements are computed, not committed",
    "reread.after_commit": "Checks and announcements are committed",
    "send.before_intent": "Gates have passed, the intent is not committed",
    "send.after_intent": "The intent is committed, nothing is transmitted",
    "send.before_call": "The lock is held, the step is about to be transmitted",
    "send.after_call": "The provider has answered, nothing is recorded",
    "send.before_result": "The answer is computed, not committed",
    "send.after_result": "The answer is committed",
    "ask.before_call": "A provider is about to be asked",
    "ask.after_call": "The provider has answered, nothing is recorded",
    "ask.before_commit": "Observations are computed, not committed",
    "ask.after_commit": "Observations are committed",
    "settle.before_commit": "Observations are folded, not committed",
    "settle.after_commit": "Settled states are committed",
    "webhook.before_commit": "A delivery is verified, not stored",
    "webhook.after_commit": "A delivery is stored, not answered",
    "tell.before_call": "A message is claimed, not told",
    "tell.after_call": "A message is told, not marked",
    "tell.after_commit": "A message is marked as told",
    "write_back.before_call": "Sharetribe is about to be told the outcome",
    "write_back.after_call": "Sharetribe was told, nothing is recorded",
    "cancel.before_call": "A cancellation is about to be asked for",
    "cancel.after_call": "The provider has answered, nothing is recorded",
}

_hook: Callable[[str], None] | None = None


def crash_point(name: str) -> None:
    """This will do nothing, unless a test has installed a hook.

    :raises KeyError: when the point is not registered and a hook is installed.
    """
    if _hook is not None:
        POINTS[name]
        _hook(name)


def install(hook: Callable[[str], None] | None) -> None:
    """This will let a test act at every point; None makes them inert again."""
    global _hook
    _hook = hook
