"""Links from our rows to the same thing at a provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from django.conf import settings
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.backoffice import cells
from payouts.models import Batch

_PLACES: Final[Mapping[str, Mapping[str, str]]] = {
    "paypal": {
        "live": "https://www.paypal.com/activity/masspay/{}",
        "test": "https://www.sandbox.paypal.com/activity/masspay/{}",
    },
    "solana": {
        "live": "https://explorer.solana.com/tx/{}",
        "test": "https://explorer.solana.com/tx/{}?cluster=devnet",
    },
    "stripe": {
        "live": "https://dashboard.stripe.com/connect/transfers/{}",
        "test": "https://dashboard.stripe.com/test/connect/transfers/{}",
    },
    "wise": {
        "live": "https://wise.com/transactions/activities/by-resource/TRANSFER/{}",
        "test": "https://sandbox.transferwise.tech/transactions/activities/by-resource/TRANSFER/{}",
    },
}
"""Provider → environment → the address of a batch's page, with the place of its reference."""


def batch(row: Batch) -> SafeString | str:
    """This will write the provider's reference of a batch, as a link where its dashboard has a page for it."""
    if not row.reference:
        return cells.EMPTY
    places = _PLACES.get(row.provider)
    if places is None:
        return cells.code(row.reference)
    place = places.get(row.environment or settings.ENVIRONMENT, places["test"])
    # Of a payment on a chain its signature comes first; then what tells when it lapses.
    shown = row.reference.partition(":")[0]
    return _out(place.format(quote(shown, safe="")), shown)


def _out(url: str, text: str) -> SafeString:
    return format_html(
        '<a class="outward" href="{}" rel="noreferrer noopener" target="_blank">{}</a>', url, text
    )
