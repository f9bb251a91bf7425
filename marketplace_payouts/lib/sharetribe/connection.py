"""The way to one of Sharetribe's hosts, of which ten requests may be under way at once from our address."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Final

from marketplace_payouts.lib.held_slots import HeldSlots, held_slots
from marketplace_payouts.lib.http import HttpClient, Timeouts
from marketplace_payouts.lib.shared_state import NotGranted, slots
from marketplace_payouts.lib.sharetribe.errors import FlexBusy

FLEX_HOSTS: Final = ("flex-integ-api.sharetribe.com", "flex-api.sharetribe.com")

_HELD: ContextVar[HeldSlots | None] = ContextVar("flex_slots", default=None)
"""The slots that this thread's requests may use."""


class Connection:
    """Kept connections to one host, and the slots that all processes and threads share there.

    :raises BadBaseUrl: when the base URL is not one of Sharetribe's.
    """

    def __init__(
        self,
        *,
        base_url: str,
        allow_loopback_http: bool,
        timeouts: Timeouts,
        max_bytes: int,
        requests_at_once: int,
    ) -> None:
        self.http = HttpClient(
            base_url=base_url,
            allowed_hosts=FLEX_HOSTS,
            allow_loopback_http=allow_loopback_http,
            timeouts=timeouts,
            max_bytes=max_bytes,
            pool_size=requests_at_once,
        )
        self._name = f"flex requests to {self.http.host}"
        self._count = requests_at_once

    @contextmanager
    def slot(self, *, deadline: float) -> Iterator[None]:
        """Hold a slot for one request; `deadline` is on the monotonic clock.

        :raises FlexBusy: when all were in use all the time.
        """
        wait_s = max(deadline - time.monotonic(), 0.0)
        held = _HELD.get()
        slot = (
            held.one(wait_s=wait_s)
            if held is not None
            else slots(self._name, count=self._count, wait_s=wait_s)
        )
        with ExitStack() as stack:
            try:
                stack.enter_context(slot)
            except NotGranted:
                raise FlexBusy("All of our requests at once to Sharetribe were in use all the time") from None
            yield

    @contextmanager
    def slots_for(self, count: int) -> Iterator[HeldSlots]:
        """Hold up to so many slots for threads that make requests one after the other, each `using` them."""
        with held_slots(self._name, count=self._count, wanted=count) as held:
            yield held

    def close(self) -> None:
        """Close the kept connections."""
        self.http.close()


@contextmanager
def using(held: HeldSlots) -> Iterator[None]:
    """Let this thread's requests use slots that another one holds."""
    token = _HELD.set(held)
    try:
        yield
    finally:
        _HELD.reset(token)
