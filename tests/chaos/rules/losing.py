"""Time that goes by, and a database that goes back in it."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.chaos.rules.base import History


class Losing(History):
    """The clock, the disk, and the engineer."""

    @rule(hours=st.sampled_from([0.01, 0.1, 1, 25, 80]))
    def time_goes_by(self, hours: float) -> None:
        """Leases end, what is late lands, approvals expire, keys are forgotten."""
        self.ground.pass_time(hours=hours)
        for till in self.world.tills:
            till.land()

    @precondition(lambda self: self.world.backup is None and not self.world.promises.is_restored)
    @rule()
    def back_up(self) -> None:
        """Keep the database as it is."""
        self.world.take_backup()

    @precondition(lambda self: self.world.backup is not None)
    @rule()
    def restore(self) -> None:
        """Put the backup back, in another database."""
        self.world.put_back()

    @precondition(lambda self: self.world.backup is not None)
    @rule()
    def put_the_disk_back(self) -> None:
        """Put a snapshot of the disk back, which looks like the same database; what was read before is old by then.

        Nobody compares it with anything: only what the transactions themselves say keeps it from paying once more.
        """
        self.world.hear_back()
        if not self.world.is_all_told():
            return
        self.world.put_back(looks_the_same=True)
        self.world.remember_payments_by_hand()
        old = settings.SOURCE_CHECK_VALID_FOR + timedelta(seconds=1)
        self.ground.pass_time(seconds=old.total_seconds())

    @precondition(lambda self: self.world.promises.is_restored)
    @rule()
    def after_restore(self) -> None:
        """Be the engineer."""
        self.world.after_restore()
