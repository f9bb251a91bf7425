"""Settings: each that is missing or wrong is named, with what to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from marketplace_payouts.lib.currencies import EXPONENTS
from payouts.providers.bank_file.provider import BankFile
from payouts.providers.bank_file.settings import DECIMALS
from payouts.providers.base import ProviderError
from tests.providers.bank_file.papers import ENVIRON, settings


@pytest.mark.parametrize("missing", ENVIRON)
def test_what_is_missing_is_named(missing: str):
    with pytest.raises(ProviderError, match=missing):
        BankFile.from_environ({name: value for name, value in ENVIRON.items() if name != missing})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BANK_FILE_DEBTOR_NAME", "Гавань"),
        ("BANK_FILE_DEBTOR_NAME", "H" * 71),
        ("BANK_FILE_DEBTOR_ACCOUNT", "DE89370400440532013001"),
        ("BANK_FILE_DEBTOR_ACCOUNT", "12-34!"),
        ("BANK_FILE_DEBTOR_BIC", "COBA"),
        ("BANK_FILE_CURRENCY", "XYZ"),
        ("BANK_FILE_CURRENCY", "USDC@solana"),
        ("BANK_FILE_BATCH_BOOKING", "perhaps"),
        ("BANK_FILE_EXECUTION_DAYS", "-1"),
        ("BANK_FILE_EXECUTION_DAYS", "soon"),
        ("BANK_FILE_BOOKED_WITHIN_DAYS", "0"),
        ("BANK_FILE_MOST_PAYMENTS", "0"),
        ("BANK_FILE_COUNTRIES", "DE,KP"),
        ("BANK_FILE_HOURS", "two o'clock"),
        ("TIME_ZONE", "Mars/Olympus"),
        ("ENVIRONMENT", "staging"),
    ],
)
def test_what_is_wrong_is_named(name: str, value: str):
    with pytest.raises(ProviderError, match=name):
        settings(**{name: value})


def test_what_is_left_out_has_a_careful_default():
    found = settings()
    assert (found.currency, found.batch_booking, found.execution_days) == ("EUR", False, 1)
    assert found.booked_within == timedelta(days=10)
    assert not found.hold_for_funds


def test_an_account_of_a_country_without_ibans_is_taken():
    found = settings(
        BANK_FILE_DEBTOR_ACCOUNT="0071 0009 8765",
        BANK_FILE_DEBTOR_BIC="BFTVVNVX",
        BANK_FILE_CURRENCY="vnd",
    )
    assert (found.account, found.currency) == ("007100098765", "VND")


def test_decimals_are_those_that_we_count_in():
    assert {code: EXPONENTS[code] for code in DECIMALS} == dict(DECIMALS)


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        (datetime(2026, 11, 30, 12, 59, tzinfo=UTC), datetime(2026, 11, 30, 13, tzinfo=UTC)),
        (datetime(2026, 11, 30, 13, 0, tzinfo=UTC), None),
        (datetime(2026, 11, 30, 13, 29, tzinfo=UTC), None),
        (datetime(2026, 11, 30, 13, 30, tzinfo=UTC), datetime(2026, 11, 30, 22, 45, tzinfo=UTC)),
        (datetime(2026, 11, 30, 23, 10, tzinfo=UTC), None),
        (datetime(2026, 11, 30, 23, 20, tzinfo=UTC), datetime(2026, 12, 1, 13, tzinfo=UTC)),
    ],
)
def test_hours_are_those_of_the_banks_zone(now: datetime, opens: datetime | None):
    provider = BankFile(settings(BANK_FILE_HOURS="23:45, 14:00", TIME_ZONE="Europe/Berlin"))
    hours = provider.capabilities.hours
    assert hours is not None
    assert hours.opens(now) == opens
