"""Remittance advices and yearly statements, to be kept."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.api import throttles
from accounts.payee_door.entering import Visitor
from marketplace_payouts.lib.clock import utc_now
from payouts import payee_view
from payouts.errors import Refused
from payouts.payee_pages import door
from payouts.payee_pages.showing import show

_KINDS: Final = {"pdf": "application/pdf", "csv": "text/csv; charset=utf-8"}


@require_GET
@door.page
def advice(request: HttpRequest, visitor: Visitor, payout_id: UUID, kind: str) -> HttpResponse:
    """Give the remittance advice of a payout."""
    if throttles.turn("paper", str(visitor.session.user_id)) is not None:
        return door.refused(request, "throttled", visitor=visitor, status=429)
    found = payee_view.remittance(payee_id=visitor.payee.pk, payout_id=payout_id)
    write = payee_view.advice_pdf if kind == "pdf" else payee_view.advice_csv
    return _file(write(found), f"{found.payout.number}.{kind}", kind)


@require_GET
@door.page
def statements(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """List the years of which there is a statement, the newest first."""
    this_year = timezone.localtime(utc_now()).year
    first = timezone.localtime(visitor.payee.created_at).year
    facts = {"years": range(this_year, first - 1, -1), "this_year": this_year}
    return show(request, "statements", facts, visitor=visitor)


@require_GET
@door.page
def statement(request: HttpRequest, visitor: Visitor, year: int, kind: str) -> HttpResponse:
    """Give the statement of a year.

    :raises Http404: when there is none of that year.
    """
    if throttles.turn("paper", str(visitor.session.user_id)) is not None:
        return door.refused(request, "throttled", visitor=visitor, status=429)
    try:
        found = payee_view.statement(payee_id=visitor.payee.pk, year=year, now=utc_now())
    except Refused:
        raise Http404 from None
    write = payee_view.statement_pdf if kind == "pdf" else payee_view.statement_csv
    return _file(write(found), f"statement-{year}.{kind}", kind)


def _file(content: bytes, name: str, kind: str) -> HttpResponse:
    return HttpResponse(
        content,
        content_type=_KINDS[kind],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
