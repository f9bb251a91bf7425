"""Ids rise, numbers survive being typed."""

import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace_payouts.lib.ids import BadNumber, check_number, public_number, uuid7


def test_is_a_version_7_uuid_of_now() -> None:
    before = time.time_ns() // 1_000_000
    made = uuid7()
    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000 + 1


def test_rises_and_is_unique_across_threads() -> None:
    def many() -> list[uuid.UUID]:
        return [uuid7() for _ in range(5_000)]

    with ThreadPoolExecutor(4) as pool:
        runs = [future.result() for future in [pool.submit(many) for _ in range(4)]]
    for run in runs:
        assert run == sorted(run)
    assert len({made for run in runs for made in run}) == 20_000


def test_rises_while_the_clock_runs_back(monkeypatch: pytest.MonkeyPatch) -> None:
    first = uuid7()
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    later = [uuid7() for _ in range(1_000)]
    assert [first, *later] == sorted([first, *later])


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_makes_others() -> None:
    uuid7()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, b"".join(uuid7().bytes for _ in range(100)))
        os._exit(0)
    ours = {uuid7() for _ in range(100)}
    os.waitpid(child, 0)
    raw = os.read(reading, 1_600)
    os.close(reading)
    os.close(writing)
    theirs = {uuid.UUID(bytes=raw[start : start + 16]) for start in range(0, len(raw), 16)}
    assert len(theirs) == 100
    assert not ours & theirs


numbers = st.uuids().map(lambda source: public_number(prefix="PO", source=source))


@given(numbers)
def test_reads_its_own_numbers(number: str) -> None:
    assert check_number(number) == number == check_number(number, prefix="PO")


@given(numbers)
def test_forgives_how_people_type(number: str) -> None:
    for typed in (
        number.lower(),
        number.replace("-", ""),
        f" {number} ".replace("-", " "),
        number.replace("0", "O").replace("1", "l"),
        number.replace("PO", "P0").replace("1", "I"),
    ):
        assert check_number(typed) == number


@given(numbers, st.data())
def test_notices_a_wrong_character(number: str, data: st.DataObject) -> None:
    places = [place for place in range(3, len(number)) if number[place] != "-"]
    place = data.draw(st.sampled_from(places))
    other = data.draw(st.sampled_from([c for c in "0123456789ABCDEFGHJKMNPQRSTVWXYZ" if c != number[place]]))
    with pytest.raises(BadNumber):
        check_number(number[:place] + other + number[place + 1 :])


@given(numbers, st.data())
def test_notices_two_swapped_characters(number: str, data: st.DataObject) -> None:
    body = list(number.replace("-", ""))
    first, second = data.draw(st.sampled_from([(a, b) for a in range(2, 12) for b in range(a + 1, 12)]))
    if body[first] == body[second]:
        return
    body[first], body[second] = body[second], body[first]
    with pytest.raises(BadNumber):
        check_number("".join(body))


@pytest.mark.parametrize(
    "text", ["", "PO", "PO-", "7K3M9-Q2XVC", "PO-7K3M9-Q2XU", "PO-" + "0" * 80, "\u00df" * 12]
)
def test_refuses_what_is_no_number(text: str) -> None:
    with pytest.raises(BadNumber):
        check_number(text)


def test_binds_the_prefix() -> None:
    number = public_number(prefix="PO")
    with pytest.raises(BadNumber):
        check_number(number.replace("PO", "BA"))
    with pytest.raises(BadNumber):
        check_number(number, prefix="BA")
    with pytest.raises(ValueError, match="prefix"):
        public_number(prefix="P0")


def test_is_random_without_a_source_and_steady_with_one() -> None:
    source = uuid7()
    assert public_number(prefix="IN", source=source) == public_number(prefix="IN", source=source)
    assert public_number(prefix="IN", source=source) != public_number(prefix="BA", source=source).replace(
        "BA", "IN"
    )
    assert len({public_number(prefix="PO") for _ in range(2_000)}) == 2_000
