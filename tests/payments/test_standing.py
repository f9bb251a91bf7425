"""How a payment stands follows from what was said of it, and from nothing else: no order of hearing changes it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments import standing
from payments.standing import Fact, Standing, lost, sellers_part, stand, word

SALE = uuid4()
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def fact(
    kind: str,
    units: int,
    *,
    reference: str = "pay-1",
    origin: str = "checkout",
    hour: int = 0,
    currency: str = "EUR",
    is_counted: bool = True,
) -> Fact:
    """Write one recorded word."""
    at = NOON + timedelta(hours=hour)
    return Fact(SALE, kind, units, currency, origin, reference, at, is_counted)


def euros(*facts: Fact) -> Standing:
    """How the euros stand; the same, in whatever order it was heard."""
    [first, *others] = {repr(stand(order).of("EUR")) for order in permutations(facts)}
    assert others == [], "the order of hearing changed it"
    assert first == repr(stand(facts).of("EUR"))
    return stand(facts).of("EUR")


def test_payments_add_up():
    assert euros(fact("received", 60), fact("received", 40, reference="pay-2")).received == 100


def test_the_same_money_said_by_two_is_counted_once():
    by_hand = fact("received", 100, origin="manual")
    assert euros(fact("received", 100), by_hand).received == 100
    refunds = fact("refunded", 30, reference="re-1"), fact("refunded", 30, reference="re-1", origin="manual")
    assert euros(fact("received", 100), *refunds).refunded == 30


def test_sharetribes_confirmation_and_the_payment_itself_are_two_witnesses_of_one_thing():
    confirmed = fact("received", 100, origin="sharetribe", reference="tx:1:transition/confirm")
    assert euros(confirmed, fact("received", 100)).received == 100
    more = fact("received", 20, reference="pay-2")
    assert euros(confirmed, fact("received", 100), more).received == 120
    assert euros(confirmed).received == 100


def test_a_payment_that_failed_and_then_succeeded_came():
    found = euros(fact("failed", 100), fact("received", 100, hour=1))
    assert (found.received, found.taken_back) == (100, 0)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([("disputed", 100)], (100, 0)),
        ([("disputed", 100), ("charged_back", 100)], (0, 100)),
        ([("disputed", 100), ("regained", 100)], (0, 0)),
        ([("disputed", 100), ("regained", 40)], (60, 0)),
        ([("disputed", 100), ("regained", 100), ("charged_back", 100)], (0, 100)),
        ([("charged_back", 100), ("regained", 100)], (0, 0)),
        ([("charged_back", 100)], (0, 100)),
    ],
)
def test_what_was_won_back_counts_unless_it_is_lost_later(
    words: list[tuple[str, int]], expected: tuple[int, int]
):
    said = [fact(kind, units, reference="dp-1", hour=n) for n, (kind, units) in enumerate(words, start=1)]
    found = euros(fact("received", 100), *said)
    assert (found.disputed, found.charged_back) == expected


def test_what_is_won_back_need_not_be_told_later_than_the_dispute():
    """Who records the end of a dispute may know the day and not the hour."""
    words = [fact("disputed", 100, reference="dp-1", hour=9), fact("regained", 100, reference="dp-1", hour=0)]
    assert euros(fact("received", 100), *words).taken_back == 0


def test_of_words_at_one_moment_the_worst_counts():
    together = [fact(kind, 100, reference="dp-1") for kind in ("disputed", "regained", "charged_back")]
    assert euros(*together).charged_back == 100


def test_a_refund_that_failed_did_not_go_back():
    said = fact("refunded", 30, reference="re-1"), fact("regained", 30, reference="re-1", hour=1)
    assert euros(fact("received", 100), *said).taken_back == 0


def test_disputes_and_refunds_are_told_apart_by_their_references():
    found = euros(
        fact("received", 100),
        fact("disputed", 40, reference="dp-1"),
        fact("charged_back", 60, reference="dp-2"),
        fact("refunded", 10, reference="re-1"),
    )
    assert (found.disputed, found.charged_back, found.refunded) == (40, 60, 10)


def test_currencies_are_never_added_together():
    found = stand([fact("received", 100), fact("received", 70, currency="USD", reference="pay-2")])
    assert (found.of("EUR").received, found.of("USD").received, found.of("JPY").received) == (100, 70, 0)


def test_names_the_currencies_in_which_more_went_back_than_came():
    dollars = fact("refunded", 70, currency="USD", reference="re-1")
    assert stand([fact("received", 100), dollars]).never_came(beside="EUR") == "USD"
    came = fact("received", 70, currency="USD", reference="pay-2")
    assert stand([fact("received", 100), dollars, came]).never_came(beside="EUR") == ""


def test_knows_whether_all_that_went_back_is_counted():
    assert not stand([fact("received", 100, is_counted=False)]).is_uncounted
    assert stand(
        [fact("received", 100), fact("refunded", 5, reference="re-1", is_counted=False)]
    ).is_uncounted


# ------------------------------------------------------------------------------------------------------- losses


@pytest.mark.parametrize(
    ("payin", "received", "taken_back", "expected"),
    [
        (100, 100, 0, 0),
        (100, 100, 30, 30),
        (100, 100, 100, 100),
        (70, 100, 30, 0),  # Sharetribe has taken it off the total
        (85, 100, 30, 15),  # half of it
        (0, 100, 100, 0),
        (100, 120, 20, 0),  # too much was paid
        (100, 200, 100, 0),  # and paid again
        (100, 0, 30, 0),  # a refund that came before its payment
        (100, 40, 0, 0),  # never all of it came: that is no loss
        (100, 40, 40, 40),
        (100, 100, 250, 100),
    ],
)
def test_what_is_lost(payin: int, received: int, taken_back: int, expected: int):
    assert lost(payin=payin, received=received, taken_back=taken_back) == expected


@given(
    payin=st.integers(0, 10**12),
    received=st.integers(0, 10**12),
    taken=st.integers(0, 10**12),
    owed=st.integers(0, 10**12),
)
def test_nobody_loses_more_than_came_or_than_they_are_owed(payin: int, received: int, taken: int, owed: int):
    gone = lost(payin=payin, received=received, taken_back=taken)
    assert 0 <= gone <= min(payin, received, taken)
    part = sellers_part(owed=owed, payin=payin, lost=gone)
    assert 0 <= part <= max(owed, 0)
    if payin:
        assert part * payin <= owed * gone < (part + 1) * payin, "rounded down, by less than a unit"
        if gone == payin:
            assert part == owed


@given(payin=st.integers(1, 10**9), taken=st.integers(0, 10**9), told=st.integers(0, 10**9))
def test_what_sharetribe_takes_off_the_total_is_lost_no_more(payin: int, taken: int, told: int):
    taken, told = min(taken, payin), min(told, taken, payin)
    assert lost(payin=payin - told, received=payin, taken_back=taken) == taken - told


# --------------------------------------------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("stands", "expected"),
    [
        (Standing(), ""),
        (Standing(failed=100), "failed"),
        (Standing(received=60), "partly_paid"),
        (Standing(received=100, failed=100), "succeeded"),
        (Standing(received=100, refunded=30), "partly_refunded"),
        (Standing(received=100, refunded=100), "refunded"),
        (Standing(received=100, disputed=100), "disputed"),
        (Standing(received=100, disputed=10, charged_back=90), "charged_back"),
    ],
)
def test_says_it_in_a_word(stands: Standing, expected: str):
    assert word(stands, payin=100) == expected


def test_where_the_total_is_not_known_what_came_is_enough():
    assert word(Standing(received=1), payin=None) == standing.SUCCEEDED
