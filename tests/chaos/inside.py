"""The sandbox's services inside this process: whatever the product would write into a socket is handed over instead.

For those who tell thousands of short stories, where a process for each service and a socket for each call cost more
than what is looked at. Everything of ours runs, up to the session of `requests`.
"""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from unittest import mock
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from marketplace_payouts.lib.http import client
from sandbox.core.application import Application
from sandbox.core.http import Request, Response
from sandbox.core.process import build, service_class
from tests.sandbox_services import SandboxService

_RUNNING: Final[dict[str, Application]] = {}
_ONE_AT_A_TIME: Final = threading.RLock()


class _Caller:
    """As much of a connection as an application needs."""

    def __init__(self) -> None:
        self.response: Response | None = None
        self.is_gone = False

    def answer(self, response: Response) -> None:
        self.response = response

    def drop(self) -> None:
        self.is_gone = True

    def answer_in_part(self, _response: Response) -> None:
        self.is_gone = True


def _hand_over(host: str, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response:
    request = Request(
        method=method, target=target, headers={k.lower(): v for k, v in headers.items()}, body=body
    )
    caller = _Caller()
    with _ONE_AT_A_TIME:
        app = _RUNNING[host]
        app.handle(request, caller)  # type: ignore[arg-type]
        # Nobody waits here for the loop on which its clock would otherwise run.
        app.world.clock.run_due()
    if caller.response is None:
        raise requests.ConnectionError("The connection broke.")
    return caller.response


class _Inside(HTTPAdapter):
    """Hands a request of the product over to a service of this process."""

    def __init__(self, *, pool_size: int) -> None:
        super().__init__()

    def send(self, request: requests.PreparedRequest, *_arguments: Any, **_options: Any) -> requests.Response:
        url = urlsplit(request.url or "")
        target = f"{url.path}?{url.query}" if url.query else url.path
        body = request.body or b""
        answer = _hand_over(
            url.netloc,
            request.method or "GET",
            target,
            dict(request.headers),
            body.encode() if isinstance(body, str) else body,
        )
        raw = urllib3.HTTPResponse(
            body=io.BytesIO(answer.body),
            headers={"Content-Type": answer.content_type, **(answer.headers or {})},
            status=answer.status,
            preload_content=False,
        )
        return self.build_response(request, raw)


class InsideService(SandboxService):
    """One service of this process, steered as those are that run by themselves."""

    def __init__(self, name: str, *, port: int) -> None:
        app = build(service_class(name), seed=port, state=None, webhook_url=None)
        url = f"http://127.0.0.1:{port}"
        app.world.url = url
        super().__init__(name=name, url=url, credentials=app.service.credentials())
        app.service.start()
        _RUNNING[urlsplit(url).netloc] = app

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        content = b"" if body is None else json.dumps(body).encode()
        answer = _hand_over(urlsplit(self.url).netloc, method, path, {}, content)
        if not 200 <= answer.status < 300:
            raise RuntimeError(f"{method} {path} of the sandbox: {answer.status} {answer.body[:500]!r}")
        return json.loads(answer.body) if answer.body else None


@contextmanager
def services(*names: str) -> Iterator[dict[str, InsideService]]:
    """Have services in this process; the product reaches no other while they are there."""
    with mock.patch.object(client, "PinnedAdapter", _Inside):
        running = {name: InsideService(name, port=number) for number, name in enumerate(names, start=1)}
        try:
            yield running
        finally:
            for one in running.values():
                one.close()
                del _RUNNING[urlsplit(one.url).netloc]
