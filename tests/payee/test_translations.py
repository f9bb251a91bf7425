"""Every sentence that payees read stands in every language that we speak, whole."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

import pytest
from babel import Locale
from django.template import base as templates
from django.utils import translation

from marketplace_payouts.lib import countries
from payouts.payee_pages import country_names
from payouts.said import SENTENCES, said
from tests import translations
from tests.translations import ROOT

per_language = pytest.mark.parametrize("language", translations.LANGUAGES)
PAGES: Final = sorted((ROOT / "templates" / "payee").rglob("*.*"))
# What a page may write as it is.
_AS_IT_IS: Final = frozenset({"PDF", "CSV"})


def ids(catalog) -> set[object]:
    """The sentences of a catalogue."""
    return {message.id for message in catalog if message.id}


@per_language
def test_what_the_code_says_is_what_translators_have(language):
    assert ids(translations.read(language)) == ids(translations.marked())


@per_language
def test_nothing_is_left_untranslated_or_guessed(language):
    catalog = translations.read(language)
    left = [
        message.id
        for message in catalog
        if message.id and (message.fuzzy or not all(_strings(message)) or not _strings(message))
    ]
    assert left == []


@per_language
def test_what_is_filled_in_is_filled_in_everywhere(language):
    for message in translations.read(language):
        if message.id:
            wanted = _gaps(message.id if isinstance(message.id, str) else message.id[1])
            assert all(_gaps(string) == wanted for string in _strings(message)), message.id
            assert not list(message.check())


@per_language
def test_what_django_reads_is_what_translators_wrote(language):
    assert translations.mo(language).read_bytes() == translations.compiled(translations.read(language))


def _strings(message) -> tuple[str, ...]:
    return message.string if isinstance(message.string, tuple) else (message.string,)


def _gaps(text: str) -> list[str]:
    return sorted(re.findall(r"%\(\w+\)[sd]|\{\w+\}|<[^>]+>", text))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_has_no_words_but_translated_ones(path: Path):
    left = re.sub(
        r"<!--.*?-->|&\w+;", " ", _outside_of_tags(path.read_text(encoding="utf-8")), flags=re.DOTALL
    )
    for attribute in re.findall(r'(?:title|alt|placeholder|aria-label)="([^"]*)"', left):
        assert not re.search(r"\w", attribute), attribute
    # What stands within tags, or is a part of one.
    left = re.sub(r"<[^>]*>|[\w-]+=\"[^\"]*\"", " ", left)
    words = set(re.findall(r"[^\W\d_]{2,}", left))
    assert words - _AS_IT_IS == set()


def _outside_of_tags(source: str) -> str:
    """The text of a template that no tag translates."""
    left, is_inside = [], False
    for token in templates.Lexer(source).tokenize():
        word = token.contents.split()[0] if token.contents.split() else ""
        if token.token_type is templates.TokenType.BLOCK and word in ("blocktranslate", "endblocktranslate"):
            is_inside = word == "blocktranslate"
        elif token.token_type is templates.TokenType.TEXT and not is_inside:
            left.append(token.contents)
    return "".join(left)


def test_what_services_say_to_payees_is_translated():
    found, refused = set(), set()
    for path in sorted((ROOT / "payouts" / "providers").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if path.name == "offering.py":
            found |= set(_said_in(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("DestinationError", "Problem"):
                refused |= set(_said_in(node))
    assert found
    assert refused - found, "also what is found to be wrong elsewhere than in the offering"
    assert (found | refused) - {_plain(one) for one in SENTENCES} == set()


def _said_in(tree: ast.AST) -> list[str]:
    """The sentences and labels of a service: every text with a blank in it that is no docstring, its gaps as {}."""
    told: list[str] = []
    inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    # Docstrings are for us.
    inner |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if id(node) in inner:
            continue
        if isinstance(node, ast.JoinedStr):
            told.append(
                "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _is_said(node.value):
            told.append(node.value)
    return told


def _is_said(text: str) -> bool:
    """Neither a name for programs, nor a pattern, nor a table of codes."""
    return " " in text and not text.startswith("[") and text.upper() != text


def _plain(sentence: str) -> str:
    return re.sub(r"\{\w+\}", "{}", sentence)


def test_a_service_is_understood_with_what_it_fills_in():
    with translation.override("vi"):
        assert said("PayPal does not pay out in VND, EUR.") == "PayPal không chi trả bằng VND, EUR."
        assert said("Something new.") == "Something new."


@pytest.mark.parametrize(("language", "cldr"), [("en-gb", "en_GB"), ("vi", "vi")])
def test_countries_are_named_as_cldr_does(language, cldr):
    territories = Locale.parse(cldr).territories
    assert country_names.NAMES[language] == {code: territories[code] for code in countries.CODES}


def test_every_language_is_whole():
    from django.conf import settings

    spoken = {code for code, _name in settings.LANGUAGES}
    assert spoken == set(country_names.NAMES) == {settings.LANGUAGE_CODE, *translations.LANGUAGES}


def test_what_django_says_itself_is_translated():
    """Of the forms' own sentences those that payees can come to see."""
    sentences = (
        "Enter a valid date.",
        "Select a valid choice. %(value)s is not one of the available choices.",
    )
    with translation.override("vi"):
        for sentence in sentences:
            assert translation.gettext(sentence) != sentence
