"""Sealing payout details, fingerprinting them for comparison, and digests of what was seen.

Sealed bytes are: a format byte, the length of the key's id, the id, a nonce, and the AES-GCM ciphertext with its tag.
The head and the caller's associated data are both authenticated, so a ciphertext cannot be moved to another row or
be passed off as sealed under another key.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Any, Final, NoReturn
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from marketplace_payouts.lib.clock import in_utc
from marketplace_payouts.lib.money import Money

_FORMAT: Final = b"\x01"
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_KEY_BYTES: Final = 32
_KEY_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")
_CANONICAL: Final = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)
_DEFAULT_FINGERPRINT_KEY_ID: Final = "fp1"
_SHORTEST_FINGERPRINT_KEY: Final = 24


class CryptoError(Exception):
    """Sealing or opening is not possible."""


class BadKeys(CryptoError):
    """The setting with the keys cannot be used; says what is wrong with it, never what is in it."""


class WrongKey(CryptoError):
    """Something was sealed under a key that we do not hold."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"It was sealed under the key {key_id!r}, which is not among DETAILS_KEYS.")
        self.key_id = key_id


class Tampered(CryptoError):
    """Sealed bytes are damaged, were changed, or belong to another row."""


@dataclass(frozen=True, slots=True)
class DetailsKeys:
    """The keys that payout details are sealed under, the newest first; old ones stay to open what they sealed."""

    _keys: tuple[tuple[str, bytes], ...] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> DetailsKeys:
        """Read ``id:base64,id:base64``, each key 32 bytes.

        :raises BadKeys: when there is no key, or one of them is malformed or named twice.
        """
        keys = tuple(
            _parse_key(part.strip(), setting="DETAILS_KEYS") for part in text.split(",") if part.strip()
        )
        if not keys:
            raise BadKeys("DETAILS_KEYS is empty: give it as id:base64, with 32 random bytes.")
        if len({key_id for key_id, _ in keys}) != len(keys):
            raise BadKeys("DETAILS_KEYS names one id twice.")
        return cls(keys)

    def seal(self, plaintext: bytes, *, aad: bytes) -> bytes:
        """Encrypt under the newest key, bound to `aad` (the id of the row that it lies in)."""
        key_id, key = self._keys[0]
        head = _FORMAT + bytes([len(key_id)]) + key_id.encode()
        nonce = os.urandom(_NONCE_BYTES)
        return head + nonce + AESGCM(key).encrypt(nonce, plaintext, head + aad)

    def open(self, sealed: bytes, *, aad: bytes) -> bytes:
        """Decrypt what was sealed with the same `aad`.

        :raises WrongKey: when its key is not among ours.
        :raises Tampered: when it is damaged, was changed, or was sealed with other associated data.
        """
        sealed = bytes(sealed)
        key_id = sealed_under(sealed)
        key = dict(self._keys).get(key_id)
        if key is None:
            raise WrongKey(key_id)
        head_bytes = 2 + len(key_id)
        head, rest = sealed[:head_bytes], sealed[head_bytes:]
        try:
            return AESGCM(key).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], head + aad)
        except InvalidTag:
            raise Tampered("The sealed details do not fit their row or were changed.") from None


def sealed_under(sealed: bytes) -> str:
    """Give the id of the key that something was sealed under, without opening it (rotation asks this).

    :raises Tampered: when these are no sealed bytes.
    """
    sealed = bytes(sealed)
    length = sealed[1] if len(sealed) > 1 else 0
    key_id = sealed[2 : 2 + length].decode("ascii", "replace")
    whole = len(sealed) >= 2 + length + _NONCE_BYTES + _TAG_BYTES
    if sealed[:1] != _FORMAT or not whole or not _KEY_ID.fullmatch(key_id):
        raise Tampered("These are no sealed bytes.")
    return key_id


def seal(plaintext: bytes, *, aad: bytes) -> bytes:
    """Encrypt under the newest of DETAILS_KEYS, bound to `aad`.

    :raises BadKeys: when the setting is missing or malformed.
    """
    return _details_keys(settings.DETAILS_KEYS).seal(plaintext, aad=aad)


def open(sealed: bytes, *, aad: bytes) -> bytes:  # noqa: A001 - always called as crypto.open
    """Decrypt with DETAILS_KEYS what was sealed with the same `aad`.

    :raises BadKeys: when the setting is missing or malformed.
    :raises WrongKey: when its key is not among ours.
    :raises Tampered: when it is damaged, was changed, or was sealed with other associated data.
    """
    return _details_keys(settings.DETAILS_KEYS).open(sealed, aad=aad)


