"""Schemathesis against the product, in this process: who calls, what was found, and who was told what."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final
from unittest import mock

import schemathesis
from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.utils import timezone
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema
from schemathesis.engine.recorder import CheckFailureInfo, ScenarioRecorder
from schemathesis.transport.wsgi import WSGITransport

from accounts import sessions
from accounts.callers import Caller, Credential
from accounts.models import Login, User
from tests.api_client import MarketplaceServer

DOCUMENT: Final = "/api/schema/"
SIGNED: Final = "to be signed"
"""What schemathesis sends as `webhook-signature` where the marketplace's server is to sign."""
IN_SESSION: Final = "Bearer session-of-"
"""What it sends, with a name behind, where that person is to have a session made for this request alone."""
Environ = dict[str, Any]
# What schemathesis says of calls over the network; its own checks hand it on to calls that use none, which refuse it.
_OF_THE_NETWORK: Final = ("session", "max_redirects", "verify", "cert", "proxies")


@dataclass(frozen=True, slots=True)
class Told:
    """One request, and what was answered."""

    caller: str
    method: str
    asked: str
    """The address and the body."""
    status: int
    answer: str
    """The headers and the body."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that schemathesis found."""

    operation: str
    check: str
    code: str
    """That of the error that was answered, if one was."""
    text: str


@dataclass
class Front:
    """Stands before the product as a web server does, proves who calls, and writes down who was told what.

    Every request runs in one thread, so that one connection to the database serves all of schemathesis's own threads.
    """

    people: Mapping[str, User]
    tokens: Mapping[str, str]
    """Of whom each `Authorization` is."""
    server: MarketplaceServer
    examples: Mapping[str, str] = field(default_factory=dict)
    """What the document's examples name, and what there is in its place."""
    told: list[Told] = field(default_factory=list)
    _app: Any = field(default_factory=get_wsgi_application)
    _thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(max_workers=1))

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        status, headers, body = self._thread.submit(self._answer, environ).result()
        start_response(status, headers)
        return [body]

    def close(self) -> None:
        """Let go of the database."""
        self._thread.submit(connections.close_all).result()
        self._thread.shutdown()

    def _answer(self, environ: Environ) -> tuple[str, list[tuple[str, str]], bytes]:
        sent = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(sent)
        caller = self._prove(environ, sent)
        head: list[Any] = []
        answer = self._app(environ, lambda status, headers, *_more: head.extend((status, headers)))
        body = b"".join(answer)
        answer.close()
        if environ["PATH_INFO"] == DOCUMENT:
            body = self._with_things_that_exist(body)
        asked = f"{environ['PATH_INFO']}?{environ.get('QUERY_STRING', '')} {sent.decode('utf-8', 'replace')}"
        shown = f"{head[1]} {body.decode('utf-8', 'replace')}"
        self.told.append(Told(caller, environ["REQUEST_METHOD"], asked, int(head[0][:3]), shown))
        return head[0], head[1], body

    def _prove(self, environ: Environ, sent: bytes) -> str:
        authorization: str = environ.get("HTTP_AUTHORIZATION", "")
        if authorization.startswith(IN_SESSION):
            name = authorization.removeprefix(IN_SESSION)
            environ["HTTP_AUTHORIZATION"] = f"Bearer {self._session_of(self.people[name])}"
            return name
        if environ.get("HTTP_WEBHOOK_SIGNATURE") == SIGNED:
            for header, value in self.server.signed(sent).items():
                environ["HTTP_" + header.upper().replace("-", "_")] = value
            return "server"
        return self.tokens.get(authorization, "")

    def _with_things_that_exist(self, document: bytes) -> bytes:
        for named, there in self.examples.items():
            document = document.replace(named.encode(), there.encode())
        return document

    @staticmethod
    def _session_of(person: User) -> str:
        now = timezone.now()
        caller = Caller(Credential.SESSION, Login.SHARETRIBE, logged_in_at=now, until=None)
        _, token = sessions.open_for(person, caller, now=now)
        return token


def findings(front: Front, *, config: dict[str, Any], left_out: Sequence[str] = ()) -> Iterator[Finding]:
    """Have schemathesis do what it can, and give what it found; some operations may be left out."""
    whole = config | {
        "seed": 20,
        "cache": {"enabled": False},
        # After the first finding of an operation there may be others.
        "continue-on-failure": True,
        "operations": [
            *config.get("operations", ()),
            *({"include-operation-id": one, "enabled": False} for one in left_out),
        ],
    }
    with mock.patch.object(WSGITransport, "send", _without_network(WSGITransport.send)):
        tried = schemathesis.openapi.from_wsgi(DOCUMENT, front, config=SchemathesisConfig.from_dict(whole))
        for event in from_schema(tried).execute():
            match event:
                case events.ScenarioFinished():
                    yield from _of_scenario(event.recorder)
                case events.NonFatalError():
                    yield Finding(event.label, "error", "", f"{event.info.title}: {event.info.message}")
                case events.EngineFinished():
                    yield from (Finding("", "after_run", "", str(one)) for one in event.failures)


def _without_network(send: Callable[..., Any]) -> Callable[..., Any]:
    def lean(self: WSGITransport, case: Any, **options: Any) -> Any:
        return send(self, case, **{name: one for name, one in options.items() if name not in _OF_THE_NETWORK})

    return lean


def _of_scenario(recorder: ScenarioRecorder) -> Iterator[Finding]:
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.status is Status.FAILURE:
                assert check.failure_info is not None
                yield _finding(recorder, case_id, check.name, check.failure_info)
            elif check.status is Status.ERROR:
                yield Finding(recorder.label, check.name, "", "The check itself failed.")


def _finding(recorder: ScenarioRecorder, case_id: str, check: str, info: CheckFailureInfo) -> Finding:
    failure = info.failure
    answered = recorder.find_response(case_id=failure.case_id or case_id)
    body = b"" if answered is None else answered.content
    text = f"{failure.title}\n{failure.message}\n{info.code_sample}\n{body[:500]!r}"
    return Finding(failure.operation or recorder.label, check, _code(body), text)


def _code(body: bytes) -> str:
    try:
        answer = json.loads(body)
        return str(answer["errors"][0]["code"] if "errors" in answer else answer["results"][0]["verdict"])
    except (ValueError, KeyError, TypeError, IndexError):
        return ""
