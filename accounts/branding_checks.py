"""Settings of the brand that mean nothing, or that payees could not read, each with what to do."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parseaddr
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts import branding
from accounts.branding import READABLE, BadBrand


def check_branding(app_configs: object = None, **_more: Any) -> list[CheckMessage]:
    """This will hold the brand to what can be shown, read and written to."""
    return [*_words(), *_colours(), *_logo()]


def _words() -> Iterator[CheckMessage]:
    if any(not sign.isprintable() for sign in settings.BRAND_NAME):
        hint = "Give the name alone, on one line."
        yield Error("BRAND_NAME has signs that cannot be printed.", hint=hint, id="payouts.E090")
    if settings.BRAND_URL and not _is_https(settings.BRAND_URL):
        hint = "Give the marketplace's front page, such as https://www.example.com."
        yield Error(f"BRAND_URL is {settings.BRAND_URL}.", hint=hint, id="payouts.E091")
    sender = settings.DEFAULT_FROM_EMAIL
    for name, address in (
        ("DEFAULT_FROM_EMAIL", parseaddr(sender)[1]),
        ("BRAND_SUPPORT_EMAIL", settings.BRAND_SUPPORT_EMAIL),
    ):
        if not _is_address(address) and (address or name == "DEFAULT_FROM_EMAIL"):
            hint = "Give one address, such as payouts@example.com."
            yield Error(f"{name} is {getattr(settings, name)!r}.", hint=hint, id="payouts.E092")


def _colours() -> Iterator[CheckMessage]:
    try:
        colour = branding.read_colour("BRAND_COLOUR", settings.BRAND_COLOUR)
        text = settings.BRAND_TEXT_COLOUR and branding.read_colour(
            "BRAND_TEXT_COLOUR", settings.BRAND_TEXT_COLOUR
        )
    except BadBrand as error:
        yield Error(str(error), id="payouts.E093")
        return
    if text and (found := branding.contrast(text, colour)) < READABLE:
        sentence = (
            f"BRAND_TEXT_COLOUR on BRAND_COLOUR has a contrast of {found:.1f}; people can read from"
            f" {READABLE} on."
        )
        hint = "Leave BRAND_TEXT_COLOUR out: white or black is taken, whichever reads better."
        yield Error(sentence, hint=hint, id="payouts.E094")


def _logo() -> Iterator[CheckMessage]:
    logo = settings.BRAND_LOGO
    if not logo or (logo.startswith("https://") and _is_https(logo)):
        return
    try:
        branding.read_logo(logo)
    except BadBrand as error:
        hint = "Name a file of at most 40 kB, or the https address of a picture."
        yield Error(str(error), hint=hint, id="payouts.E095")


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    # The address goes into a header and into pages: nothing in it may end what it stands in.
    return (
        parts.scheme == "https"
        and bool(host)
        and parts.username is None
        and all("!" <= sign <= "~" and sign not in "\"'<>;,\\" for sign in url)
    )


def _is_address(address: str) -> bool:
    # The mails of a machine that tries things out come from `payouts@localhost`.
    if address.endswith("@localhost"):
        return True
    try:
        validate_email(address)
    except ValidationError:
        return False
    return True
