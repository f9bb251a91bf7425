"""How payees' pages and mails write people, amounts and moments."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts import languages
from accounts.payee_door.entering import Visitor
from marketplace_payouts.lib.money import Money

register = template.Library()


@register.filter
def money(amount: Money) -> str:
    """This will write an amount as the present language does."""
    return languages.amount(amount)


@register.filter
def moment(at: datetime) -> str:
    """This will write a moment by the marketplace's clock."""
    return date_format(timezone.localtime(at), "DATETIME_FORMAT")


@register.filter
def day(at: datetime) -> str:
    """This will write the day of a moment by the marketplace's clock."""
    return date_format(timezone.localtime(at), "DATE_FORMAT")


@register.filter
def name(visitor: Visitor) -> str:
    """This will name whose pages they are."""
    payee = visitor.payee
    return payee.name or _("Seller %(id)s") % {"id": str(payee.flex_user_id)[-8:]}


@register.filter
def masked(visitor: Visitor) -> str:
    """This will give so much of their address as tells two people of a name apart; empty where none is known."""
    local, at, host = visitor.payee.email.partition("@")
    return f"{local[:1]}•••@{host}" if at else ""


@register.filter
def who(visitor: Visitor) -> str:
    """This will say whose pages they are, in one line."""
    address = masked(visitor)
    return f"{name(visitor)} ({address})" if address else name(visitor)


@register.filter
def bcp47(language: str) -> str:
    """This will write a language as HTML does: en-GB, vi."""
    code, dash, region = language.partition("-")
    return f"{code}{dash}{region.upper()}"


@register.filter
def slice_end(value: object) -> str:
    """This will give the last eight signs of an id, by which people compare two."""
    return str(value)[-8:]
