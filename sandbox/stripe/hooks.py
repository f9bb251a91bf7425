"""The webhook endpoints API."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from sandbox.core.webhooks import is_loopback
from sandbox.stripe import params as p
from sandbox.stripe import problems
from sandbox.stripe.desk import Call, Endpoint
from sandbox.stripe.ground import Ground, Part
from sandbox.stripe.params import NOTHING, Form, inner_page, merged
from sandbox.stripe.store import Data, Record

MOST = 16
APPLICATION = "ca_sandbox0000000000000000000000"


def _url(value: Any, name: str) -> str:
    """Read an address: Stripe wants https, the sandbox calls plain http on loopback only."""
    if not isinstance(value, str) or not is_loopback(value):
        raise problems.invalid(
            "Invalid URL: this sandbox calls plain http on loopback only.", name, code="url_invalid"
        )
    return value


def _types(value: Any, name: str) -> list[str]:
    found: list[str] = p.many(p.text)(value, name)
    for n, kind in enumerate(found):
        if kind != "*" and not re.fullmatch(r"[a-z_0-9]+(\.[a-z_0-9]+)+", kind):
            raise problems.invalid(f"Invalid {name}[{n}]: must be the name of an event, or *", f"{name}[{n}]")
    if not found or ("*" in found and len(found) > 1):
        raise problems.invalid(f"Invalid {name}: name events, or * alone", name)
    return found


_FIELDS: dict[str, p.Reader] = {
    "description": p.text,
    "enabled_events": _types,
    "metadata": p.metadata,
    "url": _url,
}
_CREATE = Form({**_FIELDS, "api_version": p.text, "connect": p.flag}, needs=("enabled_events", "url"))
_MODIFY = Form({**_FIELDS, "disabled": p.flag})


class Hooks(Part):
    """Handlers, and the pair of endpoints that steering points at an address."""

    def __init__(self, ground: Ground) -> None:
        super().__init__(ground)
        world = ground.world
        self.secret = world.credential("webhook_secret", lambda: f"whsec_{world.token(16)}")

    def endpoints(self) -> Iterable[Endpoint]:
        """Give all operations."""
        root = "/v1/webhook_endpoints"
        return [
            Endpoint("GET", root, inner_page(), self.list),
            Endpoint("POST", root, _CREATE, self.create),
            Endpoint("GET", f"{root}/{{id}}", NOTHING, self.show),
            Endpoint("POST", f"{root}/{{id}}", _MODIFY, self.modify),
            Endpoint("DELETE", f"{root}/{{id}}", NOTHING, self.delete),
        ]

    def start(self) -> None:
        """Listen at the address from the command line."""
        if self._world.webhook_url:
            self.point(self._world.webhook_url)

    def point(self, url: str) -> tuple[Record, Record]:
        """Send all events to an address: the platform's and Connect's, under the one secret of the credentials."""
        known = {
            one.hidden["connect"]: one
            for one in self._store.listed(self._platform, "webhook_endpoint")
            if one.hidden["steered"]
        }
        for connect in (False, True):
            if connect in known:
                known[connect].data["url"] = url
                self._store.keep(known[connect])
            else:
                known[connect] = self._add(
                    url=url, types=["*"], connect=connect, secret=self.secret, steered=True
                )
        return known[False], known[True]

    def _add(
        self, *, url: str, types: list[str], connect: bool, secret: str, steered: bool = False
    ) -> Record:
        data: Data = {
            "id": self._store.new_id("we"),
            "object": "webhook_endpoint",
            "api_version": None,
            "application": APPLICATION if connect else None,
            "created": self._store.now(),
            "description": None,
            "enabled_events": types,
            "livemode": self._events.livemode,
            "metadata": {},
            "status": "enabled",
            "url": url,
        }
        hidden = {"secret": secret, "connect": connect, "steered": steered}
        return self._store.add("webhook_endpoint", self._platform, data, hidden)

    def list(self, call: Call) -> Data:
        """List them, without their secrets."""
        return self._lists.page(
            kind="webhook_endpoint", account=call.account, params=call.params, url="/v1/webhook_endpoints"
        )

    def create(self, call: Call) -> Data:
        """Make one; its secret is shown this once."""
        if len(self._store.listed(self._platform, "webhook_endpoint")) >= MOST:
            raise problems.invalid(f"You have reached the maximum of {MOST} test webhook endpoints.")
        params = call.params
        record = self._add(
            url=params["url"],
            types=params["enabled_events"],
            connect=params.get("connect", False),
            secret=f"whsec_{self._world.token(16)}",
        )
        record.data["api_version"] = params.get("api_version") or None
        self._apply(record, params)
        return self._shows.show(record) | {"secret": record.hidden["secret"]}

    def _apply(self, record: Record, params: Data) -> None:
        for name in ("description", "enabled_events", "url"):
            if name in params:
                record.data[name] = params[name] or None
        if "disabled" in params:
            record.data["status"] = "disabled" if params["disabled"] else "enabled"
        record.data["metadata"] = merged(record.data["metadata"], params.get("metadata"))
        self._store.keep(record)

    def show(self, call: Call) -> Data:
        """Show one, without its secret."""
        return self._shows.show(self._get(call))

    def modify(self, call: Call) -> Data:
        """Change one."""
        record = self._get(call)
        self._apply(record, call.params)
        return self._shows.show(record)

    def delete(self, call: Call) -> Data:
        """Forget one."""
        record = self._get(call)
        self._store.remove(record)
        return {"id": record.id, "object": "webhook_endpoint", "deleted": True}

    def _get(self, call: Call) -> Record:
        record = self._store.get(call.path["id"], "webhook_endpoint")
        if record is None or record.account != call.account:
            raise problems.absent("webhook endpoint", call.path["id"])
        return record
