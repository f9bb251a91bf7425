"""Links from our rows to the same thing at a provider."""

from __future__ import annotations

from urllib.parse import quote

from django.conf import settings
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.backoffice import cells
from payouts.models import Batch

_PAYPAL = {"live": "https://www.paypal.com", "test": "https://www.sandbox.paypal.com"}
_WISE = {"live": "https://wise.com", "test": "https://sandbox.transferwise.tech"}


def batch(row: Batch) -> SafeString | str:
    """This will write the provider's reference of a batch, as a link where its dashboard has a page for it."""
    if not row.reference:
        return cells.EMPTY
    if row.provider == "paypal":
        return _out(
            f"{_paypal(row.environment)}/activity/masspay/{quote(row.reference, safe='')}", row.reference
        )
    if row.provider == "wise":
        return _out(
            f"{_wise(row.environment)}/transactions/activities/by-resource/TRANSFER/{quote(row.reference, safe='')}",
            row.reference,
        )
    return cells.code(row.reference)


def _wise(environment: str) -> str:
    return _WISE.get(environment or settings.ENVIRONMENT, _WISE["test"])


def _paypal(environment: str) -> str:
    return _PAYPAL.get(environment or settings.ENVIRONMENT, _PAYPAL["test"])


def _out(url: str, text: str) -> SafeString:
    return format_html(
        '<a class="outward" href="{}" rel="noreferrer noopener" target="_blank">{}</a>', url, text
    )
