"""What of a buyer's customer at Stripe is shown to the buyer. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

DEFAULT_METHOD: Final = "invoice_settings.default_payment_method"
"""What is to be expanded in Stripe's answer, so that it shows which card it is."""

_ADDRESS: Final = ("line1", "line2", "city", "state", "postal_code", "country")
_CARD: Final = ("brand", "last4", "exp_month", "exp_year")


def shown(customer: Mapping[str, Any]) -> dict[str, Any]:
    """This will give what is shown of a customer; of a card, what stands on a receipt."""
    shipping = customer.get("shipping")
    return {
        **{name: customer.get(name) for name in ("name", "email", "phone")},
        "address": _address(customer.get("address")),
        "shipping": None
        if not isinstance(shipping, Mapping)
        else {
            "name": shipping.get("name"),
            "phone": shipping.get("phone"),
            "address": _address(shipping.get("address")),
        },
        "payment_method": _method((customer.get("invoice_settings") or {}).get("default_payment_method")),
    }


def _address(value: object) -> dict[str, Any] | None:
    return {name: value.get(name) for name in _ADDRESS} if isinstance(value, Mapping) else None


def _method(value: object) -> dict[str, Any] | None:
    if not isinstance(value, Mapping):
        return None
    card = value.get("card")
    facts = card if isinstance(card, Mapping) else {}
    return {"id": value.get("id"), "type": value.get("type"), **{name: facts.get(name) for name in _CARD}}
