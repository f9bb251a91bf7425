"""What every call passes: the key, the version, whose account, its idempotency key, its parameters, and its faults."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sandbox.core import Fault, Request, Response
from sandbox.core.routing import Handler
from sandbox.stripe import params as parameters
from sandbox.stripe import problems
from sandbox.stripe.ground import Ground
from sandbox.stripe.idempotency import Keys, Saved
from sandbox.stripe.params import Form, Params
from sandbox.stripe.problems import Problem
from sandbox.stripe.store import Data

EARLY_S = 10.0
_VERSION = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(\.[a-z]+)?")


@dataclass(slots=True)
class Call:
    """One call that was let in. `account`: whose resources it is about; `public`: it came with a publishable key."""

    request: Request
    request_id: str
    account: str
    version: str
    given: Params
    public: bool
    key: str | None = None
    params: Params = field(default_factory=dict)

    @property
    def path(self) -> Mapping[str, str]:
        """Give what the route's placeholders matched."""
        return self.request.params


class Endpoint(NamedTuple):
    """One operation: what it takes, what it does, and whether a browser may call it with the publishable key."""

    method: str
    path: str
    form: Form
    work: Callable[[Call], Data]
    public: bool = False


class Desk:
    """Wraps endpoints into handlers."""

    def __init__(self, ground: Ground, *, keys: Keys) -> None:
        world = ground.world
        self._world = world
        self._store = ground.store
        self._shows = ground.shows
        self._events = ground.events
        self._platform = ground.platform
        self._keys = keys
        self.secret_key = world.credential("secret_key", lambda: f"sk_test_{world.token(24)}")
        self.publishable_key = world.credential("publishable_key", lambda: f"pk_test_{world.token(24)}")
        ground.events.livemode = self.secret_key.startswith("sk_live_")

    def handler(self, endpoint: Endpoint) -> Handler:
        """Give the handler of an endpoint."""

        def handle(request: Request) -> Response:
            request_id = self.request_id()
            headers = {"Request-Id": request_id}
            try:
                call = self._admit(request, endpoint, request_id)
                headers["Stripe-Version"] = call.version
                if call.account != self._platform:
                    headers["Stripe-Account"] = call.account
                response = self._answer(endpoint, call)
            except Problem as problem:
                response = problem.response()
            response.headers = {**headers, **(response.headers or {})}
            return response

        return handle

    def request_id(self) -> str:
        """Give a fresh id of a request."""
        return self._store.new_id("req", 14)

    # Letting in ----------------------------------------------------------------------------------------------

    def _admit(self, request: Request, endpoint: Endpoint, request_id: str) -> Call:
        public = self._authenticate(request)
        if public and not endpoint.public:
            raise Problem(
                401,
                "This API call cannot be made with a publishable API key. Please use a secret API key.",
                code="secret_key_required",
            )
        version = request.headers.get("stripe-version") or self._events.version
        if not _VERSION.fullmatch(version):
            raise problems.invalid(f"Invalid Stripe API version: {version}")
        given = parameters.parse(request.query_string)
        if request.method == "POST":
            given |= parameters.parse(request.body.decode("utf-8", "replace"))
        return Call(request, request_id, self._account(request), version, given, public)

    def _authenticate(self, request: Request) -> bool:
        """Check the key; True for the publishable one."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            key = _user_of(key)
        if not key:
            raise problems.no_key()
        if hmac.compare_digest(key.encode(), self.secret_key.encode()):
            return False
        if hmac.compare_digest(key.encode(), self.publishable_key.encode()):
            return True
        raise problems.wrong_key(key)

    def _account(self, request: Request) -> str:
        asked = request.headers.get("stripe-account")
        if not asked:
            return self._platform
        record = self._store.get(asked, "account")
        if record is None or record.hidden.get("deauthorized"):
            raise problems.no_access(asked)
        return asked

    # Answering -----------------------------------------------------------------------------------------------

    def _answer(self, endpoint: Endpoint, call: Call) -> Response:
        key = call.request.headers.get("idempotency-key") if endpoint.method == "POST" else None
        if not key:
            self._read(endpoint, call)
            return self._do(endpoint, call)
        call.key = key
        known = self._keys.begin(
            call.account, key, path=call.request.path, params=call.given, request_id=call.request_id
        )
        if known is not None:
            return _again(known, key)
        try:
            self._read(endpoint, call)
            response = self._do_once(endpoint, call)
        except BaseException:
            # Refused before the work had begun, or the sandbox itself failed: the key is as if it was never used.
            self._keys.release(call.account, key)
            raise
        response.headers = {**(response.headers or {}), "Idempotency-Key": key}
        self._save(call, key, response)
        return response

    def _read(self, endpoint: Endpoint, call: Call) -> None:
        if self._world.faults:
            if self._world.faults.take("lock_timeout", request=call.request):
                raise problems.locked()
            if call.key and self._world.faults.take("conflict", request=call.request):
                raise problems.in_progress(call.key)
        call.params = endpoint.form.read(call.given)

    def _do_once(self, endpoint: Endpoint, call: Call) -> Response:
        """Do the work under a key; a sticky error is what is kept of it."""
        fault = self._fault("sticky_error", call)
        if fault is not None and fault.when == "before":
            return _sticky(fault)
        response = self._do(endpoint, call)
        if fault is not None:
            stuck = _sticky(fault)
            stuck.wait_for = response.wait_for
            response = stuck
        slow = self._fault("in_progress", call)
        if slow is not None:
            response.wait_for.append(_after(slow.after(1.0)))
        return response

    def _do(self, endpoint: Endpoint, call: Call) -> Response:
        early = self._fault("webhook_early", call)
        with self._events.caused_by(call.request_id, call.key, early=early is not None) as arrivals:
            try:
                shown = endpoint.work(call)
                self._shows.expand(shown, call.params.get("expand", ()))
                response = Response.of(shown)
            except Problem as problem:
                response = problem.response()
        response.wait_for.extend(arrivals)
        return response

    def _fault(self, kind: str, call: Call) -> Fault | None:
        return self._world.faults.take(kind, request=call.request) if self._world.faults else None

    def _save(self, call: Call, key: str, response: Response) -> None:
        """Keep the answer; whoever asks with the key before it has left is told that it is in progress."""
        saved = self._keys.save(
            call.account,
            key,
            status=response.status,
            body=response.body.decode(),
            headers=dict(response.headers or {}),
        )
        if response.wait_for:
            saved.is_over = False
            leaving = asyncio.ensure_future(asyncio.wait(response.wait_for, timeout=EARLY_S))
            leaving.add_done_callback(lambda _: setattr(saved, "is_over", True))


def _again(known: Saved, key: str) -> Response:
    headers = {
        **known.headers,
        "Idempotency-Key": key,
        "Idempotent-Replayed": "true",
        "Original-Request": known.request_id,
    }
    return Response(known.status, known.body.encode(), headers=headers)


def _sticky(fault: Fault) -> Response:
    response = problems.broken(fault.status or 500).response()
    response.headers = {**(response.headers or {}), "Stripe-Should-Retry": "false"}
    return response


def _after(seconds: float) -> asyncio.Future[None]:
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    over.get_loop().call_later(seconds, lambda: None if over.done() else over.set_result(None))
    return over


def _user_of(basic: str) -> str:
    try:
        return base64.b64decode(basic, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""
