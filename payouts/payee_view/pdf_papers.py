"""Papers as PDF: the same bytes for the same facts, in a font that has most of the world's letters."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, Image, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from accounts import branding
from accounts.languages import amount
from marketplace_payouts.lib.money import Money
from payouts.payee_view.shapes import Account, Advice, Party, Statement

_FONTS: Final = Path(__file__).parent / "fonts"
_PLAIN, _BOLD = "DejaVuSans", "DejaVuSans-Bold"
_MARGIN: Final = 18 * mm
_WIDTH: Final = A4[0] - 2 * _MARGIN
_PICTURES: Final = frozenset({"image/png", "image/jpeg"})
_RULE: Final = colors.HexColor("#9aa5ab")

TEXT: Final = ParagraphStyle("text", fontName=_PLAIN, fontSize=8.5, leading=12)
RIGHT: Final = ParagraphStyle("right", parent=TEXT, alignment=2)
STRONG: Final = ParagraphStyle("strong", parent=TEXT, fontName=_BOLD)
STRONG_RIGHT: Final = ParagraphStyle("strong_right", parent=STRONG, alignment=2)
TITLE: Final = ParagraphStyle(
    "title", parent=STRONG, fontSize=15, leading=20, spaceBefore=8 * mm, spaceAfter=3 * mm
)
HEAD: Final = ParagraphStyle(
    "head", parent=STRONG, fontSize=11, leading=15, spaceBefore=6 * mm, spaceAfter=2 * mm
)


def advice_pdf(advice: Advice) -> bytes:
    """This will draw a remittance advice."""
    payout = advice.payout
    title = _("Remittance advice %(number)s") % {"number": payout.number}
    facts = [
        (_("Amount"), amount(payout.amount)),
        (_("State"), str(payout.phase.label)),
        (_("Paid on"), day(payout.paid_at)),
        (_("Paid to"), f"{payout.provider}, {payout.method}"),
    ]
    if payout.sent != payout.amount:
        facts.insert(1, (_("Sent as"), amount(payout.sent)))
    if payout.returned:
        facts.append((_("Came back"), amount(payout.returned)))
    head = [_("What"), _("Transaction"), _("Before commission"), _("Commission"), _("Amount")]
    rows = [
        [
            line.what,
            str(line.transaction or ""),
            *(_perhaps(one) for one in (line.gross, line.commission)),
            amount(line.amount),
        ]
        for line in advice.lines
    ]
    rows.append([_("Total"), "", "", "", amount(payout.amount)])
    body = [_facts(facts), Spacer(0, 5 * mm), _table(head, rows, widths=(20, 34, 17, 14, 15), numbers=3)]
    return _paper(title, advice.issuer, advice.payee, body)


def statement_pdf(statement: Statement) -> bytes:
    """This will draw a yearly statement."""
    title = _("Statement of %(year)s") % {"year": statement.year}
    body: list[Flowable] = []
    for account in statement.accounts:
        body += _account(account)
    return _paper(title, statement.issuer, statement.payee, body or [_text(_("Nothing was owed or paid."))])


def _account(account: Account) -> list[Flowable]:
    facts = [
        (_("Opening balance"), amount(account.opening)),
        (_("Owed to you"), amount(account.owed)),
        (_("Paid to you"), amount(account.paid)),
        (_("Closing balance"), amount(account.closing)),
    ]
    head = [_("Date"), _("What"), _("Number"), _("Owed to you"), _("Paid to you")]
    rows = [
        [day(one.on), one.what, one.number, _unless_nothing(one.owed), _unless_nothing(one.paid)]
        for one in account.entries
    ]
    rows.append([_("Total"), "", "", amount(account.owed), amount(account.paid)])
    return [
        _text(account.opening.currency, HEAD),
        _facts(facts),
        Spacer(0, 4 * mm),
        _table(head, rows, widths=(14, 22, 32, 16, 16), numbers=2),
    ]


def day(at: datetime | date | None) -> str:
    """This will write a day as the present language does; of a moment, the day of the active time zone."""
    if at is None:
        return "–"
    return date_format(timezone.localtime(at) if isinstance(at, datetime) else at, "DATE_FORMAT")


def _perhaps(money: Money | None) -> str:
    return "" if money is None else amount(money)


def _unless_nothing(money: Money) -> str:
    return amount(money) if money else ""


def _paper(title: str, issuer: Party, payee: Party, body: Sequence[Flowable]) -> bytes:
    out = io.BytesIO()
    paper = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=title,
        author=issuer.name,
        invariant=1,  # without it the file tells when it was made, and no two are the same
    )
    paper.build([_parties(issuer, payee), _text(title, TITLE), *body], onFirstPage=_foot, onLaterPages=_foot)
    return out.getvalue()


@cache
def _register_fonts() -> None:
    for name in (_PLAIN, _BOLD):
        pdfmetrics.registerFont(TTFont(name, str(_FONTS / f"{name}.ttf")))


def _foot(canvas: Any, paper: Any) -> None:
    canvas.setFont(_PLAIN, 7.5)
    canvas.drawRightString(A4[0] - _MARGIN, _MARGIN / 2, _("Page %(page)s") % {"page": paper.page})


def _parties(issuer: Party, payee: Party) -> Table:
    logo = branding.brand().logo
    shown = [_picture(logo.content)] if logo is not None and logo.kind in _PICTURES else []
    cells = [[[*shown, *_party(issuer)], _party(payee)]]
    return Table(
        cells,
        colWidths=(_WIDTH * 0.55, _WIDTH * 0.45),
        style=TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP")]),
    )


def _picture(content: bytes) -> Image:
    picture = Image(io.BytesIO(content), hAlign="LEFT")
    picture._restrictSize(45 * mm, 16 * mm)  # noqa: SLF001 - what its own `kind` does, without making small ones large
    return picture


def _party(party: Party) -> list[Paragraph]:
    return [_text(party.name, STRONG), *(_text(line) for line in party.address)]


def _facts(facts: Sequence[tuple[str, str]]) -> Table:
    cells = [[_text(name), _text(value, STRONG)] for name, value in facts]
    style = TableStyle([("TOPPADDING", (0, 0), (-1, -1), 1), ("BOTTOMPADDING", (0, 0), (-1, -1), 1)])
    return Table(cells, colWidths=(_WIDTH * 0.3, _WIDTH * 0.7), style=style)


def _table(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, widths: Sequence[int], numbers: int
) -> Table:
    """The last `numbers` columns are amounts; the last row adds them up. Widths are hundredths of the paper's."""
    texts = len(head) - numbers

    def cells(row: Sequence[str], plain: ParagraphStyle, right: ParagraphStyle) -> list[Paragraph]:
        return [_text(cell, plain if n < texts else right) for n, cell in enumerate(row)]

    drawn = [
        cells(head, STRONG, STRONG_RIGHT),
        *(cells(row, TEXT, RIGHT) for row in rows[:-1]),
        cells(rows[-1], STRONG, STRONG_RIGHT),
    ]
    style = TableStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, 0), 0.7, _RULE),
            ("LINEABOVE", (0, -1), (-1, -1), 0.7, _RULE),
        ]
    )
    return Table(drawn, colWidths=[_WIDTH * width / 100 for width in widths], repeatRows=1, style=style)


def _text(text: str, style: ParagraphStyle = TEXT) -> Paragraph:
    _register_fonts()
    # What people wrote is text, and never markup.
    return Paragraph(escape(text), style)
