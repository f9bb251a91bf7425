"""The few pages that a person sees at Stripe: onboarding, and the express dashboard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any
from urllib.parse import quote

from sandbox.core import Response
from sandbox.stripe.currencies import shown
from sandbox.stripe.store import Data

TITLES = {
    "business_profile.mcc": ("Industry code", "5734"),
    "business_profile.url": ("Website", "https://example.com"),
    "company.name": ("Company name", "Rosen Goods"),
    "company.tax_id": ("Tax number", "000000000"),
    "external_account": ("Bank account number or IBAN", ""),
    "individual.ssn_last_4": ("Last four digits of your social security number", "0000"),
    "individual.verification.document": ("Number of your identity document", "X0000000"),
}
"""Requirement → what the form calls it, and what it suggests."""
_PARTS = {
    "address.city": ("City", "Berlin"),
    "address.line1": ("Street and number", "address_full_match"),
    "address.postal_code": ("Postal code", "10115"),
    "dob.day": ("Day of birth", "1"),
    "dob.month": ("Month of birth", "1"),
    "dob.year": ("Year of birth", "1990"),
    "email": ("E-mail address", "jenny@example.com"),
    "first_name": ("First name", "Jenny"),
    "last_name": ("Last name", "Rosen"),
    "phone": ("Phone", "+15555550100"),
}
TERMS = "tos_acceptance"

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 34rem; margin: 2rem auto; padding: 0 1rem; color: #1a1f36 }
label { display: block; margin-top: 1rem }
input:not([type=checkbox]), select { width: 100%; box-sizing: border-box; padding: .5rem; font: inherit }
button { margin: 1.5rem .5rem 0 0; padding: .6rem 1.2rem; font: inherit }
.wrong { color: #b3093c }
"""


def page(title: str, body: str, *, status: int = 200) -> Response:
    """Make a page."""
    whole = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><p>Stripe sandbox: no real money, no real data</p><h1>{escape(title)}</h1>{body}"
        "</main></body></html>"
    )
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return Response(status, whole.encode(), content_type="text/html; charset=utf-8", headers=headers)


def redirect(url: str) -> Response:
    """Send the browser on."""
    spelled = quote(url, safe=":/?#[]@!$&'()*+,;=%~")
    return Response(303, content_type="text/html", headers={"Location": spelled, "Cache-Control": "no-store"})


def choose_kind(account: Data, *, action: str) -> Response:
    """Ask who the account's owner is."""
    body = (
        f'<form method="post" action="{escape(action)}">'
        '<label for="business_type">Who is to be paid?</label>'
        '<select id="business_type" name="business_type"><option value="individual">A person</option>'
        '<option value="company">A company</option></select>'
        '<button name="action" value="continue">Continue</button>'
        '<button name="action" value="later">Finish later</button></form>'
    )
    return page(f"Get paid: {account['email'] or account['id']}", body)


def ask(
    account: Data,
    lacks: Iterable[str],
    *,
    action: str,
    bank: str,
    given: Mapping[str, str],
    missing: Iterable[str],
) -> Response:
    """Ask for everything that is due; `missing`: what was left out when it was sent."""
    names = [name for name in lacks if not name.startswith(TERMS)]
    fields = "".join(_field(name, given.get(name, _suggested(name, bank))) for name in names)
    wrong = [title_of(name) if name != TERMS else "your agreement" for name in missing]
    warning = f'<p class="wrong" role="alert">Still missing: {escape(", ".join(wrong))}</p>' if wrong else ""
    body = (
        f'{warning}<form method="post" action="{escape(action)}">{fields}'
        f'<label><input type="checkbox" name="{TERMS}" value="yes"> I agree to the Stripe Services Agreement</label>'
        '<button name="action" value="submit">Agree and submit</button>'
        '<button name="action" value="later" formnovalidate>Finish later</button></form>'
    )
    return page(f"Get paid: {account['email'] or account['id']}", body, status=422 if wrong else 200)


def _field(name: str, value: str) -> str:
    spelled = escape(name)
    return (
        f'<label for="{spelled}">{escape(title_of(name))}</label>'
        f'<input id="{spelled}" name="{spelled}" value="{escape(value)}" required>'
    )


def title_of(name: str) -> str:
    """Say what the form calls a requirement."""
    return TITLES.get(name, _PARTS.get(name.partition(".")[2], (name, "")))[0]


def _suggested(name: str, bank: str) -> str:
    if name == "external_account":
        return bank
    return TITLES.get(name, _PARTS.get(name.partition(".")[2], (name, "given")))[1]


def dashboard(account: Data, balance: Data, payouts: Iterable[Data]) -> Response:
    """Show the express dashboard: what is there, and what was paid out."""
    held = "".join(_item(shown(part["amount"], part["currency"])) for part in balance["available"])
    sent = "".join(_item(f"{shown(one['amount'], one['currency'])}: {one['status']}") for one in payouts)
    body = f"<h2>Available</h2><ul>{held}</ul><h2>Payouts</h2><ul>{sent or _item('None yet')}</ul>"
    return page(f"Express dashboard: {account['email'] or account['id']}", body)


def gone() -> Response:
    """Say that a link leads nowhere."""
    return page(
        "This link is no longer valid", "<p>Go back to where you came from for a new one.</p>", status=410
    )


def _item(text: Any) -> str:
    return f"<li>{escape(str(text))}</li>"
