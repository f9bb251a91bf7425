"""Papers say what is so, the same each time, in everybody's letters, and run as no formula."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from django.utils import timezone, translation
from hypothesis import given
from hypothesis import strategies as st

from marketplace_payouts.lib.money import Money
from payouts.payee_view import advice_csv, advice_pdf, statement_csv, statement_pdf
from payouts.payee_view.csv_papers import safe, write
from payouts.payee_view.shapes import Account, Advice, Entry, Line, Listed, Party, Phase, Statement
from tests.pdf_text import text_of

SALE = UUID("65a0f9d2-3c1b-4e5f-8a7b-9c0d1e2f3a4b")
NAMES = "Nguyễn Thị Hương Đặng Łukasz Ωμέγα Юлия ₦ ₫ € ß"


def euros(units: int) -> Money:
    return Money(units, "EUR")


def advice(*, name: str = "Ada", what: str = "Sale", lines: int = 1) -> Advice:
    """A remittance advice."""
    at = datetime(2026, 11, 27, 23, 30, tzinfo=UTC)
    line = Line(what, SALE, euros(12_345), euros(13_000), euros(-655), at)
    payout = Listed(
        id=UUID(int=1),
        number="PO-7K3M-9Q2",
        phase=Phase.PAID,
        since=at,
        amount=euros(12_345 * lines),
        sent=euros(12_345 * lines),
        returned=euros(0),
        provider="PayPal",
        method="a•••@mail.example",
        created_at=at,
        paid_at=at,
    )
    issuer = Party("Harbour Market", ["1 High Street", "London"])
    return Advice(issuer, Party(name, ["ada@mail.example"]), payout, [line] * lines)


def year() -> Statement:
    """A yearly statement."""
    entries = [
        Entry(date(2026, 11, 20), "Sale", str(SALE), euros(12_345), euros(0)),
        Entry(date(2026, 11, 27), "Payout", "PO-7K3M-9Q2", euros(0), euros(12_345)),
    ]
    one = Account(euros(100), entries, euros(12_345), euros(12_345), euros(100))
    return Statement(Party("Harbour Market", []), Party("Ada", []), 2026, [one])


def rows(content: bytes) -> list[list[str]]:
    """Read a CSV as a spreadsheet does."""
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


@pytest.mark.django_db
def test_the_same_facts_are_the_same_bytes():
    assert advice_pdf(advice()) == advice_pdf(advice())
    assert statement_pdf(year()) == statement_pdf(year())
    assert advice_pdf(advice()) != advice_pdf(advice(name="Bea"))
    assert advice_csv(advice()) == advice_csv(advice())


@pytest.mark.django_db
def test_a_pdf_says_all_of_it_in_everybodys_letters():
    page = text_of(advice_pdf(advice(name=NAMES)))
    told = page.replace("\n", " ")
    for word in (
        "Harbour Market",
        "1 High Street",
        "Remittance advice PO-7K3M-9Q2",
        "PayPal, a•••@mail.example",
        "123.45 EUR",
        "130.00 EUR",
        "-6.55 EUR",
        "27 Nov 2026",
    ):
        assert word in told, word
    for name in NAMES.split():
        assert name in told, name
    assert str(SALE) in page.replace("\n", "")


@pytest.mark.django_db
def test_a_statement_as_pdf_adds_up():
    told = " ".join(text_of(statement_pdf(year())).split())
    for word in ("Statement of 2026", "Opening balance 1.00 EUR", "Closing balance 1.00 EUR", "PO-7K3M-9Q2"):
        assert word in told, word
    assert told.count("123.45 EUR") == 6  # owed and paid: in the summary, in the entries and in the total


@pytest.mark.django_db
def test_days_are_the_active_zones_and_numbers_the_active_languages():
    with timezone.override("Asia/Ho_Chi_Minh"), translation.override("vi"):
        told = text_of(advice_pdf(advice()))
        [_, row, _] = rows(advice_csv(advice()))
    assert "123,45 EUR" in told
    assert row[1] == "2026-11-28"
    assert row[6] == "123.45"  # a number that can be added up is the same everywhere


@pytest.mark.django_db
def test_a_long_advice_has_its_head_on_every_page():
    told = text_of(advice_pdf(advice(lines=200)))
    assert told.count("Before") == told.count("Page ") > 3


@pytest.mark.django_db
def test_what_people_are_called_is_text_and_never_markup():
    told = text_of(advice_pdf(advice(name="<b>Bob</b> & <img src='x'/>"))).replace("\n", " ")
    assert "<b>Bob</b> & <img src='x'/>" in told


@pytest.mark.django_db
def test_the_logo_of_the_marketplace_is_on_it(settings, tmp_path):
    from PIL import Image

    Image.new("RGB", (400, 200), "#1f4e5f").save(tmp_path / "logo.png")
    plain = advice_pdf(advice())
    settings.BRAND_LOGO = str(tmp_path / "logo.png")
    assert b"/Subtype /Image" in advice_pdf(advice())
    assert b"/Subtype /Image" not in plain


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+1+1",
        "-1+1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "  @x",
        "\u00a0=1",
        "＝1",
        "|cmd",
        '=HYPERLINK("http://x")',
        "-",
        "-1e5",
        "--1",
    ],
)
def test_no_cell_is_a_formula(cell):
    assert safe(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "Sale", "a=b", "-6.55", "123.45", "-0.00", "PO-7K3M-9Q2", "Đặng"])
def test_what_is_none_stays_as_it_is(cell):
    assert safe(cell) == cell


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
def test_whatever_is_written_begins_like_no_formula_and_is_read_back(text):
    [[first, second]] = rows(write([[text, "end"]]))
    assert second == "end"
    assert first in (text, f"'{text}")
    stripped = first.lstrip(" \t\r\n")
    assert not stripped or stripped[0] not in "=+@" or first.startswith("'")


@pytest.mark.django_db
def test_an_advice_as_csv():
    assert rows(advice_csv(advice(what="=cmd"))) == [
        ["Payout", "Paid on", "What", "Transaction", "Before commission", "Commission", "Amount", "Currency"],
        ["PO-7K3M-9Q2", "2026-11-27", "'=cmd", str(SALE), "130.00", "-6.55", "123.45", "EUR"],
        ["PO-7K3M-9Q2", "2026-11-27", "Total", "", "", "", "123.45", "EUR"],
    ]


def test_a_statement_as_csv():
    assert rows(statement_csv(year()))[1:] == [
        ["2026-01-01", "Opening balance", "", "", "", "1.00", "EUR"],
        ["2026-11-20", "Sale", str(SALE), "123.45", "", "124.45", "EUR"],
        ["2026-11-27", "Payout", "PO-7K3M-9Q2", "", "123.45", "1.00", "EUR"],
        ["", "Total, and closing balance", "", "123.45", "123.45", "1.00", "EUR"],
    ]
