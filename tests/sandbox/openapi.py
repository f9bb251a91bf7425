"""Holds one exchange against a published OpenAPI file: its path, method and status choose the schema."""

from __future__ import annotations

import json
import os
import re
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from jsonschema import Draft4Validator, FormatChecker

SPECS_DIR = os.environ.get("SPECS_DIR")

needs_specs = pytest.mark.skipif(
    not SPECS_DIR, reason="SPECS_DIR does not point at the folder with the published OpenAPI files"
)


FORMATS = FormatChecker(())
WISE = "wise_payouts_subset"


@FORMATS.checks("date-time", raises=ValueError)
def _is_instant(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


@FORMATS.checks("uri", raises=ValueError)
def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or bool(urlsplit(value).scheme and urlsplit(value).netloc)


class Contract:
    """One OpenAPI file, of 3.0 or 3.1."""

    def __init__(self, name: str) -> None:
        self._file = json.loads((Path(SPECS_DIR or ".") / f"{name}.json").read_text())
        if name == WISE:
            _mend_wise(self._file)

    def check_request(self, method: str, url: str, body: Any = None) -> None:
        """Fail the test where the request breaks the file: parameters or body."""
        operation = self._operation(method, url)
        query = dict(parse_qsl(urlsplit(url).query))
        known = {
            p["name"]: p for p in map(self._resolved, operation.get("parameters", [])) if p["in"] == "query"
        }
        unknown = set(query) - set(known)
        assert not unknown, f"{method} {url} has parameters that are not in the file: {unknown}"
        missing = {name for name, p in known.items() if p.get("required")} - set(query)
        assert not missing, f"{method} {url} lacks {missing}"
        for name, text in query.items():
            schema = self._resolved(known[name]["schema"])
            self._check(_typed(text, schema), schema, f"{method} {url} ?{name}")
        content = operation.get("requestBody")
        if content is not None and body is not None:
            schema = _only(self._resolved(content)["content"])["schema"]
            self._check(body, schema, f"request {method} {url}")

    def check_answer(self, method: str, url: str, status: int, body: Any) -> None:
        """Fail the test where the answer breaks the file."""
        answers = self._operation(method, url)["responses"]
        answer = self._resolved(answers.get(str(status)) or answers["default"])
        content = answer.get("content")
        if content is None:
            assert body is None, f"{method} {url} {status} has a body that the file does not know"
            return
        self._check(body, content["application/json"]["schema"], f"answer {status} of {method} {url}")

    def check_schema(self, name: str, value: Any) -> None:
        """Fail the test where a value breaks one of the file's named schemas."""
        self._check(value, {"$ref": f"#/components/schemas/{name}"}, name)

    def _operation(self, method: str, url: str) -> dict[str, Any]:
        path = urlsplit(url).path
        for template, operations in self._file["paths"].items():
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path) and method.lower() in operations:
                found: dict[str, Any] = operations[method.lower()]
                return found
        raise AssertionError(f"{method} {path} is not in the file")

    def _resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            target: Any = self._file
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            node = target
        return node

    def _check(self, value: Any, schema: dict[str, Any], what: str) -> None:
        # OpenAPI 3.0 schemas are JSON Schema of about draft 4; the references point into the file's components.
        whole = {**schema, "components": self._file["components"]}
        validator = Draft4Validator(whole, format_checker=FORMATS)
        problems = [
            f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in validator.iter_errors(value)
        ]
        assert not problems, f"{what} breaks the published file:\n" + "\n".join(problems[:10])


def _mend_wise(file: dict[str, Any]) -> None:
    """Wise's file says `date-time` of what its own example writes with a blank, and lets what it calls one of two
    kinds of transfer be both."""
    del file["components"]["schemas"]["transfer"]["properties"]["created"]["format"]
    for operations in file["paths"].values():
        for operation in operations.values():
            for answer in operation["responses"].values() if "responses" in operation else ():
                for content in answer.get("content", {}).values():
                    _loosen(content.get("schema", {}))


def _loosen(schema: dict[str, Any]) -> None:
    if "oneOf" in schema:
        schema["anyOf"] = schema.pop("oneOf")
    if "items" in schema:
        _loosen(schema["items"])


def _only(content: dict[str, Any]) -> dict[str, Any]:
    """The content of the one type of media that a file knows of."""
    (found,) = content.values()
    return dict(found)


def _typed(text: str, schema: dict[str, Any]) -> Any:
    match schema.get("type"):
        case "integer":
            return int(text)
        case "boolean":
            return {"true": True, "false": False}[text]
    return text


@cache
def contract(name: str) -> Contract:
    """Give a file, read once."""
    return Contract(name)
