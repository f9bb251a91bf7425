"""How often one may call: by who calls, by address for nobody; one count for all our processes.

Each turn is one statement (`TokenBucket`). The framework's own throttles read and write the cache in two steps, so
that processes which do so at once let through more than they should.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Final, cast

from django.conf import settings
from django.http import HttpRequest
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.callers import Server
from accounts.models import User
from marketplace_payouts.lib.shared_state import NotGranted, TokenBucket

_MINUTE_S: Final = 60


class ByCaller(BaseThrottle):
    """Takes a turn for every request: of the person, of the server's key, or where nobody is known of the address.

    The rate for people is the view's.
    """

    _wait_s: float | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        """This will take a turn, or say that there is none."""
        user: Any = request.user
        match user:
            case User():
                self._wait_s = turn(view.rate, str(user.pk))
            case Server():
                self._wait_s = turn("server", str(user.key.pk))
            case _:
                self._wait_s = turn("address", address(request))
        return self._wait_s is None

    def wait(self) -> float | None:
        """This will give the seconds after which there is a turn again."""
        return self._wait_s


def demand(rate: str, request: Request | HttpRequest) -> None:
    """This will take a turn for an address, before something that costs more than a request usually does.

    :raises Throttled: when there is none.
    """
    wait_s = turn(rate, address(request))
    if wait_s is not None:
        raise Throttled(wait_s)


def address(request: Request | HttpRequest) -> str:
    """This will give where a request comes from; of IPv6 the half that belongs to one customer."""
    try:
        # It looks at nothing but the headers, which both kinds of request have.
        found = ipaddress.ip_address(BaseThrottle().get_ident(cast("Request", request)) or "")
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((found, 64), strict=False).network_address)
    return str(found)


def turn(rate: str, who: str) -> float | None:
    """This will take a turn at a rate of `settings.API_RATES`, or give the seconds after which there is one."""
    per_minute, burst = settings.API_RATES[rate]
    bucket = TokenBucket(f"api {rate} {who}", rate=per_minute / _MINUTE_S, burst=burst)
    try:
        bucket.reserve(wait_s=0)
    except NotGranted:
        return 1 / bucket.rate
    return None
