"""The codec reads what the official SDK sends and writes what it reads."""

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.flex import transit
from sandbox.flex.values import (
    FractionalDecimal,
    Instant,
    Keyword,
    Money,
    Uuid,
    WholeDecimal,
    decimal,
    geo,
    instant,
    money,
    parse_instant,
)

# As the SDK's own serializer wrote it.
FROM_THE_SDK = (
    '["^ ","~:id","~u0e0b60fe-d9a2-11e6-bf26-cec0c932ce01","~:metadata",["^ ","~:payout",["^ ","~:status","paid",'
    '"~:amount",["~#mn",[100,"USD"]],"~:at","~m0","~:n",1.5,"~:x",null,"~:list",["a"]]]]'
)


def test_reads_a_body_of_the_official_sdk():
    read = transit.loads(FROM_THE_SDK)
    assert read["id"] == "0e0b60fe-d9a2-11e6-bf26-cec0c932ce01"
    assert type(read["id"]) is Uuid
    payout = read["metadata"]["payout"]
    assert payout == {
        "status": "paid",
        "amount": {"amount": 100, "currency": "USD"},
        "at": "1970-01-01T00:00:00.000Z",
        "n": 1.5,
        "x": None,
        "list": ["a"],
    }
    assert type(payout["amount"]) is Money
    assert type(payout["at"]) is Instant


def test_writes_it_back_byte_for_byte():
    assert transit.dumps(transit.loads(FROM_THE_SDK)).decode() == FROM_THE_SDK


def test_reads_cache_codes_for_keys_keywords_and_tags():
    document = (
        '[["^ ","~:code","~:line-item/day","~:total",["~#mn",[1,"EUR"]]],'
        '["^ ","^0","^1","^2",["^3",[2,"EUR"]],"~:quantity","~f2"]]'
    )
    first, second = transit.loads(document)
    assert (first["code"], second["code"]) == ("line-item/day", "line-item/day")
    assert type(second["code"]) is Keyword
    assert second["total"] == money(amount=2, currency="EUR")
    assert second["quantity"] == 2


def test_reads_the_verbose_form():
    document = (
        '{"~:id":"~u0e0b60fe-d9a2-11e6-bf26-cec0c932ce01",'
        '"~:price":{"~#mn":[5,"JPY"]},"~:at":"~t2020-12-07T19:45:38.721Z"}'
    )
    read = transit.loads(document)
    assert read["price"] == money(amount=5, currency="JPY")
    assert read["at"] == instant(1607370338721)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('["~#\'","~~tilde"]', "~tilde"),
        ('["~#\'","~^hat"]', "^hat"),
        ('["~#\'","~i9007199254740993"]', 9007199254740993),
        ('["~#\'","~n123456789012345678901234567890"]', 123456789012345678901234567890),
        ('["~#\'","~?t"]', True),
        ('["~#\'","~d1.5"]', 1.5),
        ('["~#set",[1,2]]', [1, 2]),
        ('["~#list",["a"]]', ["a"]),
        ('["~#geo",[60.1,24.9]]', {"lat": 60.1, "lng": 24.9}),
        ('["~#\'","~f10.50"]', 10.5),
        ("[]", []),
        ('["^ "]', {}),
    ],
)
def test_reads_scalars_and_tags(written, value):
    assert transit.loads(written) == value


@pytest.mark.parametrize(
    "nonsense",
    [
        "{",
        '["^ ","~:a"]',
        '["^0"]',
        '["~#unheard",1]',
        '["~#mn",[1]]',
        '["~q1"]',
        '["~unot-a-uuid"]',
        '["~#mn",1,2]',
    ],
)
def test_refuses_what_is_not_transit(nonsense):
    with pytest.raises(transit.TransitError):
        transit.loads(nonsense)


def test_refuses_to_write_what_has_no_form():
    with pytest.raises(transit.TransitError):
        transit.dumps({"a": object()})


def test_uses_the_cache_again_and_starts_over_when_it_is_full():
    many = [{f"key-{n // 2}": n} for n in range(5000)]
    written = transit.dumps(many)
    assert b'"^10"' in written
    assert transit.loads(written) == many


def test_is_plain_json_where_json_is_asked_for():
    value = {
        "id": Uuid("0e0b60fe-d9a2-11e6-bf26-cec0c932ce01"),
        "m": money(amount=1, currency="EUR"),
        "q": decimal("2"),
    }
    assert json.loads(json.dumps(value)) == {
        "id": "0e0b60fe-d9a2-11e6-bf26-cec0c932ce01",
        "m": {"amount": 1, "currency": "EUR"},
        "q": 2,
    }


@pytest.mark.parametrize("text", ["", "x", "NaN", "Infinity"])
def test_refuses_decimals_that_are_none(text):
    with pytest.raises(ValueError, match="decimal"):
        decimal(text)


def test_keeps_decimals_exact():
    assert type(decimal("2.0")) is WholeDecimal
    assert type(decimal("0.1")) is FractionalDecimal
    assert transit.dumps([decimal("0.1"), decimal(-10), decimal("12.5")]) == b'["~f0.1","~f-10","~f12.5"]'


_KEYS = st.text(alphabet=string.ascii_letters + string.digits + "-_/.", min_size=1, max_size=12)
_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(min_value=-(2**70), max_value=2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.uuids().map(lambda made: Uuid(made)),
    _KEYS.map(Keyword),
    st.integers(min_value=0, max_value=4 * 10**12).map(instant),
    st.builds(lambda units: money(amount=units, currency="EUR"), st.integers(-(10**12), 10**12)),
    st.builds(lambda lat, lng: geo(lat=lat, lng=lng), st.floats(-90, 90), st.floats(-180, 180)),
    st.decimals(-1000, 1000, places=3).map(lambda value: decimal(str(value))),
)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(_VALUES, st.booleans())
def test_reads_back_whatever_it_writes(value, verbose):
    # Wrapped: a scalar alone is no transit document.
    assert transit.loads(transit.dumps([value], verbose=verbose)) == [value]


@given(st.integers(min_value=0, max_value=4 * 10**12))
def test_moments_keep_their_milliseconds(milliseconds):
    assert parse_instant(instant(milliseconds)) == milliseconds
