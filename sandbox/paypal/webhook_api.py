"""The webhooks API: who listens, what was told, certificates, and the verification of signatures."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sandbox.core import Request, Response, Route, World
from sandbox.core.webhooks import is_loopback
from sandbox.paypal import views
from sandbox.paypal.books import Books
from sandbox.paypal.notifications import TYPES, Event, Listener, Notifications
from sandbox.paypal.problems import Problem, at, invalid, not_found
from sandbox.paypal.signing import text_to_sign

MOST_LISTENERS = 10
_EVENT = re.compile(rb'"webhook_event"\s*:\s*')


class WebhookApi:
    """Handlers below /v1/notifications/."""

    def __init__(self, *, world: World, books: Books, news: Notifications) -> None:
        self._world = world
        self._books = books
        self._news = news

    def routes(self) -> Iterable[Route]:
        """Give the routes that need the webhooks scope."""
        root = "/v1/notifications"
        return [
            Route("POST", f"{root}/webhooks", self.create),
            Route("GET", f"{root}/webhooks", self.list),
            Route("GET", f"{root}/webhooks/{{id}}", self.show),
            Route("PATCH", f"{root}/webhooks/{{id}}", self.change),
            Route("DELETE", f"{root}/webhooks/{{id}}", self.delete),
            Route("GET", f"{root}/webhooks/{{id}}/event-types", self.types_of),
            Route("GET", f"{root}/webhooks-event-types", self.types),
            Route("GET", f"{root}/webhooks-events", self.events),
            Route("GET", f"{root}/webhooks-events/{{id}}", self.event),
            Route("POST", f"{root}/webhooks-events/{{id}}/resend", self.resend),
            Route("POST", f"{root}/simulate-event", self.simulate),
        ]

    # Listeners -----------------------------------------------------------------------------------------------

    def create(self, request: Request) -> Response:
        """Register an address."""
        asked = _object(request)
        url, types = self._url(asked.get("url")), _types(asked.get("event_types"))
        if len(self._news.listeners) >= MOST_LISTENERS:
            raise Problem(
                400, "WEBHOOK_NUMBER_LIMIT_EXCEEDED", message="You have reached the maximum of 10 webhooks."
            )
        listener = Listener(self._books.new_id(8), url, types)
        self._news.register(listener)
        return Response.of(self._shown(listener), status=201)

    def list(self, request: Request) -> Response:
        """List all."""
        return Response.of({"webhooks": [self._shown(one) for one in self._news.listeners.values()]})

    def show(self, request: Request) -> Response:
        """Show one."""
        return Response.of(self._shown(self._listener(request)))

    def change(self, request: Request) -> Response:
        """Replace the address or the types of one."""
        listener = self._listener(request)
        patches = request.json()
        if not isinstance(patches, list) or not patches:
            raise invalid(at("", "The request must be a list of patches"))
        url, types = listener.url, listener.types
        for patch in patches:
            if not isinstance(patch, dict) or patch.get("op") != "replace":
                raise invalid(at("op", "Only replace is supported"))
            if patch.get("path") == "/url":
                url = self._url(patch.get("value"))
            elif patch.get("path") == "/event_types":
                types = _types(patch.get("value"))
            else:
                raise invalid(
                    at("path", "Only /url and /event_types can be replaced", value=patch.get("path"))
                )
        changed = Listener(listener.id, url, types)
        self._news.register(changed)
        return Response.of(self._shown(changed))

    def delete(self, request: Request) -> Response:
        """Forget one."""
        self._news.remove(self._listener(request).id)
        return Response(204)

    def types_of(self, request: Request) -> Response:
        """List the types one listens to."""
        return Response.of({"event_types": _described(self._listener(request).types)})

    def types(self, request: Request) -> Response:
        """List all types."""
        return Response.of({"event_types": _described(list(TYPES))})

    def _url(self, url: Any) -> str:
        """Check an address: PayPal wants https on port 443, the sandbox calls plain http on loopback only."""
        if not isinstance(url, str) or not is_loopback(url):
            raise invalid(
                at("url", "Not a valid webhook URL: this sandbox calls http on loopback only", value=url)
            )
        if any(one.url == url for one in self._news.listeners.values()):
            raise Problem(400, "WEBHOOK_URL_ALREADY_EXISTS", message="Webhook URL already exists")
        return url

    def _listener(self, request: Request) -> Listener:
        listener = self._news.listeners.get(request.params["id"])
        if listener is None:
            raise not_found()
        return listener

    def _shown(self, listener: Listener) -> dict[str, Any]:
        url = f"{self._world.url}/v1/notifications/webhooks/{listener.id}"
        return {
            "id": listener.id,
            "url": listener.url,
            "event_types": _described(listener.types),
            "links": [
                views.link(url),
                views.link(url, "update", "PATCH"),
                views.link(url, "delete", "DELETE"),
            ],
        }

    # Events --------------------------------------------------------------------------------------------------

    def events(self, request: Request) -> Response:
        """List what was told, newest first."""
        size = request.arg("page_size", "10") or ""
        if not size.isdigit() or not 1 <= int(size) <= 300:
            raise invalid(
                at("page_size", "Value must be a number from 1 to 300", value=size, location="query")
            )
        start, end = _moment(request, "start_time"), _moment(request, "end_time")
        wanted, about = request.arg("event_type"), request.arg("transaction_id")
        found = [
            event
            for event in reversed(self._news.events.values())
            if (start is None or event.at >= start)
            and (end is None or event.at <= end)
            and (wanted is None or event.type == wanted)
            and (about is None or about in event.references)
        ]
        shown = [event.body(self._world.url) for event in found[: int(size)]]
        url = f"{self._world.url}{request.target}"
        return Response.of({"events": shown, "count": len(shown), "links": [views.link(url)]})

    def event(self, request: Request) -> Response:
        """Show one event."""
        return Response.of(self._event(request).body(self._world.url))

    def resend(self, request: Request) -> Response:
        """Tell an event again, to all or to the named listeners."""
        event = self._event(request)
        asked = _object(request) if request.body else {}
        wanted = asked.get("webhook_ids") or list(self._news.listeners)
        for listener in [one for one in self._news.listeners.values() if one.id in wanted]:
            self._world.courier.again(self._news.parcel(event, listener))
        return Response.of(event.body(self._world.url), status=202)

    def simulate(self, request: Request) -> Response:
        """Send a sample event to an address or a listener."""
        asked = _object(request)
        if asked.get("event_type") not in TYPES:
            raise invalid(at("event_type", "Not a valid event type", value=asked.get("event_type")))
        url = asked.get("url")
        if asked.get("webhook_id"):
            listener = self._news.listeners.get(asked["webhook_id"])
            if listener is None:
                raise not_found()
            url = listener.url
        if not isinstance(url, str) or not is_loopback(url):
            raise invalid(
                at("url", "Not a valid webhook URL: this sandbox calls http on loopback only", value=url)
            )
        return Response.of(self._news.simulated(asked["event_type"], url).body(self._world.url), status=202)

    def _event(self, request: Request) -> Event:
        event = self._news.events.get(request.params["id"])
        if event is None:
            raise not_found()
        return event

    # Signatures ----------------------------------------------------------------------------------------------

    def certificate(self, request: Request) -> Response:
        """Give the chain of a certificate, to anybody."""
        for signer in (self._news.signer, self._news.forger):
            if request.params["id"] == signer.certificate_id:
                return Response(200, signer.chain_pem.encode(), content_type="application/x-pem-file")
        raise not_found()

    def verify(self, request: Request) -> Response:
        """Verify a signature over the very bytes that stand in the request."""
        asked = _object(request)
        texts = (
            "auth_algo",
            "cert_url",
            "transmission_id",
            "transmission_sig",
            "transmission_time",
            "webhook_id",
        )
        missing = [name for name in texts if not isinstance(asked.get(name), str)]
        if not isinstance(asked.get("webhook_event"), dict):
            missing.append("webhook_event")
        if missing:
            raise invalid(*(at(name, "Required field is missing or not valid") for name in missing))
        message = text_to_sign(
            transmission_id=asked["transmission_id"],
            time=asked["transmission_time"],
            webhook_id=asked["webhook_id"],
            body=_raw_event(request.body),
        )
        good = (
            asked["auth_algo"] == "SHA256withRSA"
            and asked["cert_url"] == self._news.certificate_url(self._news.signer)
            and asked["webhook_id"] in self._news.listeners
            and self._news.signer.verifies(message, asked["transmission_sig"])
        )
        return Response.of({"verification_status": "SUCCESS" if good else "FAILURE"})


def _raw_event(body: bytes) -> bytes:
    """Cut the event out of the request exactly as it was sent: PayPal's checksum is over bytes, not over values."""
    match = _EVENT.search(body)
    if match is None:
        return b""
    rest = body[match.end() :].decode("utf-8", "surrogateescape")
    try:
        end = json.JSONDecoder().raw_decode(rest)[1]
    except ValueError:
        return b""
    return rest[:end].encode("utf-8", "surrogateescape")


def _object(request: Request) -> dict[str, Any]:
    asked = request.json()
    if not isinstance(asked, dict):
        raise invalid(at("", "The request must be an object"))
    return asked


def _types(types: Any) -> list[str] | None:
    """Read a list of event types; None stands for all of them."""
    if not isinstance(types, list) or not types:
        raise invalid(at("event_types", "Required field is missing"))
    names = [one.get("name") if isinstance(one, dict) else None for one in types]
    if "*" in names:
        return None
    for name in names:
        if name not in TYPES:
            raise invalid(at("event_types", "Not a valid event type", value=name))
    return [name for name in names if name]


def _described(types: list[str] | None) -> list[dict[str, str]]:
    if types is None:
        return [{"name": "*", "description": "ALL", "status": "ENABLED"}]
    return [{"name": name, "description": f"A {name.lower()} event.", "status": "ENABLED"} for name in types]


def _moment(request: Request, name: str) -> float | None:
    text = request.arg(name)
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text.replace(" ", "+")).timestamp()
    except ValueError as error:
        raise invalid(at(name, "Not a valid date and time", value=text, location="query")) from error
