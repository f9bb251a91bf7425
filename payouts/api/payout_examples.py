"""What questions and answers about payouts look like, for the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

from accounts.api.examples import answered, sent


def _amount(units: str) -> dict[str, Any]:
    return {"units": units, "currency": "EUR", "exponent": 2}


_LISTED: Final = {
    "id": "0193a8c2-7c1e-7d3a-9b5f-2e4d6c8a0b1c",
    "number": "PO-7K3M9-Q2XVC",
    "state": "paid",
    "since": "2026-11-27T10:04:12Z",
    "amount": _amount("12345"),
    "sent": _amount("12345"),
    "returned": None,
    "provider": "PayPal",
    "method": "a•••@example.com",
    "created_at": "2026-11-27T09:00:00Z",
    "paid_at": "2026-11-27T10:04:12Z",
}
_LINE: Final = {
    "what": "Sale",
    "transaction": "65a0f9d2-3c1b-4e5f-8a7b-9c0d1e2f3a4b",
    "amount": _amount("12345"),
    "gross": _amount("13717"),
    "commission": _amount("-1372"),
    "due_since": "2026-11-20T08:30:00Z",
}
_WHY: Final = [
    {
        "code": "method_new",
        "sentence": "You changed where you want to be paid; for your safety we wait until Friday, 4 December 2026.",
        "until": "2026-12-04T09:00:00Z",
    }
]
_QUESTION: Final = {
    "id": "0193a8c2-8d2f-7a1b-8c3d-4e5f60718293",
    "kind": "not_arrived",
    "asked_at": "2026-11-30T09:00:00Z",
    "closed_at": None,
    "messages": [
        {"at": "2026-11-30T09:00:00Z", "by": "you", "text": "I cannot find it in my account."},
    ],
}

PAGE: Final = [
    answered("A page", {"payouts": [_LISTED], "next": "AAYnn4Z0LgABk6jCfB59OptfLk1siguc"}),
    answered("The last page", {"payouts": [], "next": None}),
]
SHOWN: Final = [
    answered(
        "A payout that was paid",
        _LISTED
        | {
            "fee": _amount("35"),
            "lines": [_LINE],
            "timeline": [
                {"at": "2026-11-27T09:00:00Z", "sentence": "We put together what we owe you."},
                {"at": "2026-11-27T09:40:00Z", "sentence": "We checked it."},
                {"at": "2026-11-27T10:01:00Z", "sentence": "We sent it to PayPal, for a•••@example.com."},
                {"at": "2026-11-27T10:04:12Z", "sentence": "It was paid to a•••@example.com."},
            ],
            "why": [],
            "questions": [_QUESTION],
        },
    )
]
WHY: Final = [answered("A method that was changed", {"why": _WHY})]
NEXT: Final = [
    answered(
        "On a payday",
        {
            "payouts": [
                {
                    "amount": _amount("12345"),
                    "at": "2026-12-04T00:00:00Z",
                    "why": [],
                }
            ]
        },
    ),
]
WAITING: Final = [
    answered(
        "A sale",
        {"waiting": [{"total": _amount("12345"), "why": _WHY, "lines": [_LINE | {"why": _WHY}], "more": 0}]},
    ),
]
QUESTION: Final = [
    sent("It did not arrive", {"kind": "not_arrived", "text": "I cannot find it in my account."}),
    answered("The question", _QUESTION, "201"),
]
