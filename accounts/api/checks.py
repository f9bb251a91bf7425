"""Settings of the API that contradict each other or mean nothing, each with what to do."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's own name

from marketplace_payouts.lib.http import BadBaseUrl, check_base_url


def check_api(app_configs: object = None, **_more: Any) -> list[CheckMessage]:
    """This will hold what browsers and proxies are told to addresses that mean what they say."""
    found: list[CheckMessage] = []
    for origin in settings.CORS_ALLOWED_ORIGINS:
        if not _is_origin(origin):
            hint = "Name each origin by itself, such as https://www.example.com: no path, no wildcard."
            found.append(Error(f"CORS_ORIGINS names {origin!r}.", hint=hint, id="payouts.E034"))
    page = settings.PASSWORD_RESET_URL
    if page and ("{key}" not in page or not page.startswith("https://")) and not settings.DEBUG:
        hint = "Give the https address of your page with {key} where the key goes, or leave it out."
        found.append(Error(f"PASSWORD_RESET_URL is {page}.", hint=hint, id="payouts.E035"))
    if settings.TRUSTED_PROXIES < 0:
        hint = "Say how many proxies add to X-Forwarded-For; nginx as in deploy/ is one."
        found.append(Error("TRUSTED_PROXIES is less than none.", hint=hint, id="payouts.E036"))
    if settings.TRUSTED_PROXIES == 0 and urlsplit(settings.PUBLIC_URL).scheme == "https":
        hint = "Leave TRUSTED_PROXIES out: the server that speaks TLS is one."
        sentence = (
            "All strangers count as one: they come by a proxy whose word is not taken for their address."
        )
        found.append(Warning(sentence, hint=hint, id="payouts.W036"))
    return found


def _is_origin(text: str) -> bool:
    try:
        check_base_url(text, allow_loopback_http=settings.DEBUG)
    except BadBaseUrl:
        return False
    return "*" not in text
