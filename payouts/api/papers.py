"""The papers of a payee: remittance advices and yearly statements, as PDF or CSV by `Accept` or by the address."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    extend_schema,
    extend_schema_view,
)
from rest_framework.exceptions import NotAcceptable
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.errors import ApiError
from marketplace_payouts.lib.clock import utc_now
from payouts import payee_view
from payouts.api.payee import PayeesView, speaking_to
from payouts.api.payouts import TAG
from payouts.errors import Refused


class _Paper(BaseRenderer):
    """Passes on what was written."""

    charset = None
    render_style = "binary"

    def render(self, data: bytes, *_more: Any, **_others: Any) -> bytes:
        """This will give the paper as it is."""
        return data


class Pdf(_Paper):
    """A PDF."""

    media_type = "application/pdf"
    format = "pdf"


class Csv(_Paper):
    """A table for spreadsheets."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"  # type: ignore[assignment]  # the stub of the base allows none


_PDF: Final = {(200, "application/pdf"): OpenApiTypes.BINARY}
_CSV: Final = {(200, "text/csv"): OpenApiTypes.STR}


_YEAR: Final = OpenApiParameter(
    "year",
    {"type": "integer", "minimum": 2000},
    OpenApiParameter.PATH,
    description="One that has begun.",
    examples=[OpenApiExample("A year", 2026)],
)


class PaperView(PayeesView):
    """A paper in the form that is asked for; what is wrong is told as JSON like everywhere."""

    renderer_classes: Sequence[type[_Paper]] = (Pdf, Csv)
    rate = "paper"

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """This will choose the form.

        :raises ApiError: when the paper is not given in any that is asked for.
        """
        try:
            return super().perform_content_negotiation(request, force)
        except NotAcceptable:
            forms = " or ".join(one.media_type for one in self.renderer_classes)
            sentence = f"This is given as {forms}: ask for that, or for anything."
            raise ApiError("not_acceptable", sentence, status=406) from None

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """This will tell errors as JSON."""
        done = super().finalize_response(request, response, *args, **kwargs)
        if done.exception:
            done.accepted_renderer, done.accepted_media_type = JSONRenderer(), JSONRenderer.media_type
        return done


def _paper(request: Request, content: bytes, *, name: str) -> Response:
    ending = request.accepted_renderer.format
    return Response(content, headers={"Content-Disposition": f'attachment; filename="{name}.{ending}"'})


class AdviceView(PaperView):
    """The remittance advice of a payout."""

    @extend_schema(
        operation_id="remittance_advice",
        tags=[TAG],
        summary="The remittance advice of one of my payouts",
        description="What the payout covers. As PDF, or as CSV where `Accept` asks for `text/csv`.",
        responses=_PDF | _CSV,
    )
    def get(self, request: Request, payout: UUID) -> Response:
        """This will give the remittance advice of one of the caller's payouts."""
        write = _writer(request, pdf=payee_view.advice_pdf, csv=payee_view.advice_csv)
        with speaking_to(request) as payee:
            advice = payee_view.remittance(payee_id=payee.pk, payout_id=payout)
            return _paper(request, write(advice), name=advice.payout.number)


class StatementView(PaperView):
    """The yearly statement of a payee."""

    @extend_schema(
        operation_id="yearly_statement",
        parameters=[_YEAR],
        tags=[TAG],
        summary="My statement of a year",
        description="What was owed and paid to the payee in that year, by currency, as the books have it; of the"
        " present year, as far as it has gone. As PDF, or as CSV where `Accept` asks for `text/csv`.",
        responses=_PDF | _CSV,
    )
    def get(self, request: Request, year: int) -> Response:
        """This will give the caller's statement of a year."""
        write = _writer(request, pdf=payee_view.statement_pdf, csv=payee_view.statement_csv)
        with speaking_to(request) as payee:
            try:
                found = payee_view.statement(payee_id=payee.pk, year=year, now=utc_now())
            except Refused as error:
                raise ApiError("not_found", str(error), status=404) from None
            return _paper(request, write(found), name=f"statement-{year}")


def _writer(request: Request, *, pdf: Any, csv: Any) -> Any:
    return {"pdf": pdf, "csv": csv}[request.accepted_renderer.format]


# Addresses of their own for each form, for links and for programs that send no `Accept`.


@extend_schema_view(
    get=extend_schema(operation_id="remittance_advice_pdf", description="As PDF.", responses=_PDF)
)
class AdvicePdfView(AdviceView):
    """The remittance advice of a payout, as PDF."""

    renderer_classes = (Pdf,)


@extend_schema_view(
    get=extend_schema(operation_id="remittance_advice_csv", description="As CSV.", responses=_CSV)
)
class AdviceCsvView(AdviceView):
    """The remittance advice of a payout, as CSV."""

    renderer_classes = (Csv,)


@extend_schema_view(
    get=extend_schema(operation_id="yearly_statement_pdf", description="As PDF.", responses=_PDF)
)
class StatementPdfView(StatementView):
    """The yearly statement of a payee, as PDF."""

    renderer_classes = (Pdf,)


@extend_schema_view(
    get=extend_schema(operation_id="yearly_statement_csv", description="As CSV.", responses=_CSV)
)
class StatementCsvView(StatementView):
    """The yearly statement of a payee, as CSV."""

    renderer_classes = (Csv,)
