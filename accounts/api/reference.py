"""The page on which people read the OpenAPI document: drawn here, without scripts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.api import schema

Json = Mapping[str, Any]
_ORDER: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a body, a parameter, or of an answer."""

    name: str
    kind: str
    required: bool
    text: str


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent or answered: its fields, and examples."""

    title: str
    text: str
    fields: list[Field]
    examples: list[str]


@dataclass(frozen=True, slots=True)
class Described:
    """One operation."""

    name: str
    tag: str
    method: str
    path: str
    summary: str
    text: str
    proofs: list[str]
    parameters: list[Field]
    body: Body | None
    answers: list[Body]
    leads_to: list[str]


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """This will show every operation."""
    found = _operations()
    groups = [(tag, list(some)) for tag, some in groupby(found, key=lambda one: one.tag)]
    schemes = schema.document()["components"]["securitySchemes"]
    return render(request, "api/reference.html", {"groups": groups, "schemes": schemes})


@cache
def _operations() -> list[Described]:
    document = schema.document()
    found = [
        _described(document, path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    return sorted(found, key=lambda one: (one.tag, one.path, _ORDER.index(one.method)))


def _described(document: Json, path: str, method: str, operation: Json) -> Described:
    sent = operation.get("requestBody")
    return Described(
        name=operation["operationId"],
        tag=operation["tags"][0],
        method=method.upper(),
        path=path,
        summary=operation.get("summary", operation["operationId"]),
        text=operation.get("description", ""),
        proofs=[name for proof in operation.get("security", []) for name in proof],
        parameters=[_parameter(one) for one in operation.get("parameters", [])],
        body=_body(document, "Body", "", sent) if sent else None,
        answers=[
            _body(document, status, answer.get("description", ""), answer)
            for status, answer in operation["responses"].items()
        ],
        leads_to=sorted(
            {name for answer in operation["responses"].values() for name in answer.get("links", ())}
        ),
    )


def _parameter(parameter: Json) -> Field:
    kind = f"{_kind({}, parameter['schema'])} in the {parameter['in']}"
    return Field(parameter["name"], kind, parameter.get("required", False), parameter.get("description", ""))


def _body(document: Json, title: str, text: str, described: Json) -> Body:
    content: Json = next(iter(described.get("content", {}).values()), {})
    shown = content.get("examples", {}).values()
    examples = [one["value"] for one in shown] + ([content["example"]] if "example" in content else [])
    return Body(
        title=title,
        text=text,
        fields=list(_fields(document, content.get("schema", {}), prefix="")),
        examples=[json.dumps(one, indent=2, ensure_ascii=False) for one in examples],
    )


def _fields(document: Json, shape: Json, *, prefix: str) -> Iterator[Field]:
    shape = _resolved(document, shape)
    if "items" in shape:
        yield from _fields(document, shape["items"], prefix=prefix.removesuffix(".") + "[].")
    for name, one in shape.get("properties", {}).items():
        inner = _resolved(document, one)
        text = one.get("description") or inner.get("description", "")
        yield Field(prefix + name, _kind(one, inner), name in shape.get("required", ()), text)
        yield from _fields(document, inner, prefix=f"{prefix}{name}.")


def _resolved(document: Json, shape: Json) -> Json:
    """What stands behind a reference, also where null or a description stands beside it."""
    for word in ("allOf", "oneOf", "anyOf"):
        if word in shape:
            shape = next((one for one in shape[word] if "$ref" in one), shape[word][0])
    if "$ref" not in shape:
        return shape
    found: Json = document["components"]["schemas"][shape["$ref"].rpartition("/")[2]]
    return found


def _kind(outer: Json, shape: Json) -> str:
    words = shape.get("type", "any")
    kinds = [words] if isinstance(words, str) else list(words)
    if {"type": "null"} in outer.get("oneOf", ()):
        kinds.append("null")
    kinds[0] = " ".join(filter(None, (kinds[0], shape.get("format"))))
    choices = ", ".join(str(choice) for choice in shape.get("enum", ()) if choice is not None)
    return " or ".join(kinds) + (f": {choices}" if choices else "")
