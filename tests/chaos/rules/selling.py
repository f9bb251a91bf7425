"""What happens in Sharetribe, and how we come to know of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from flexsync import poller, replaying, resync
from payouts.models import Source
from tests.chaos.miniature import LARGE
from tests.chaos.rules.base import NTH, SELLER, History, pick

EVENT_FAULTS: Final = st.sampled_from(["", "", "event_duplicate", "event_late_visible", "event_unknown_type"])


class Selling(History):
    """Buyers, sellers, and Sharetribe between them."""

    @initialize(seller=SELLER, price=st.sampled_from([10_000, LARGE]), sent=st.integers(0, 3))
    def it_begins(self, seller: str, price: int, sent: int) -> None:
        """Somebody sold something; how far it has come differs."""
        self.sell(seller=seller, price=price, fault="")
        if sent:
            self.world.until_approved()
        if sent > 1:
            self.world.reread()

    @rule(seller=SELLER, price=st.sampled_from([1_000, 10_000, LARGE]), fault=EVENT_FAULTS)
    def sell(self, seller: str, price: int, fault: str) -> None:
        """Sell something; its event may come twice, late, or beside nonsense."""
        if fault:
            self.world.flex.fault(fault, times=1, seconds=1)
        self.sales.append(self.world.sale(self.world.payee_called(seller), price=price))

    @precondition(lambda self: self.sales)
    @rule(nth=NTH, part=st.sampled_from([500, 900, 0]))
    def refund(self, nth: int, part: int) -> None:
        """Give the buyer a part back, or everything."""
        sale = self.sales[nth % len(self.sales)]
        try:
            if part:
                self.world.refund(sale, amount=part)
            else:
                self.world.transition(sale, "operator-refund")
        except RuntimeError:
            return  # there is not so much left, or it is refunded already

    @rule()
    def hear(self) -> None:
        """Poll, without understanding what is heard."""
        poller.poll(limit_seconds=0, now=self.world.now)

    @rule()
    def understand(self) -> None:
        """Understand what was heard."""
        self.world.understand()

    @rule(nth=NTH)
    def replay(self, nth: int) -> None:
        """Understand a transaction anew."""
        if source := pick(Source.objects.all(), nth):
            replaying.replay(source_id=source.pk, now=self.world.now)

    @rule(days=st.sampled_from([0, 1, None]))
    def resync(self, days: int | None) -> None:
        """Walk the transactions for what no event brought: lately, or all of them."""
        since = None if days is None else self.world.now - timedelta(days=days)
        resync.resync(since=since, now=self.world.now)

    @precondition(lambda self: self.sales)
    @rule(nth=NTH)
    def resync_one(self, nth: int) -> None:
        """Look one transaction up."""
        resync.resync_one(reference=UUID(self.sales[nth % len(self.sales)]), now=self.world.now)
