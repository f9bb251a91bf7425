"""Ids for machines (UUIDv7) and short checksummed numbers for people (``PO-7K3M9-Q2XVC``)."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import threading
import time
import uuid
from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U
_VALUE: Final = {character: value for value, character in enumerate(_ALPHABET)}
# Nine random characters are 45 bits: among a million numbers a collision has odds of 1 in 70, and the database
# keeps them unique.
_RANDOM_CHARACTERS: Final = 9
_STRIDE_BYTES: Final = 6
_BODY: Final = _RANDOM_CHARACTERS + 1
_READ_AS: Final = str.maketrans("ILO", "110")
_PREFIX_READ_AS: Final = str.maketrans("01", "OI")
_PREFIX: Final = re.compile(r"[A-Z]{1,4}")


class BadNumber(ValueError):
    """A number as people write it is incomplete or mistyped."""


class _UuidSource:
    """Makes UUIDv7 that rise within this process, even when the clock stands still or runs back."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self._lock = threading.Lock()
        self._milliseconds = -1
        self._tail = 0
        self._strides = b""

    def take(self) -> uuid.UUID:
        now = time.time_ns() // 1_000_000
        with self._lock:
            if now > self._milliseconds:
                self._milliseconds = now
                # The top bit stays free, so that there is room to count up within the millisecond.
                self._tail = secrets.randbits(73)
            else:
                # A random stride rather than one, so that a neighbour cannot be guessed from a known id.
                self._tail += 1 + self._stride()
                if self._tail >> 74:
                    self._milliseconds += 1
                    self._tail = secrets.randbits(73)
            milliseconds, tail = self._milliseconds, self._tail
        value = milliseconds << 80 | 0x7 << 76 | (tail >> 62) << 64 | 0b10 << 62 | tail & (1 << 62) - 1
        return uuid.UUID(int=value)

    def _stride(self) -> int:
        """Take 48 random bits, had from the system in portions: asking it costs more than all the rest."""
        if not self._strides:
            self._strides = secrets.token_bytes(_STRIDE_BYTES * 256)
        stride, self._strides = self._strides[:_STRIDE_BYTES], self._strides[_STRIDE_BYTES:]
        return int.from_bytes(stride)


_source = _UuidSource()
# A child must not go on from its parent's counter, nor inherit a lock that a parent's thread holds.
os.register_at_fork(after_in_child=_source.restart)


def uuid7() -> uuid.UUID:
    """Make a random, time-ordered id as RFC 9562 §5.7 describes; each is greater than the last of this process."""
    return _source.take()


def uuid_or_none(text: str) -> uuid.UUID | None:
    """Read an id that somebody else wrote, or give None where it is none."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def public_number(*, prefix: str, source: uuid.UUID | None = None) -> str:
    """Make a number for people to read aloud and type: prefix, nine characters and a check character.

    With `source` the number follows from that id, always the same; without, it is random.

    :raises ValueError: when the prefix is not one to four capital letters.
    """
    if not _PREFIX.fullmatch(prefix):
        raise ValueError("A prefix is one to four capital letters.")
    if source is None:
        bits = secrets.randbits(5 * _RANDOM_CHARACTERS)
    else:
        seed = hashlib.sha256(prefix.encode() + source.bytes).digest()
        bits = int.from_bytes(seed[:8]) >> 64 - 5 * _RANDOM_CHARACTERS
    characters = "".join(_ALPHABET[bits >> 5 * place & 31] for place in range(_RANDOM_CHARACTERS))
    return _written(prefix=prefix, body=characters + _check_character(prefix=prefix, characters=characters))


def check_number(text: str, *, prefix: str | None = None) -> str:
    """Read a number as a person typed it and give it as we write it.

    Small letters, missing or odd separators, and the confusions O/0 and I/L/1 are put right.

    :raises BadNumber: when it is no such number, its check character is wrong, or the prefix is not the wanted one.
    """
    letters = re.sub(r"[^0-9A-Z]", "", text.upper()) if len(text) <= 40 else ""
    found = letters[:-_BODY].translate(_PREFIX_READ_AS)
    body = letters[-_BODY:].translate(_READ_AS)
    if not _PREFIX.fullmatch(found) or not all(character in _VALUE for character in body):
        raise BadNumber(f"{text[:40]!r} is not one of our numbers.")
    if _check_character(prefix=found, characters=body[:-1]) != body[-1]:
        raise BadNumber(f"{text[:40]!r} is mistyped: its last character does not fit the rest.")
    if prefix is not None and found != prefix:
        raise BadNumber(f"{text[:40]!r} does not begin with {prefix}.")
    return _written(prefix=found, body=body)


def _written(*, prefix: str, body: str) -> str:
    return f"{prefix}-{body[:5]}-{body[5:]}"


def _check_character(*, prefix: str, characters: str) -> str:
    # A polynomial over GF(32): each place has its own weight, so every single mistyped character and every swap of
    # two characters is noticed. The prefix takes part, so that a number does not pass under another prefix.
    total = 0
    for value in [ord(letter) & 31 for letter in prefix] + [_VALUE[character] for character in characters]:
        total = _doubled(total) ^ value
    return _ALPHABET[_doubled(total)]


def _doubled(value: int) -> int:
    value <<= 1
    return value ^ 0b100101 if value & 32 else value