def fingerprint(text: str, *, key: str | None = None) -> str:
    """Give a keyed fingerprint such as ``fp1:9c56…``, equal for equal texts, telling nothing about them.

    `key` is ``id:secret``, or the secret alone (then its id is ``fp1``); without it, FINGERPRINT_KEY is taken. Bring
    the text into one form (case, blanks) before.

    :raises BadKeys: when the key is missing, too short or malformed.
    """
    key_id, secret = _fingerprint_key(settings.FINGERPRINT_KEY if key is None else key)
    return f"{key_id}:{hmac.digest(secret, text.encode(), 'sha256').hex()}"


def constant_time_equal(left: str | bytes, right: str | bytes) -> bool:
    """Compare two secrets in a time that does not tell where they differ."""
    return hmac.compare_digest(_as_bytes(left), _as_bytes(right))


def digest(value: object) -> bytes:
    """Give the SHA-256 of a value's canonical JSON; equal content gives equal bytes, whatever the order of keys.

    Takes what JSON takes, and `Money`, UUIDs, dates, aware datetimes, decimals and enumerations.

    :raises TypeError: when it holds anything else, or a key that is not text.
    :raises ValueError: when it holds NaN, infinity, or a datetime without a zone.
    """
    return hashlib.sha256(canonical_json(value)).digest()


def canonical_json(value: object) -> bytes:
    """Give the one JSON form of a value that `digest` hashes; raises as `digest` does."""
    return _CANONICAL.encode(_plain(value)).encode("utf-8", "surrogatepass")


def _plain(value: object) -> object:
    # Almost everything is one of these, and a digest is computed for every event of every payout.
    kind = type(value)
    if kind in _PLAIN_ALREADY:
        return value
    if kind in _MADE_PLAIN:
        return _MADE_PLAIN[kind](value)
    match value:
        case Enum():
            return _plain(value.value)
        case None | bool() | int() | str():
            return value
        case Mapping():
            return _plain_mapping(value)
        case list() | tuple():
            return _plain_list(value)
        case _:
            return _plain_scalar(value)


def _plain_mapping(value: Mapping[object, object]) -> dict[str, object]:
    return {
        key if type(key) is str else _text_key(key): entry if type(entry) is str else _plain(entry)
        for key, entry in value.items()
    }


def _plain_list(value: Sequence[object]) -> list[object]:
    return [_plain(entry) for entry in value]


def _plain_scalar(value: object) -> object:
    match value:
        case float() | Decimal():
            return _plain_number(Decimal(repr(value)) if isinstance(value, float) else value)
        case Money():
            return value.to_json()
        case UUID():
            return str(value)
        case datetime():
            return _moment(value)
        case date():
            return value.isoformat()
        case _:
            raise TypeError(f"{type(value).__name__} has no canonical form.")


@lru_cache(maxsize=64)
def _moment(value: datetime) -> str:
    """One moment stands in all events of a set."""
    return in_utc(value).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


_PLAIN_ALREADY: Final = frozenset({str, int, bool, type(None)})
_MADE_PLAIN: Final[dict[type, Callable[[Any], object]]] = {
    dict: _plain_mapping,
    list: _plain_list,
    UUID: str,
    datetime: _moment,
}


def _plain_number(value: Decimal) -> int | str:
    # A store may give 2 back where 2.0 went in: equal numbers must have one form.
    if not value.is_finite():
        raise ValueError("NaN and infinity have no canonical form.")
    if value == value.to_integral_value():
        return int(value)
    return format(value.normalize(), "f")


def _text_key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError("Keys of canonical JSON must be text.")
    return key


@lru_cache(maxsize=8)
def _details_keys(text: str) -> DetailsKeys:
    return DetailsKeys.parse(text or "")


@lru_cache(maxsize=8)
def _fingerprint_key(text: str) -> tuple[str, bytes]:
    key_id, separator, secret = text.strip().rpartition(":")
    # HMAC takes a key of any form, so the text itself is the key, base64 or not.
    if len(secret) < _SHORTEST_FINGERPRINT_KEY:
        raise BadKeys("FINGERPRINT_KEY is missing or too short: give 32 random bytes as base64.")
    if separator and not _KEY_ID.fullmatch(key_id):
        raise BadKeys("The id of FINGERPRINT_KEY may hold letters, digits, - and _ only.")
    return key_id or _DEFAULT_FINGERPRINT_KEY_ID, secret.encode()


def _parse_key(text: str, *, setting: str) -> tuple[str, bytes]:
    key_id, separator, encoded = text.partition(":")
    if not separator or not _KEY_ID.fullmatch(key_id):
        # The text is not quoted: a key given without its id would end up in a log.
        raise BadKeys(f"A key of {setting} has no id: give it as id:base64.")
    try:
        key = base64.b64decode(encoded.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        _refuse(setting, key_id, "is not base64")
    if len(key) != _KEY_BYTES:
        _refuse(setting, key_id, f"has {len(key)} bytes instead of {_KEY_BYTES}")
    return key_id, key


def _refuse(setting: str, key_id: str, what: str) -> NoReturn:
    raise BadKeys(f"The key {key_id!r} of {setting} {what}.") from None


def _as_bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value
