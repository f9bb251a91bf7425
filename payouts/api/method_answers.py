"""What the domain says of payout methods as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from payouts.api.payout_answers import perhaps
from payouts.kept_methods import Kept
from payouts.offers import Offer, OfferedTerms
from payouts.providers.offering import Field, Form, Hosted, Kind
from payouts.said import said

Shown = Mapping[str, Any]


def offer(one: Offer) -> Shown:
    """This will show one service."""
    return {
        "provider": one.provider,
        "label": one.label,
        "kind": one.kind,
        "proof": one.proof,
        "offered": not one.refusal,
        "why_not": said(one.refusal) or None,
        "terms": [_terms(terms) for terms in one.terms],
    }


def requirements(asked: Form | Hosted) -> Shown:
    """This will show a form, or how far somebody is."""
    if isinstance(asked, Form):
        fields = [_field(one) for one in asked.fields]
        return {"kind": Kind.FORM, "fields": fields, "state": None, "detail": None}
    return {"kind": Kind.HOSTED, "fields": None, "state": asked.state, "detail": said(asked.sentence)}


def method(one: Kept) -> Shown:
    """This will show a method, masked."""
    row = one.method
    return {
        "id": row.pk,
        "provider": row.provider,
        "label": one.label,
        "masked": row.masked,
        "default": one.is_default,
        "standing": one.standing,
        "detail": one.sentence,
        "confirmed": row.verified_at is not None,
        "usable_from": row.usable_from,
        "created_at": row.created_at,
        "if_retired": one.if_retired,
    }


def _terms(one: OfferedTerms) -> Shown:
    shown = {"owed_currency": one.currency, "owed": perhaps(one.owed)}
    terms = one.terms
    if terms is None:
        why = one.why_not
        figures = {"currency": None, "fee": None, "amount": None, "arrives_within_s": None}
        return shown | figures | {"fee_note": why, "amount_note": why, "arrival_note": why}
    within = terms.arrives_within
    return shown | {
        "currency": terms.currency,
        "fee": perhaps(terms.fee),
        "fee_note": said(terms.fee_note) or None,
        "amount": perhaps(terms.amount),
        "amount_note": said(terms.amount_note) or None,
        "arrives_within_s": None if within is None else int(within.total_seconds()),
        "arrival_note": said(terms.arrival_note) or None,
    }


def _field(one: Field) -> Shown:
    return {
        "name": one.name,
        "type": one.type,
        "label": said(one.label),
        "required": one.required,
        "help": said(one.help) or None,
        "example": one.example or None,
        "pattern": one.pattern or None,
        "max_length": one.max_length,
        "choices": [{"value": choice.value, "label": said(choice.label)} for choice in one.choices] or None,
        "refreshes": one.refreshes,
        "value": one.value or None,
    }
