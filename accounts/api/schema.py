"""The OpenAPI document: what every operation shares is added here, so that no endpoint has to repeat it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from http import HTTPStatus
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction

from accounts.api import links
from accounts.api.permissions import IsPerson, IsServer
from accounts.api.serializers import Problems

_SIGNATURE: Final = "signature"
# Status, code and sentence of an error as it may look, and which operations have it.
_ERRORS: Final = (
    (400, "required", "This field is required.", "input"),
    (401, "session_over", "The session is over: log in again.", "proof"),
    (403, "login_too_old", "This needs a log-in of the last ten minutes: log in again.", "proof"),
    (404, "not_found", "There is nothing at this address, or it is not yours.", "path"),
    (406, "not_acceptable", "Only application/json is given: ask for that, or for anything.", ""),
    (409, "already_a_session", "This is a session already: log in again to get another.", "change"),
    (413, "too_large", "The body is larger than anything that is taken here.", "body"),
    (415, "unsupported_media_type", 'Unsupported media type "text/plain" in request.', "body"),
    (429, "throttled", "Request was throttled. Expected available in 2 seconds.", ""),
    (500, "server_error", "Something failed here. It was logged: try again later.", ""),
    (503, "sharetribe_unavailable", "Sharetribe does not say who this is at the moment.", "proof"),
)


class Operation(AutoSchema):
    """One operation, with the proofs it takes and the errors it may answer with."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """This will describe it, with its errors."""
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is not None:
            asked = any(one["in"] == "query" for one in operation.get("parameters", ()))
            for status, response in self._errors(is_asked=asked):
                operation["responses"].setdefault(str(status), response)
            if "requestBody" in operation and getattr(
                self.get_request_serializer(), "may_be_left_out", False
            ):
                operation["requestBody"]["required"] = False
            self._link(operation["responses"])
        return operation

    def get_auth(self) -> list[dict[str, Any]]:
        """This will name the proofs that it takes: people's, the server's, or all."""
        proofs: list[dict[str, Any]] = super().get_auth()
        permissions = {type(permission) for permission in self.view.get_permissions()}
        if IsServer in permissions:
            return [proof for proof in proofs if _SIGNATURE in proof]
        if IsPerson in permissions:
            return [proof for proof in proofs if _SIGNATURE not in proof]
        return proofs

    def _link(self, responses: dict[str, Any]) -> None:
        """Say where what is answered leads."""
        found = links.of(getattr(self.view, self.method.lower()))
        for status, response in responses.items():
            if found and status.startswith("2"):
                response["links"] = found

    def _errors(self, *, is_asked: bool) -> Iterator[tuple[int, dict[str, Any]]]:
        facts = {
            "": True,
            "proof": bool(self.view.get_permissions()),
            "path": "{" in self.path or getattr(self.view, "finds_by_body", False),
        }
        facts |= {"body": self.method in ("POST", "PUT", "PATCH"), "change": self.method != "GET"}
        facts |= {"input": facts["body"] or is_asked}
        shape = self.resolve_serializer(Problems, "response").ref
        for status, code, sentence, when in _ERRORS:
            if facts[when]:
                example = {"errors": [{"code": code, "detail": sentence, "field": None}]}
                content = {"application/json": {"schema": shape, "example": example}}
                yield status, {"description": HTTPStatus(status).phrase, "content": content}


class BodyShape(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Describes what is sent: nothing beside the fields is taken."""

    target_class = "accounts.api.serializers.Body"
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        """This will describe the fields, and say that there is no other."""
        # The call that the library's documentation gives.
        shape: dict[str, Any] = auto_schema._map_serializer(  # type: ignore[no-untyped-call]  # noqa: SLF001
            self.target, direction, bypass_extensions=True
        )
        return shape | {"additionalProperties": False}


def _bearer(text: str) -> dict[str, str]:
    return {"type": "http", "scheme": "bearer", "description": text}


def _header(name: str, text: str) -> dict[str, str]:
    return {"type": "apiKey", "in": "header", "name": name, "description": text}


class OurSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describes our own sessions."""

    target_class = "accounts.api.authentication.OurSession"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        """This will say where the session is sent."""
        return _bearer("A session of ours, mps_…, from POST /api/v1/session; good for a quarter of an hour.")


class SharetribeTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describes Sharetribe's tokens."""

    target_class = "accounts.api.authentication.SharetribeToken"
    name = "sharetribe_token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        """This will say where the token is sent."""
        return _bearer("A user's access token of Sharetribe, from the marketplace's front end.")


class AccountSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describes the sessions of accounts."""

    target_class = "accounts.api.authentication.AccountSession"
    name = "account_session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        """This will say where the token is sent."""
        return _header("X-Session-Token", "The session of an account, from /_allauth/app/v1/auth/login.")


class SignatureScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describes signed requests."""

    target_class = "accounts.api.authentication.SignedRequest"
    name = _SIGNATURE

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        """This will say what is signed."""
        return _header(
            "webhook-signature",
            "Of the marketplace's server, as in Standard Webhooks: v1, and the base64 of HMAC-SHA256 over webhook-id,"
            " webhook-timestamp and the body, joined by dots; the two headers are sent as well.",
        )


@cache
def document() -> dict[str, Any]:
    """This will give the document; it does not change while the process lives."""
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return found


@cache
def _written() -> str:
    return json.dumps(document(), indent=1, ensure_ascii=False)


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """This will give the document as JSON."""
    return HttpResponse(_written(), content_type="application/json")
