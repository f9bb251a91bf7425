"""Words of the payees' pages that hang on codes."""

from __future__ import annotations

from django import template
from django.utils.functional import Promise

from payouts.blocks import MENDED_BY_A_METHOD
from payouts.models import CaseKind
from payouts.payee_pages import words
from payouts.said import said as in_their_language

register = template.Library()


@register.filter
def why_read_only(read_only: str) -> str | Promise:
    """This will say why somebody may look and change nothing."""
    return words.READ_ONLY[read_only]


@register.filter
def is_mended_by_a_method(code: str) -> bool:
    """This will tell whether a reason ends once the payee sees to their payout method."""
    return code in MENDED_BY_A_METHOD


@register.filter
def said(sentence: str) -> str:
    """This will give what a payout service says, in the language that is active."""
    return in_their_language(sentence)


@register.filter
def kind(of_question: str) -> str | Promise:
    """This will say what a question is about."""
    return CaseKind(of_question).label
