"""What our pages name exists: links, variables, commands and their options, files, roles and acts."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from django.core.management import get_commands, load_command_class

from tests.docs.pages import PAGES, ROOT, spans, text_of

_LINK: Final = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING: Final = re.compile(r"^#+ (.*)$", re.MULTILINE)
_VARIABLE: Final = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")
_COMMAND: Final = re.compile(r"manage\.py ([a-z_]+)([^\n`;&|)]*)")
_OPTION: Final = re.compile(r"(?<![\w-])--?[a-z][\w-]*")
# Written in capitals, and no variable of ours.
_NOT_VARIABLES: Final = frozenset({"NAME_FILE", "_BASE_URL"})
# What the examples of docs/api.md are given.
_GIVEN: Final = frozenset(
    {"PAYOUTS_URL", "PAYOUTS_SECRET", "SHARETRIBE_USER_ID", "LOGGED_IN_AT", "ACCESS_TOKEN"}
)
_EXAMPLE: Final = ROOT / ".env.example"

per_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@per_page
def test_every_link_leads_somewhere(page: Path):
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        there = (page.parent / name).resolve() if name else page
        assert there.exists(), target
        if anchor:
            assert anchor in _anchors(there), target


def _anchors(page: Path) -> set[str]:
    headings = _HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@per_page
def test_every_variable_stands_in_the_example(page: Path):
    known = _variables() | _words_of_the_code() | _NOT_VARIABLES | _GIVEN
    unknown = {
        name
        for span in spans(page)
        for name in _VARIABLE.findall(span)
        if not {name, name.removesuffix("_FILE")} & known
    }
    assert not unknown


def test_every_variable_of_the_example_is_explained():
    explained = {name for row in table_of_variables() for name in re.findall(r"`([A-Z0-9_]+)`", row)}
    assert _variables() - explained == set()


def table_of_variables() -> Iterator[str]:
    """This will give the first cells of the tables of docs/configuration.md."""
    for line in text_of("docs/configuration.md").splitlines():
        if line.startswith("| `"):
            yield line.split("|")[1]


def _variables() -> set[str]:
    return set(re.findall(r"^#?\s?([A-Z][A-Z0-9_]*)=", _EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE))


@cache
def _words_of_the_code() -> frozenset[str]:
    """Constants that a page may name, such as the members of an enumeration."""
    text = (ROOT / "payouts" / "providers" / "base.py").read_text(encoding="utf-8")
    return frozenset(_VARIABLE.findall(text))


@per_page
def test_every_command_exists_and_takes_these_options(page: Path):
    for name, rest in (found for span in spans(page) for found in _COMMAND.findall(span)):
        assert name in get_commands(), name
        unknown = set(_OPTION.findall(rest)) - _options(name)
        assert not unknown, f"{name} {unknown}"


@cache
def _options(name: str) -> frozenset[str]:
    command = load_command_class(get_commands()[name], name)
    return frozenset(command.create_parser("manage.py", name)._option_string_actions)


@per_page
def test_every_way_to_run_exists(page: Path):
    named = {word for span in spans(page) for word in re.findall(r"\./run ([a-z]+)", span)}
    assert named <= _ways_to_run()


@cache
def _ways_to_run() -> frozenset[str]:
    told = subprocess.run(
        [sys.executable, str(ROOT / "run"), "--help"], capture_output=True, text=True, check=True
    ).stdout
    return frozenset(re.findall(r"^    ([a-z]+) ", told, re.MULTILINE))


@per_page
def test_every_file_that_is_named_exists(page: Path):
    apps = (
        "accounts|deploy|docs|examples|flexsync|marketplace_payouts|payments|payouts|sandbox|templates|tests"
    )
    for span in spans(page):
        for name in re.findall(rf"(?<![\w/.<-])(?:{apps})/[\w./-]*\w", span):
            assert (ROOT / name).exists() or "<" in span, name


@per_page
def test_speaks_of_no_machine_but_the_readers(page: Path):
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"/(work|root|tmp)/|localhost:\d+/admin", text)
