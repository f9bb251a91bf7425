"""docs/front-end.md and the web template's README name calls, codes, files and texts that exist."""

from __future__ import annotations

import json
import re

import pytest

from accounts.api import schema
from payouts.kept_methods import Standing
from sandbox.flex.processes import example
from tests.docs.pages import ROOT, column, table, text_of, words

PAGE = "docs/front-end.md"
EXAMPLE = ROOT / "examples" / "sharetribe-web-template"
README = "examples/sharetribe-web-template/README.md"
_CALL = re.compile(r"(GET|POST|PUT|DELETE) (/[\w./{}-]*)")
# Written by the template's own server, and so no file's.
_OURS_TO_SAY = {"title", "label"}


def operations() -> set[tuple[str, str]]:
    """Every operation of the API, with its address, whatever its parameters are called."""
    paths = schema.document()["paths"]
    return {(method.upper(), shape(path)) for path, methods in paths.items() for method in methods}


def shape(path: str) -> str:
    """An address without the names of its parameters."""
    return re.sub(r"\{\w+\}", "{}", path)


def source(folder: str = "") -> str:
    """Everything that is in the files of the example."""
    files = sorted((EXAMPLE / folder).rglob("*.js"))
    assert files
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


@pytest.mark.django_db
def test_every_call_that_is_named_exists():
    named = {
        (method, shape(path)) for method, path in _CALL.findall(text_of(PAGE)) if "/_sandbox/" not in path
    }
    assert len(named) > 10
    assert named <= operations()


@pytest.mark.django_db
def test_every_call_that_the_template_passes_on_exists():
    routes = re.findall(r"router\.(\w+)\('(/[^']*)', forward\)", source("server"))
    passed_on = {
        (method.upper(), shape(re.sub(r":(\w+)", r"{\1}", f"/api/v1{path}"))) for method, path in routes
    }
    assert len(passed_on) > 10
    assert passed_on <= operations()


def test_every_code_that_is_named_is_explained():
    explained = {
        code for row in table("docs/api.md", "code", "status", "what it says") for code in words(row[0])
    }
    named = {
        code
        for row in table(PAGE, "what you get", "what you do")
        for code in words(row[0])
        if "_" in code or code == "throttled"
    }
    assert len(named) > 5
    assert named <= explained


def test_every_standing_is_explained():
    assert column(PAGE, ("`standing`", "show"), "`standing`") == [one.value for one in Standing]


def test_the_readme_names_every_file():
    there = {str(path.relative_to(EXAMPLE)) for path in EXAMPLE.rglob("*") if path.is_file()} - {"README.md"}
    assert {words(row[0])[0] for row in table(README, "file", "what it is")} == there


def test_the_readme_names_every_variable():
    read = set(re.findall(r"process\.env\.([A-Z_]+)", source("server")))
    assert {words(row[0])[0] for row in table(README, "variable", "what it is")} == read


def test_every_text_is_there_and_used():
    texts = set(json.loads((EXAMPLE / "src/translations/payouts.en.json").read_text()))
    code = source("src")
    named = set(re.findall(r"""id(?:=|: )['"]([\w.]+)['"]""", code)) - _OURS_TO_SAY
    # Texts whose last part is a state, a kind or the like.
    begun = tuple(re.findall(r"id(?:=\{|: )`([\w.]+\.)\$\{", code))
    fields = {name for name in named if f'htmlFor="{name}"' in code}
    unknown = {name for name in named - fields if "." in name} - texts
    assert unknown == set()
    unused = {text for text in texts - named if not text.startswith(begun)}
    # CheckoutPage of the template asks for it, by the name of the process.
    assert unused == {"CheckoutPage.payout-process.title"}


def test_the_process_of_the_template_is_the_one_that_is_pushed():
    text = (EXAMPLE / "src/transactions/transactionProcessPayout.js").read_text()
    names = dict(re.findall(r"^  ([A-Z_]+): '(transition/[\w-]+)'", text, re.MULTILINE))
    states = dict(re.findall(r"^  ([A-Z_]+): '([a-z-]+)'", text, re.MULTILINE))
    graph = text.partition("export const graph")[2].partition("\n};")[0]
    told = set()
    for part in re.split(r"^    \[states\.", graph, flags=re.MULTILINE)[1:]:
        source_state = states[part.partition("]")[0]]
        for transition, target in re.findall(r"\[transitions\.(\w+)\]: states\.(\w+)", part):
            told.add((source_state, names[transition], states[target]))
    true = {
        ((one.source or "state/initial").removeprefix("state/"), one.name, one.target.removeprefix("state/"))
        for one in example().transitions.values()
    }
    assert told == true
    assert set(names.values()) == {name for _source, name, _target in true}
