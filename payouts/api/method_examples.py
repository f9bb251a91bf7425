"""What requests and answers about payout methods look like, for the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

from accounts.api.examples import answered, sent


def _eur(units: int) -> dict[str, Any]:
    return {"units": str(units), "currency": "EUR", "exponent": 2}


_FEE_NOTE: Final = (
    "The marketplace pays PayPal's fee. PayPal takes one of its own where it converts what you receive into another"
    " currency."
)
_PAYPAL: Final = {
    "provider": "paypal",
    "label": "PayPal",
    "kind": "form",
    "proof": "mailed_link",
    "offered": True,
    "why_not": None,
    "terms": [
        {
            "owed_currency": "EUR",
            "owed": _eur(9000),
            "currency": "EUR",
            "fee": _eur(0),
            "fee_note": _FEE_NOTE,
            "amount": _eur(9000),
            "amount_note": None,
            "arrives_within_s": None,
            "arrival_note": "PayPal credits it as soon as it has processed it, and promises no time.",
        }
    ],
}
_REFUSED: Final = _PAYPAL | {
    "offered": False,
    "why_not": "PayPal lets nobody in your country receive payouts.",
    "terms": [],
}
_EMAIL: Final = {
    "name": "email",
    "type": "email",
    "label": "E-mail address of your PayPal account",
    "required": True,
    "help": "We send a link to this address; follow it to confirm that it is yours.",
    "example": "you@example.com",
    "pattern": r"[^@\s]+@[^@\s]+\.[^@\s]+",
    "max_length": 127,
    "choices": None,
    "refreshes": False,
    "value": None,
}
_METHOD: Final = {
    "id": "0193a8c2-7c1e-7d3a-9b5f-2e4d6c8a0b1c",
    "provider": "paypal",
    "label": "PayPal",
    "masked": "a•••@example.com",
    "default": True,
    "standing": "unconfirmed",
    "detail": "Follow the link in the mail that we sent to this address; nothing is paid there before.",
    "confirmed": False,
    "usable_from": "2026-12-03T09:00:00Z",
    "created_at": "2026-11-30T09:00:00Z",
    "if_retired": "What you are owed, 90.00 EUR, waits until you choose another payout method.",
}

OFFERS: Final = [
    answered("To somebody in Germany", {"country": "DE", "offers": [_PAYPAL]}),
    answered("To somebody whom PayPal cannot pay", {"country": "NG", "offers": [_REFUSED]}),
]
REQUIREMENTS: Final = [
    sent("The form of PayPal", {"provider": "paypal", "values": {}}),
    answered("A form", {"kind": "form", "fields": [_EMAIL], "state": None, "detail": None}),
    answered(
        "A service with pages of its own",
        {
            "kind": "hosted",
            "fields": None,
            "state": "pending",
            "detail": "Go on with your registration.",
        },
    ),
]
LINK: Final = [
    sent(
        "To a service", {"provider": "payoneer", "return_url": "https://market.example.com/account/payouts"}
    ),
    answered("A link", {"url": "https://payouts.example.com/register?token=…", "expires_at": None}),
]
METHODS: Final = [answered("Somebody with one method", {"methods": [_METHOD]})]
METHOD: Final = [answered("A method", _METHOD)]
CHOOSE: Final = [
    sent(
        "A PayPal account", {"provider": "paypal", "country": "DE", "values": {"email": "anna@example.com"}}
    ),
    answered("Chosen", _METHOD, "201"),
    answered("Chosen before already", _METHOD),
]
RETIRE: Final = [answered("Of the default", {"detail": _METHOD["if_retired"]})]
