"""Which places we may talk to at all."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from marketplace_payouts.lib.http.errors import BadBaseUrl


def check_base_url(
    url: str,
    *,
    allow_loopback_http: bool = False,
    allowed_hosts: Sequence[str] | None = None,
    allow_path: bool = False,
) -> str:
    """Give a base URL without its final slash, if it is one that we may talk to.

    https only, and with `allow_loopback_http` also this machine itself, by either scheme, whatever `allowed_hosts`
    says. `allow_path` is for addresses that carry a path or query of their own, as those of chain nodes do.

    :raises BadBaseUrl: when it is not; the message does not repeat the URL, which may hold a key.
    """
    try:
        parts = urlsplit(url.strip())
        host, _ = (parts.hostname or "").lower(), parts.port
    except (ValueError, AttributeError):
        raise BadBaseUrl("The base URL cannot be read.") from None
    loopback = allow_loopback_http and is_loopback_host(host)
    if parts.scheme != "https" and not (loopback and parts.scheme == "http"):
        raise BadBaseUrl(f"The base URL of {host or 'an unnamed host'} must begin with https://.")
    if not host or parts.username is not None or parts.password is not None:
        raise BadBaseUrl("A base URL has a host, and neither user nor password.")
    if parts.fragment or (not allow_path and (parts.path.strip("/") or parts.query)):
        raise BadBaseUrl(f"The base URL of {host} must end after the host.")
    if allowed_hosts is not None and not loopback and host not in allowed_hosts:
        raise BadBaseUrl(f"{host} is not one of the hosts of this service: {', '.join(allowed_hosts)}.")
    return url.strip() if parts.query else url.strip().rstrip("/")


def is_loopback_host(host: str) -> bool:
    """Say whether a host's name or address means this very machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
