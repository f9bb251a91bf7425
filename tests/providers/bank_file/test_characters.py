"""Names in the characters of banks: by a rule for each letter, and never shortened."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payouts.providers.bank_file.characters import BadText, transliterate

ALLOWED = re.compile(r"[A-Za-z0-9/\-?:().,'+ ]+", re.ASCII)


@pytest.mark.parametrize(
    ("name", "country", "written"),
    [
        ("Nguyễn Thị Ngọc Ánh", "VN", "Nguyen Thi Ngoc Anh"),
        ("Đặng Hữu Phước", "VN", "Dang Huu Phuoc"),
        ("Lê Quỳnh Như", "VN", "Le Quynh Nhu"),
        ("Jörg Müßig", "DE", "Joerg Muessig"),
        ("ÄRZTEHAUS KÖLN", "DE", "AERZTEHAUS KOELN"),
        ("Änne Öztürk", "AT", "Aenne Oeztuerk"),
        ("Ümit Yıldırım Çağlar Şahin", "TR", "Umit Yildirim Caglar Sahin"),
        ("İbrahim Öz", "TR", "Ibrahim Oz"),
        ("Åsa Öberg", "SE", "Asa Oberg"),
        ("Søren Kjærsgård", "DK", "Soren Kjaersgard"),
        ("Łukasz Żółć", "PL", "Lukasz Zolc"),
        ("François Lefèvre-Œuf", "FR", "Francois Lefevre-Oeuf"),
        ("Þóra Guðmundsdóttir", "IS", "Thora Gudmundsdottir"),
        ("Dvořák & Syn s.r.o.", "CZ", "Dvorak + Syn s.r.o."),
        ("’t Hooft", "NL", "'t Hooft"),
        ("Adébáyọ̀ Ọláńrewájú", "NG", "Adebayo Olanrewaju"),
        ("  Anna \u00a0 Maria ", "DE", "Anna Maria"),
    ],
)
def test_a_name_is_written_as_its_bank_does(name: str, country: str, written: str):
    assert transliterate(name, country=country) == written


@pytest.mark.parametrize(
    "name", ["Анна", "王小明", "Anna 😀", "=SUM(A1)", "@anna", "a\x00b", "Anna*", "שרה", "50% GmbH", "<b>"]
)
def test_what_has_no_rule_is_refused_and_named(name: str):
    with pytest.raises(BadText, match="plain Latin"):
        transliterate(name)


@pytest.mark.parametrize("name", ["-2+3", "+49 170", "/etc", "", "  ", "a//b", "GmbH/", "?"])
def test_a_name_neither_begins_nor_ends_as_a_formula_or_a_code(name: str):
    with pytest.raises(BadText):
        transliterate(name)


@given(st.text(max_size=90), st.sampled_from(["", "DE", "VN", "TR"]))
def test_whatever_is_taken_has_the_banks_characters_and_no_fewer_letters(name: str, country: str):
    try:
        written = transliterate(name, country=country)
    except BadText:
        return
    assert ALLOWED.fullmatch(written)
    assert written[0] not in "=+-@\t\r"
    assert sum(map(str.isalnum, written)) >= sum(map(str.isalnum, name))
    assert transliterate(written, country=country) == written
