"""In which language, and by whose clock, payees are spoken to: in pages, mails and papers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from django.conf import settings
from django.utils import timezone, translation
from django.utils.formats import number_format
from django.utils.translation.trans_real import parse_accept_lang_header

from accounts.models import Payee
from marketplace_payouts.lib.currencies import exponent, to_decimal_string
from marketplace_payouts.lib.money import Money


def of(payee: Payee) -> str:
    """This will give the language in which a payee is written to."""
    return payee.language if is_spoken(payee.language) else settings.LANGUAGE_CODE


def is_spoken(language: str) -> bool:
    """This will tell whether we speak a language."""
    return language in dict(settings.LANGUAGES)


def asked_for(header: str) -> str:
    """This will give the first language of an `Accept-Language` that we speak; nothing where it names none of ours."""
    for language, _weight in parse_accept_lang_header(header):
        if language == "*":
            break
        try:
            return translation.get_supported_language_variant(language)
        except LookupError:
            continue
    return ""


@contextmanager
def speaking_to(payee: Payee, *, language: str = "") -> Iterator[None]:
    """This will have sentences, numbers and dates come out as the payee reads them, by the marketplace's clock.

    `language` is for a moment at which somebody reads another one than they are written to.
    """
    with (
        translation.override(language or of(payee)),
        timezone.override(payee.marketplace.time_zone),
    ):
        yield


def amount(money: Money) -> str:
    """This will write an amount as the present language does, such as ``1.234,50 EUR``, which does not break in two.

    :raises UnknownCurrency: when the currency is not in the registry.
    """
    places = exponent(money.currency)
    # Read from its digits: arithmetic would round what is longer than the context's precision.
    exact = Decimal(to_decimal_string(money.units, places))
    written = number_format(exact, decimal_pos=places, use_l10n=True, force_grouping=True)
    return f"{written}\N{NO-BREAK SPACE}{money.currency}"
