"""A notice as a mail: in the payee's language, as plain text and simple HTML, with what mail programs need to know."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from email.utils import parseaddr
from typing import Any, Final

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.translation import get_language

from accounts import branding, languages
from accounts.branding import Brand
from marketplace_payouts.lib.money import Money
from payouts.models import Notice
from payouts.notices import kinds, leaving
from payouts.notices.turns import Turn

_BREAKS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class Writer:
    """Writes the mails of one set, under one brand."""

    def __init__(self) -> None:
        self._brand: Brand = branding.brand()
        self._domain = parseaddr(self._brand.sender)[1].rpartition("@")[2]

    def write(self, turn: Turn, notice: Notice) -> EmailMultiAlternatives:
        """This will write the mail for a notice.

        Its Message-ID follows from what it is about: sent once more because nobody knew whether it was sent, mail
        programs show it once.
        """
        kind = kinds.KINDS[turn.kind]
        off_url = leaving.url(turn.payee, kind.name) if kind.can_be_off else ""
        with languages.speaking_to(turn.payee):
            shown = _shown(turn.facts) | {"marketplace": self._brand.name, "name": _line(turn.payee.name)}
            subject = _line(str(kind.subject) % shown)
            says = render_to_string(f"notices/{kind.name}.txt", shown).strip()
            frame = {
                "brand": self._brand,
                "language": get_language(),
                "name": shown["name"],
                "subject": subject,
                "says": says,
                "page_url": settings.PUBLIC_URL + turn.page,
                "off_url": off_url,
                "is_to_verify": kind.name == kinds.VERIFY_METHOD,
            }
            text = render_to_string("notices/mail.txt", frame).strip() + "\n"
            html = render_to_string("notices/mail.html", frame)
        mail = EmailMultiAlternatives(
            subject, text, self._brand.sender, [notice.address], headers=self._headers(notice, off_url)
        )
        mail.reply_to = [self._brand.support_email] if self._brand.support_email else []
        mail.attach_alternative(html, "text/html")
        return mail

    def _headers(self, notice: Notice, off_url: str) -> dict[str, str]:
        headers = {
            "Message-ID": f"<{notice.pk.hex}.{notice.contact}@{self._domain}>",
            "Auto-Submitted": "auto-generated",
        }
        if off_url:
            # RFC 8058: mail programs switch it off by a POST to this address, without asking anything.
            headers["List-Unsubscribe"] = f"<{off_url}>"
            headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        return headers


def _shown(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Amounts as the payee's language writes them."""
    return {name: _say(value) for name, value in facts.items()}


def _say(value: Any) -> Any:
    match value:
        case Money():
            return languages.amount(value)
        case [Money(), *_]:
            return ", ".join(languages.amount(amount) for amount in value)
        case list():
            return [_row(row) for row in value]
        case _:
            return value


def _row(row: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(_say(cell) for cell in row)


def _line(text: str) -> str:
    """One line: what people call themselves goes into headers, where a line's end would begin another one."""
    return _BREAKS.sub(" ", text).strip()
