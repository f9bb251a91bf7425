"""What requests and answers about buyers and sellers look like, for the OpenAPI document."""

from __future__ import annotations

from typing import Final

from accounts.api.examples import answered, sent

_ADDRESS: Final = {
    "line1": "Hafenstraße 7",
    "line2": None,
    "city": "Hamburg",
    "state": None,
    "postal_code": "20459",
    "country": "DE",
}
_BUYER: Final = {
    "customer": "cus_QXg1o8vcGmoR32",
    "name": "Minh Tran",
    "email": "minh@example.com",
    "phone": None,
    "address": _ADDRESS,
    "shipping": None,
    "payment_method": {
        "id": "pm_1Q0PsIJvEtkwdCNYMSaVuRz6",
        "type": "card",
        "brand": "visa",
        "last4": "4242",
        "exp_month": 8,
        "exp_year": 2029,
    },
    "read_at": "2026-11-30T09:00:00Z",
}
_SELLER: Final = {
    "account": "acct_1Nv0FGQ9RKHgCVdK",
    "kind": "express",
    "country": "DE",
    "state": "wanted",
    "sentence": "Something that Stripe asked for is overdue.",
    "verified": False,
    "verified_at": None,
    "required": [
        {
            "sentence": "Your identity document, as a photo.",
            "overdue": True,
            "problem": "The image is too blurred to be read.",
            "requirements": ["individual.verification.document"],
        }
    ],
    "deadline": None,
    "dashboard": True,
    "read_at": "2026-11-30T09:00:00Z",
}
PUT_BUYER: Final = [
    sent(
        "Who pays, and with what",
        {
            "name": "Minh Tran",
            "email": "minh@example.com",
            "address": _ADDRESS,
            "payment_method": "pm_1Q0PsIJvEtkwdCNYMSaVuRz6",
        },
    ),
    answered("The buyer from now on", _BUYER),
]
BUYER: Final = [
    answered("A buyer", _BUYER),
    answered("Nobody has needed a customer yet", dict.fromkeys(_BUYER)),
]
OPEN_SELLER: Final = [
    sent("A seller in Germany", {"country": "DE", "business_type": "individual"}),
    answered("The account", _SELLER, "200", "201"),
]
SELLER: Final = [answered("A seller of whom Stripe wants more", _SELLER)]
ONBOARDING: Final = [
    sent(
        "Pages of the front end",
        {
            "return_url": "https://www.example.com/account/payouts",
            "refresh_url": "https://www.example.com/account/payouts?again=1",
        },
    ),
    answered(
        "A link",
        {"url": "https://connect.stripe.com/setup/e/acct_1N…/9Xb…", "expires_at": "2026-11-30T09:05:00Z"},
        "201",
    ),
]
LOGIN_LINK: Final = [answered("A way in", {"url": "https://connect.stripe.com/express/acct_1N…/7Yd…"}, "201")]
