"""How the back office writes amounts, moments, states and links; everything is escaped, nothing needs a script."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from marketplace_payouts.lib.currencies import UnknownCurrency, format_amount
from marketplace_payouts.lib.money import Money

EMPTY = "–"


def amount_text(units: int | Decimal | None, currency: str) -> str:
    """This will write an amount for people; of an unknown currency, its bare units and say so."""
    if units is None:
        return EMPTY
    try:
        return format_amount(Money(int(units), currency))
    except UnknownCurrency:
        return f"{int(units)} smallest units of {currency or 'no currency'}"


def amount(units: int | Decimal | None, currency: str) -> SafeString:
    """This will write an amount in digits that line up."""
    sign = " amount-minus" if units is not None and units < 0 else ""
    return format_html('<span class="amount{}">{}</span>', sign, amount_text(units, currency))


def moment(at: datetime | None) -> SafeString | str:
    """This will write a moment in the time zone that the page is in, with UTC shown on hover."""
    if at is None:
        return EMPTY
    utc = at.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        utc.isoformat(timespec="seconds"),
        utc.strftime("%Y-%m-%d %H:%M:%S"),
        date_format(timezone.localtime(at), "j M Y, H:i"),
    )


def badge(word: str, label: str = "") -> SafeString:
    """This will write a state as a badge; its colour comes from the word, its meaning from the label."""
    if not word:
        return format_html("{}", EMPTY)
    return format_html('<span class="badge badge-{}">{}</span>', word, label or word.replace("_", " "))


def state(row: models.Model, field: str = "state") -> SafeString:
    """This will write a row's state as a badge with the label of its choices."""
    label = getattr(row, f"get_{field}_display", lambda: "")()
    return badge(str(getattr(row, field)), str(label))


def link(url: str, text: str) -> SafeString:
    """This will write a link."""
    return format_html('<a href="{}">{}</a>', url, text)


def page_of(row: models.Model | None, text: str = "") -> SafeString | str:
    """This will write a link to a row's own page in the back office."""
    if row is None:
        return EMPTY
    return link(url_of(row), text or str(row))


def url_of(row: models.Model) -> str:
    """This will give the address of a row's own page."""
    meta = row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])


def list_of(model: type[models.Model], query: str = "") -> str:
    """This will give the address of a list, with a filter in `query`."""
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{url}?{query}" if query else url


def code(text: object) -> SafeString:
    """This will write an id or a key in fixed pitch."""
    return format_html('<code class="id" title="{}">{}</code>', text or "", text or EMPTY)


def pretty(value: Any) -> SafeString:
    """This will write JSON with one thing per line."""
    if value in (None, {}, [], ""):
        return format_html("{}", EMPTY)
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return format_html('<pre class="json">{}</pre>', text)


def short(text: str, length: int = 80) -> SafeString | str:
    """This will cut a long text for a column and keep the whole of it on hover."""
    if len(text) <= length:
        return text or EMPTY
    return format_html('<span title="{}">{}…</span>', text, text[: length - 1].rstrip())
