"""The cells of the back office for templates."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.utils.safestring import SafeString

from accounts.backoffice import cells

register = template.Library()


@register.filter
def moment(at: datetime | None) -> SafeString | str:
    """This will write a moment in the page's time zone, UTC on hover."""
    return cells.moment(at)


@register.filter
def page(row: Any, text: str = "") -> SafeString | str:
    """This will link to a row's page."""
    return cells.page_of(row, text)


@register.filter
def pretty(value: Any) -> SafeString:
    """This will write JSON with one thing per line."""
    return cells.pretty(value)


@register.filter
def badge(word: str, label: str = "") -> SafeString:
    """This will write a word as a badge."""
    return cells.badge(word, label)
