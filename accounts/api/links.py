"""Where an answer leads: the operations that go on with an id in it, as OpenAPI's links."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

_KEPT_AS: Final = "leads_to"

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def leads_to(*operations: str, **parameters: str) -> Callable[[Endpoint], Endpoint]:
    """This will say of an endpoint that its good answers lead to operations.

    `parameters` are those that all of them take: a pointer into the answer for each, such as ``/payouts/0/id``.
    """
    taken = {name: f"$response.body#{pointer}" for name, pointer in parameters.items()}

    def mark(endpoint: Endpoint) -> Endpoint:
        more = {one: {"operationId": one, "parameters": taken} for one in operations}
        setattr(endpoint, _KEPT_AS, of(endpoint) | more)
        return endpoint

    return mark


def of(endpoint: object) -> dict[str, Any]:
    """This will give where the answers of an endpoint lead."""
    found: dict[str, Any] = getattr(endpoint, _KEPT_AS, {})
    return found
