"""The bank accounts that a connected account is paid out to."""

from __future__ import annotations

import hashlib
from typing import Any

from sandbox.stripe import params as p
from sandbox.stripe import problems
from sandbox.stripe.currencies import currency
from sandbox.stripe.store import Data, Record, Store

FAILING = {
    "000111111116": "no_account",
    "000111111113": "account_closed",
    "000222222227": "insufficient_funds",
    "000333333335": "debit_not_authorized",
    "000444444440": "invalid_currency",
}
"""Test numbers whose payouts fail, and why (docs.stripe.com/connect/testing, read 2026-11)."""
GOOD = {
    "US": ("000123456789", "110000000"),
    "GB": ("00012345", "108800"),
    "": ("DE89370400440532013000", None),
}
TOKENS = {
    "btok_us_verified": "000123456789",
    "btok_us_verified_noAccount": "000111111116",
    "btok_us_verified_accountClosed": "000111111113",
}
_HASH = p.group(
    object=p.choice("bank_account"),
    account_holder_name=p.text,
    account_holder_type=p.choice("company", "individual"),
    account_number=p.text,
    country=p.text,
    currency=currency,
    routing_number=p.text,
)


def details(value: Any, name: str) -> Data:
    """Read what is given as `external_account`: a hash, or one of Stripe's test tokens."""
    if isinstance(value, str):
        if value not in TOKENS:
            raise problems.absent("token", value, param=name)
        number, routing = TOKENS[value], GOOD["US"][1]
        return {"account_number": number, "country": "US", "currency": "usd", "routing_number": routing}
    found: Data = _HASH(value, name)
    for needed in ("object", "account_number", "country", "currency"):
        if not found.get(needed):
            raise problems.missing(f"{name}[{needed}]")
    return found


details.fields = _HASH.fields  # type: ignore[attr-defined]  # so that a test can hold it against the library


def bank_of(store: Store, account: str) -> Record | None:
    """Give the bank account that payouts go to; one that sent a payout back does not count."""
    found = [
        bank for bank in store.where("bank_account", "account", account) if bank.data["status"] != "errored"
    ]
    return next((bank for bank in found if bank.hidden["default"]), found[0] if found else None)


def good(account: Record) -> Data:
    """Give the details of a bank account in an account's country to which payouts arrive."""
    country = account.data["country"]
    number, routing = GOOD.get(country, GOOD[""])
    return {
        "account_number": number,
        "country": country,
        "currency": account.data["default_currency"],
        "routing_number": routing,
    }


def add(store: Store, account: Record, wanted: Data, *, default: bool | None = None) -> Record:
    """Add a bank account; the first one, and one that is wanted so, becomes the default."""
    others = store.where("bank_account", "account", account.id)
    number = "".join(wanted["account_number"].split())
    is_default = default if default is not None else not any(bank.hidden["default"] for bank in others)
    if is_default:
        for bank in others:
            bank.hidden["default"] = False
            store.keep(bank)
    data = {
        "id": store.new_id("ba"),
        "object": "bank_account",
        "account_holder_name": wanted.get("account_holder_name"),
        "account_holder_type": wanted.get("account_holder_type"),
        "account_type": None,
        "bank_name": "STRIPE TEST BANK",
        "country": wanted["country"],
        "currency": wanted["currency"],
        "customer": None,
        "fingerprint": hashlib.sha256(number.encode()).hexdigest()[:16],
        "last4": number[-4:],
        "metadata": wanted.get("metadata", {}),
        "routing_number": wanted.get("routing_number"),
        "status": "new",
    }
    hidden = {"account": account.id, "default": is_default, "fails": FAILING.get(number)}
    return store.add("bank_account", account.id, data, hidden)
