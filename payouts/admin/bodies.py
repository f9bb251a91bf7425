"""Opening the sealed bytes of a call for people to read, without the secrets and payees' details in them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from marketplace_payouts.lib import crypto
from payouts.models import StepBody

_SECRETS = re.compile(
    r"secret|token|password|authorization|api_?key|private|signature|assertion", re.IGNORECASE
)
_DETAILS = re.compile(
    r"^(receiver|recipient|destination|email|e?mail_?address|payer_?id|payee|account_?(number|id|holder)?|iban|bic|"
    r"sort_?code|routing_?number|phone(_?number)?|address|wallet|legal_?type|first_?name|last_?name|full_?name|"
    r"recipient_wallet|date_?of_?birth|tax_?id)$",
    re.IGNORECASE,
)
_EMAIL = re.compile(r"([A-Za-z0-9._%+-])[A-Za-z0-9._%+-]*@([A-Za-z0-9.-]+\.[A-Za-z]{2,})")
_IBAN = re.compile(r"\b([A-Z]{2}[0-9]{2})[A-Z0-9]{8,26}([A-Z0-9]{4})\b")
# Who is paid, and where, in a bank's messages.
_IN_XML = re.compile(r"<(Nm|IBAN|Id|TwnNm)>([^<]+)<")
_PLAIN_WORDS = frozenset({"email", "phone", "paypal_id", "paypal", "venmo"})
_SHOWN_BYTES = 20_000
_ITEMS = 3


def readable(body: StepBody, *, keys: frozenset[str] = frozenset()) -> str:
    """This will open one body and write it for people; of a long list, the entries that mention one of `keys`.

    What cannot be opened is said, not raised: the page must be readable when a key is gone or a body was purged.
    """
    try:
        raw = crypto.open(bytes(body.sealed), aad=aad_of(body))
    except crypto.CryptoError as error:
        return f"Cannot be opened: {error}"
    return masked(raw.decode("utf-8", "replace"), keys=keys)


def aad_of(body: StepBody) -> bytes:
    """This will give what a body's sealing is bound to."""
    return body.step_id.bytes + body.kind.encode()


def masked(text: str, *, keys: frozenset[str] = frozenset()) -> str:
    """This will hide secrets and payees' details in a body, and indent it where it is JSON."""
    try:
        value = json.loads(text)
    except ValueError:
        return _mask_text(_IN_XML.sub(_mask_element, text))[:_SHOWN_BYTES]
    value = _walk(value, keys)
    return json.dumps(value, indent=2, ensure_ascii=False)[:_SHOWN_BYTES]


def _walk(value: Any, keys: frozenset[str]) -> Any:
    match value:
        case dict():
            return {name: _member(name, inner, keys) for name, inner in value.items()}
        case list():
            return _list(value, keys)
        case str():
            return _mask_text(value)
        case _:
            return value


def _member(name: str, value: Any, keys: frozenset[str]) -> Any:
    if _SECRETS.search(name):
        return "[removed]"
    if _DETAILS.match(name) and isinstance(value, str | int):
        return mask_word(str(value))
    return _walk(value, keys)


def _list(value: list[Any], keys: frozenset[str]) -> list[Any]:
    if len(value) <= _ITEMS or not keys:
        return [_walk(inner, keys) for inner in value]
    # A batch may carry thousands of payees: a page about one of them shows that one.
    wanted = [inner for inner in value if any(key in json.dumps(inner) for key in keys)][:_ITEMS]
    return [*(_walk(inner, keys) for inner in wanted), f"… and {len(value) - len(wanted)} other entries"]


def mask_word(text: str) -> str:
    """This will leave of a detail only what lets people tell two apart."""
    if text.lower() in _PLAIN_WORDS:
        return text
    hidden = _mask_text(text)
    if hidden != text:
        return hidden
    return f"{text[:1]}•••{text[-2:]}" if len(text) > 4 else "•••"


def _mask_element(found: re.Match[str]) -> str:
    return f"<{found[1]}>{mask_word(found[2])}<"


def _mask_text(text: str) -> str:
    mask: Callable[[re.Match[str]], str] = lambda found: f"{found[1]}•••@{found[2]}"  # noqa: E731 - named for the type
    return _IBAN.sub(r"\1•••\2", _EMAIL.sub(mask, text))
