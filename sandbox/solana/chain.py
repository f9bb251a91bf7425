"""The chain's time: heights, slots, blockhashes, and how far each commitment sees; it knows no transaction."""

from __future__ import annotations

import hashlib
from typing import Final

from solders.hash import Hash

from sandbox.core import World

LIFE: Final = 150
"""Blocks for which a blockhash is good."""
DEPTHS: Final = {"processed": 0, "confirmed": 1, "finalized": 32}
FIRST_HEIGHT: Final = 300_000_000
_GAP: Final = 22_000_000
"""By how much slots were ahead of heights at the start, as on mainnet."""
_SKIPPED_EVERY: Final = 20


def slot_of(height: int) -> int:
    """Give the slot of a block: one slot in so many is skipped, so slots run ahead of heights."""
    return height + _GAP + height // _SKIPPED_EVERY


class Chain:
    """Blocks come by themselves as the clock goes; steering may let more pass. Nothing is stored per block."""

    def __init__(self, world: World, *, block_s: float) -> None:
        self._world = world
        self._block_s = block_s
        self._started = world.clock.time()
        self._seed = world.token(16)
        self._skipped = 0
        self._issued: dict[str, int] = {}

    def begin(self) -> None:
        """Start a chain of its own, unlike any before."""
        self._started = self._world.clock.time()
        self._seed = self._world.token(16)
        self._skipped = 0
        self._issued.clear()
        self.keep()

    def keep(self) -> None:
        """Write down what the blocks follow from."""
        self._world.journal.write("chain", [self._started, self._seed, self._skipped])

    def restore(self, fact: list[object]) -> None:
        """Go on with the chain of the state file; it went on meanwhile."""
        started, seed, skipped = fact
        assert isinstance(started, float)
        assert isinstance(skipped, int)
        self._started, self._seed, self._skipped = started, str(seed), skipped
        newest = self.height()
        for height in range(max(FIRST_HEIGHT, newest - LIFE), newest + 1):
            self.blockhash(height)

    @property
    def block_s(self) -> float:
        """Give the seconds between two blocks."""
        return self._block_s

    def height(self, commitment: str = "processed") -> int:
        """Give the height of the newest block that a commitment sees."""
        passed = int((self._world.clock.time() - self._started) / self._block_s) + self._skipped
        return FIRST_HEIGHT + max(passed - DEPTHS[commitment], 0)

    def slot(self, commitment: str = "processed") -> int:
        """Give the slot of the newest block that a commitment sees."""
        return slot_of(self.height(commitment))

    def time_of(self, slot: int) -> int:
        """Say when a slot was, as if blocks had always come at their pace."""
        return int(self._world.clock.time() - max(self.slot() - slot, 0) * self._block_s)

    def pass_blocks(self, count: int) -> None:
        """Let so many blocks pass at once."""
        self._skipped += count
        self.keep()

    def blockhash(self, height: int) -> Hash:
        """Give the hash of a block, and remember that somebody knows it."""
        found = Hash(hashlib.sha256(f"{self._seed} {height}".encode()).digest())
        self._issued[str(found)] = height
        return found

    def genesis_hash(self) -> str:
        """Give what names this cluster: the same for every sandbox."""
        return str(Hash(hashlib.sha256(b"marketplace-payouts sandbox").digest()))

    def height_of(self, blockhash: str) -> int | None:
        """Say which block a hash is of, or None where it is nobody's."""
        return self._issued.get(blockhash)

    def is_good(self, blockhash: str, *, at: int) -> bool:
        """Say whether a transaction with this hash may stand in the block of a height."""
        height = self.height_of(blockhash)
        return height is not None and height <= at <= height + LIFE
