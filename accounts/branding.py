"""The marketplace's name, logo, colours and mail sender, as payees meet them: on our pages, in mails, on PDFs."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import formataddr, parseaddr
from functools import lru_cache
from pathlib import Path
from typing import Final

from django.conf import settings
from django.core.mail import EmailMessage

from accounts.models import Marketplace

LARGEST_LOGO: Final = 40 * 1024
"""In bytes: a page of ours weighs less than 100 kB with it."""
READABLE: Final = 4.5
"""The contrast of text that WCAG 2.2 demands at level AA."""

_INK: Final = "#16232b"
_PAPER: Final = "#ffffff"
_OUR_NAME: Final = "Marketplace Payouts"
_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}")
_KINDS: Final[Sequence[tuple[bytes, str]]] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
)
_SVG: Final = re.compile(rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<svg[\s>]", re.DOTALL)


class BadBrand(ValueError):
    """A setting of the brand means nothing or cannot be read; the sentence says what to do."""


@dataclass(frozen=True, slots=True)
class Logo:
    """A logo that we serve ourselves."""

    content: bytes
    kind: str
    """``image/png``, ``image/jpeg`` or ``image/svg+xml``; PDFs can take the first two."""

    @property
    def version(self) -> str:
        """What changes with the picture, for its address."""
        return hashlib.sha256(self.content).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Brand:
    """How the marketplace shows itself to payees."""

    name: str
    url: str
    """The marketplace's own front page; may be empty."""
    support_email: str
    """Whom payees write to; may be empty."""
    sender: str
    """What stands behind *From:* in mails to payees."""
    colour: str
    """Behind headers and buttons, as ``#rrggbb``."""
    on_colour: str
    """Of text on it; readable."""
    link_colour: str
    """Of links on white: the colour itself where that is readable."""
    logo: Logo | None
    logo_url: str
    """Where the logo lies elsewhere; then `logo` is None."""

    def mail(self, *, subject: str, body: str, to: str) -> EmailMessage:
        """This will make a mail to a payee, which is answered to whoever helps them."""
        reply_to = [self.support_email] if self.support_email else []
        return EmailMessage(subject, body, self.sender, [to], reply_to=reply_to)


def brand() -> Brand:
    """This will give the brand by the settings; without a name of its own it has the one that Sharetribe says.

    :raises BadBrand: when a setting means nothing; system checks have said so before.
    """
    name = settings.BRAND_NAME or _name_in_sharetribe() or _OUR_NAME
    colour = read_colour("BRAND_COLOUR", settings.BRAND_COLOUR)
    on_colour = (
        read_colour("BRAND_TEXT_COLOUR", settings.BRAND_TEXT_COLOUR)
        if settings.BRAND_TEXT_COLOUR
        else max((_PAPER, _INK), key=lambda text: contrast(text, colour))
    )
    is_elsewhere = settings.BRAND_LOGO.startswith("https://")
    return Brand(
        name=name,
        url=settings.BRAND_URL,
        support_email=settings.BRAND_SUPPORT_EMAIL,
        sender=_sender(name),
        colour=colour,
        on_colour=on_colour,
        link_colour=colour if contrast(colour, _PAPER) >= READABLE else _INK,
        logo=read_logo(settings.BRAND_LOGO) if settings.BRAND_LOGO and not is_elsewhere else None,
        logo_url=settings.BRAND_LOGO if is_elsewhere else "",
    )


def read_colour(setting: str, value: str) -> str:
    """This will read a colour.

    :raises BadBrand: when it is none.
    """
    if not _COLOUR.fullmatch(value):
        raise BadBrand(f"{setting} is {value!r}: write it as # and six hexadecimal digits, such as #1f4e5f.")
    return value.lower()


def contrast(one: str, other: str) -> float:
    """This will give the contrast of two colours, from 1 to 21.

    https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio, read 2026-11-30.
    """
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def read_logo(name: str) -> Logo:
    """This will read a logo from a file.

    :raises BadBrand: when it cannot be read, is no picture that we can show, or too large.
    """
    try:
        return _logo(name, Path(name).stat().st_mtime_ns)
    except OSError as error:
        raise BadBrand(f"BRAND_LOGO names {name}, which cannot be read ({error.strerror}).") from None


@lru_cache(maxsize=2)
def _logo(name: str, _changed: int) -> Logo:
    content = Path(name).read_bytes()
    kind = next((kind for magic, kind in _KINDS if content.startswith(magic)), "")
    if not kind and _SVG.match(content):
        kind = "image/svg+xml"
    if not kind:
        raise BadBrand(f"BRAND_LOGO names {name}, which is no PNG, JPEG or SVG picture.")
    if len(content) > LARGEST_LOGO:
        raise BadBrand(f"BRAND_LOGO names {name}, which is larger than {LARGEST_LOGO // 1024} kB.")
    return Logo(content, kind)


def _name_in_sharetribe() -> str:
    ours = Marketplace.objects.filter(client_id=settings.FLEX_CLIENT_ID).first()
    return ours.name if ours is not None else ""


def _sender(name: str) -> str:
    shown, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    return settings.DEFAULT_FROM_EMAIL if shown else formataddr((name, address))


def _luminance(colour: str) -> float:
    red, green, blue = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    return 0.2126 * _linear(red) + 0.7152 * _linear(green) + 0.0722 * _linear(blue)


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)
