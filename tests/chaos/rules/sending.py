"""Sending, with whatever the tills answer, and dying in the middle."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import rule

from marketplace_payouts.lib import crash_points
from payouts import incarnation, outbox, submission, webhooks
from tests.chaos import tills
from tests.chaos.rules.base import History

DEATHS: Final = st.sampled_from(
    [point for point in crash_points.POINTS if point.split(".")[1] not in ("before_call", "after_learning")]
)


class Sending(History):
    """The workers."""

    @rule()
    def announce(self) -> None:
        """Read the transactions again, and announce."""
        self.world.reread()

    @rule(script=st.lists(st.sampled_from(tills.ANSWERS), min_size=1, max_size=3))
    def send(self, script: list[str]) -> None:
        """Send what may go; the tills answer so."""
        self.world.hand_in(*script)

    @rule(script=st.lists(st.sampled_from(tills.ANSWERS), min_size=1, max_size=3))
    def bring_out(self, script: list[str]) -> None:
        """Do all that is to be done until something is sent; the tills answer so."""
        if incarnation.is_accepted():
            self.world.until_sent(*script)

    @rule(point=DEATHS, nth=st.integers(1, 2))
    def die(self, point: str, nth: int) -> None:
        """A worker does its round, and dies at a crash point, if it comes there."""
        passed = 0

        def hook(name: str) -> None:
            nonlocal passed
            passed += name == point
            if name == point and passed == nth:
                raise tills.Died(point)

        crash_points.install(hook)
        try:
            self.world.dying(self._a_round)
        finally:
            crash_points.install(None)

    def _a_round(self) -> None:
        world = self.world
        world.hear()
        world.gather()
        world.let_decide()
        world.reread()
        submission.send(limit=15_000, now=world.now)
        webhooks.work_off(limit=100, now=world.now)
        world.ask()
        world.settle()
        outbox.tell(limit=100, now=world.now)
