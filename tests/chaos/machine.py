"""The state machine: everything that may happen to an installation, and what holds all the while."""

from __future__ import annotations

from hypothesis.stateful import invariant

from tests.chaos.rules.deciding import Deciding
from tests.chaos.rules.hearing import Hearing
from tests.chaos.rules.losing import Losing
from tests.chaos.rules.selling import Selling
from tests.chaos.rules.sending import Sending


class Machine(Selling, Deciding, Sending, Hearing, Losing):
    """Histories, and the promises asked of them."""

    @invariant()
    def the_promises_hold(self) -> None:
        """After every step."""
        broken = self.world.promises.broken(now=self.world.now, at_rest=False)
        assert not broken, "\n".join(broken)

    def teardown(self) -> None:
        """In the end, with nothing going wrong any more, everything comes to rest, and nothing is late."""
        try:
            left = self.world.come_to_rest()
            assert not left, "\n".join(left)
            broken = self.world.promises.broken(now=self.world.now)
            assert not broken, "\n".join(broken)
            late = self.world.go_on_resting()
            assert not late, "\n".join(late)
        finally:
            self.world.leave()
