"""What a payee sees in a browser behind a registration link."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from urllib.parse import quote

from sandbox.core import Response

FIELDS = {
    "first_name": ("First name", "Ada"),
    "last_name": ("Last name", "Obi"),
    "email": ("E-mail address", "ada@example.com"),
    "country": ("Country, two letters", "NG"),
    "method": ("Where you want your money", "BANK"),
    "account": ("Account or card number", "0123456789"),
}
_CHOICES = {
    "method": (("BANK", "To a bank account"), ("PREPAID_CARD", "On a Payoneer card")),
    "decision": (
        ("Active", "Approves you at once"),
        ("Pending", "Looks at your papers first"),
        ("Inactive", "Declines you"),
    ),
}
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 34rem; margin: 2rem auto; padding: 0 1rem; color: #1f2430 }
label { display: block; margin-top: 1rem }
input, select { width: 100%; box-sizing: border-box; padding: .5rem; font: inherit }
button { margin-top: 1.5rem; padding: .6rem 1.2rem; font: inherit }
.wrong { color: #a3001e }
"""


def ask(payee_id: str, *, action: str, given: Mapping[str, str], missing: Iterable[str]) -> Response:
    """Ask for everything; `missing`: what was left out when it was sent."""
    wrong = ", ".join(FIELDS[name][0] for name in missing)
    warning = f'<p class="wrong" role="alert">Still missing: {escape(wrong)}</p>' if wrong else ""
    fields = "".join(_field(name, given.get(name, example)) for name, (_, example) in FIELDS.items())
    decision = _select("decision", "What this sandbox decides", given.get("decision", "Active"))
    body = (
        f"<p>You are registering as <strong>{escape(payee_id)}</strong>.</p>{warning}"
        f'<form method="post" action="{escape(action)}">{fields}{decision}<button>Submit</button></form>'
    )
    return _page("Get paid with Payoneer", body, status=422 if wrong else 200)


def done(back: str, *, wait_s: int) -> Response:
    """Say that it is done, and send the browser back after some seconds, or at once."""
    if not back:
        return _page("Thank you", "<p>You may close this page.</p>")
    spelled = quote(back, safe=":/?#[]@!$&'()*+,;=%~")
    if not wait_s:
        return Response(
            303, content_type="text/html", headers={"Location": spelled, "Cache-Control": "no-store"}
        )
    body = f'<p><a href="{escape(spelled)}">Go back</a></p>'
    return _page("Thank you", body, refresh=f"{wait_s};url={spelled}")


def gone() -> Response:
    """Say that a link leads nowhere."""
    return _page(
        "This link is no longer valid", "<p>Go back to where you came from for a new one.</p>", status=410
    )


def _field(name: str, value: str) -> str:
    if name in _CHOICES:
        return _select(name, FIELDS[name][0], value)
    return (
        f'<label for="{name}">{escape(FIELDS[name][0])}</label>'
        f'<input id="{name}" name="{name}" value="{escape(value)}" required>'
    )


def _select(name: str, label: str, value: str) -> str:
    options = "".join(
        f'<option value="{word}"{" selected" if word == value else ""}>{escape(text)}</option>'
        for word, text in _CHOICES[name]
    )
    return f'<label for="{name}">{escape(label)}</label><select id="{name}" name="{name}">{options}</select>'


def _page(title: str, body: str, *, status: int = 200, refresh: str = "") -> Response:
    again = f'<meta http-equiv="refresh" content="{escape(refresh)}">' if refresh else ""
    whole = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,">{again}'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><p>Payoneer sandbox: no real money, no real data</p><h1>{escape(title)}</h1>{body}"
        "</main></body></html>"
    )
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return Response(status, whole.encode(), content_type="text/html; charset=utf-8", headers=headers)
