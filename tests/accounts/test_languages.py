"""Amounts and dates are written as the payee's language does, to the last digit."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.template import Context, Template
from django.utils import translation

from accounts import languages
from marketplace_payouts.lib.money import Money
from tests import factories

NBSP = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("language", "money", "written"),
    [
        ("en-gb", Money(123_450, "EUR"), f"1,234.50{NBSP}EUR"),
        ("vi", Money(123_450, "EUR"), f"1.234,50{NBSP}EUR"),
        ("vi", Money(1_250_000, "VND"), f"1.250.000{NBSP}VND"),
        ("vi", Money(-5, "EUR"), f"-0,05{NBSP}EUR"),
        ("en-gb", Money(0, "JPY"), f"0{NBSP}JPY"),
        # No digit is lost, however many there are.
        (
            "vi",
            Money(1_234_567_890_123_456_789_012_345_678_901, "NEAR"),
            f"1.234.567,890123456789012345678901{NBSP}NEAR",
        ),
    ],
)
def test_amounts(language, money, written):
    with translation.override(language):
        assert languages.amount(money) == written


@pytest.mark.django_db
def test_dates_are_told_by_the_marketplaces_clock():
    payee = factories.PayeeFactory.create(language="vi")
    payee.marketplace.time_zone = "Asia/Ho_Chi_Minh"
    moment = datetime(2026, 11, 30, 18, 5, tzinfo=UTC)
    shown = Template("{{ at|date }} | {{ at|date:'DATETIME_FORMAT' }}")
    with languages.speaking_to(payee):
        assert shown.render(Context({"at": moment})) == "1 tháng 12, 2026 | 01:05, 1 tháng 12, 2026"
    with languages.speaking_to(payee, language="en-gb"):
        assert shown.render(Context({"at": moment})).startswith("1 Dec 2026")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("vi", "vi"),
        ("VI-VN,vi;q=0.9", "vi"),
        ("en-US,en;q=0.9,vi;q=0.1", "en-gb"),
        ("fr, vi;q=0.2", "vi"),
        ("fr", ""),
        ("*", ""),
        ("", ""),
        ("vi\x00;q=ü", ""),
        ("a" * 5000, ""),
    ],
)
def test_the_first_that_we_speak_is_taken_of_what_is_asked_for(header, language):
    assert languages.asked_for(header) == language


@pytest.mark.django_db
def test_who_has_not_said_is_spoken_to_in_english():
    assert languages.of(factories.PayeeFactory.create()) == "en-gb"
    assert languages.of(factories.PayeeFactory.create(language="tlh")) == "en-gb"
