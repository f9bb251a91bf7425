"""What is sealed stays bound to its row, and digests do not depend on how a value was built."""

import base64
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum
from types import MappingProxyType
from uuid import UUID

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from marketplace_payouts.lib import crypto
from marketplace_payouts.lib.crypto import BadKeys, DetailsKeys, Tampered, WrongKey
from marketplace_payouts.lib.money import Money

OLD = "k1:" + base64.b64encode(b"o" * 32).decode()
NEW = "k2:" + base64.urlsafe_b64encode(b"\xff" * 32).decode()
keys = DetailsKeys.parse(f"{NEW}, {OLD}")


@given(st.binary(max_size=200), st.binary(max_size=40))
def test_opens_what_it_sealed(plaintext: bytes, aad: bytes) -> None:
    sealed = keys.seal(plaintext, aad=aad)
    assert keys.open(sealed, aad=aad) == plaintext
    assert keys.open(memoryview(sealed), aad=aad) == plaintext  # type: ignore[arg-type]


def test_seals_the_same_differently_each_time() -> None:
    assert keys.seal(b"iban", aad=b"row") != keys.seal(b"iban", aad=b"row")


def test_opens_under_an_old_key_and_seals_under_the_new() -> None:
    sealed = DetailsKeys.parse(OLD).seal(b"iban", aad=b"row")
    assert crypto.sealed_under(sealed) == "k1"
    assert keys.open(sealed, aad=b"row") == b"iban"
    assert crypto.sealed_under(keys.seal(b"iban", aad=b"row")) == "k2"


def test_names_the_key_it_does_not_hold() -> None:
    with pytest.raises(WrongKey, match="k2"):
        DetailsKeys.parse(OLD).open(keys.seal(b"iban", aad=b"row"), aad=b"row")


def test_refuses_another_row() -> None:
    with pytest.raises(Tampered):
        keys.open(keys.seal(b"iban", aad=b"row 1"), aad=b"row 2")


@given(st.data())
def test_refuses_any_change(data: st.DataObject) -> None:
    sealed = bytearray(keys.seal(b"iban", aad=b"row"))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises((Tampered, WrongKey)):
        keys.open(bytes(sealed), aad=b"row")


@given(st.binary(max_size=60))
def test_refuses_noise(noise: bytes) -> None:
    with pytest.raises((Tampered, WrongKey)):
        keys.open(noise, aad=b"")


@pytest.mark.parametrize(
    "text", ["", " , ", "nokey", ":" + "A" * 44, "k1:???", "k1:QUJD", f"{OLD},{OLD}", "k 1:" + OLD[3:]]
)
def test_refuses_a_malformed_setting_without_quoting_it(text: str) -> None:
    with pytest.raises(BadKeys) as refused:
        DetailsKeys.parse(text)
    assert "QUJD" not in str(refused.value)
    assert OLD[3:] not in str(refused.value)


def test_shows_no_key() -> None:
    assert "b'" not in repr(keys)
    assert "oooo" not in repr(keys)


@override_settings(DETAILS_KEYS=OLD, FINGERPRINT_KEY="f9:" + OLD[3:])
def test_takes_its_keys_from_the_settings() -> None:
    assert crypto.open(crypto.seal(b"iban", aad=b"row"), aad=b"row") == b"iban"
    assert crypto.fingerprint("DE89").startswith("f9:")


@override_settings(DETAILS_KEYS="", FINGERPRINT_KEY="")
def test_says_which_setting_is_missing() -> None:
    with pytest.raises(BadKeys, match="DETAILS_KEYS"):
        crypto.seal(b"iban", aad=b"row")
    with pytest.raises(BadKeys, match="FINGERPRINT_KEY"):
        crypto.fingerprint("DE89")


def test_fingerprints_depend_on_text_and_key() -> None:
    first = crypto.fingerprint("DE89", key=OLD[3:])
    assert first == crypto.fingerprint("DE89", key=OLD[3:])
    assert first.startswith("fp1:")
    assert len(first) == 68
    assert first != crypto.fingerprint("DE88", key=OLD[3:])
    assert first[4:] != crypto.fingerprint("DE89", key=NEW)[3:]


@pytest.mark.parametrize("key", ["weak", "id:weak", "a b:" + "x" * 40, ":" + "x" * 10])
def test_refuses_a_weak_fingerprint_key(key: str) -> None:
    with pytest.raises(BadKeys) as refused:
        crypto.fingerprint("DE89", key=key)
    assert key not in str(refused.value)


def test_compares_secrets() -> None:
    assert crypto.constant_time_equal("é", "é".encode())
    assert not crypto.constant_time_equal("a", "b")


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


def test_has_one_form_for_equal_values() -> None:
    moment = datetime(2026, 1, 1, 12, tzinfo=UTC)
    left = {
        "b": [1, 2.0, Decimal("1.50")],
        "a": Colour.RED,
        "m": Money(5, "EUR"),
        "t": moment,
        "l": Level.LOW,
    }
    right = {
        "l": 1,
        "t": moment.astimezone(timezone(timedelta(hours=5))),
        "m": {"currency": "EUR", "units": "5"},
        "a": "red",
        "b": (1.0, 2, 1.5),
    }
    assert crypto.digest(left) == crypto.digest(right)
    assert crypto.digest(UUID(int=1)) == crypto.digest("00000000-0000-0000-0000-000000000001")
    assert crypto.digest(date(2026, 1, 1)) == crypto.digest("2026-01-01")


def test_tells_different_values_apart() -> None:
    values: list[object] = [None, 0, False, "", "0", [], {}, [[]], {"a": None}, {"a": 0}, {"a": "0"}]
    assert len({crypto.digest(value) for value in values}) == len(values)


@pytest.mark.parametrize("value", [object(), {1: 2}, b"x", {1, 2}, {"a": [object()]}])
def test_refuses_what_has_no_form(value: object) -> None:
    with pytest.raises(TypeError):
        crypto.digest(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN"), datetime(2026, 1, 1)])  # noqa: DTZ001
def test_refuses_what_is_no_value(value: object) -> None:
    with pytest.raises(ValueError):
        crypto.digest(value)


def test_a_digest_is_the_same_for_plain_and_for_other_mappings():
    inner = {"n": 1, "at": None, "list": ["a", 2, {"b": True}]}
    assert crypto.digest({"inner": inner}) == crypto.digest(
        MappingProxyType({"inner": MappingProxyType(inner)})
    )


def test_a_digest_refuses_keys_that_are_no_text_at_any_depth():
    with pytest.raises(TypeError):
        crypto.digest({"inner": [{1: "one"}]})
