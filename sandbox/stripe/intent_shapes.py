"""How a payment intent is shown, and what may be said of it when it is made, changed, confirmed or given up."""

from __future__ import annotations

from sandbox.stripe import params as p
from sandbox.stripe.currencies import currency
from sandbox.stripe.params import Form, Params, Reader
from sandbox.stripe.store import Data

_ADDRESS = p.group(city=p.text, country=p.text, line1=p.text, line2=p.text, postal_code=p.text, state=p.text)
_SHIPPING = p.group(address=_ADDRESS, carrier=p.text, name=p.text, phone=p.text, tracking_number=p.text)
_COMMON: dict[str, Reader] = {
    "capture_method": p.choice("automatic", "automatic_async", "manual"),
    "payment_method": p.text,
    "payment_method_types": p.many(p.text),
    "receipt_email": p.text,
    "setup_future_usage": p.choice("off_session", "on_session", ""),
    "shipping": _SHIPPING,
}
_CHANGE: dict[str, Reader] = {
    **_COMMON,
    "amount": p.positive,
    "currency": currency,
    "customer": p.text,
    "description": p.text,
    "metadata": p.metadata,
    "statement_descriptor": p.text,
    "statement_descriptor_suffix": p.text,
    "transfer_group": p.text,
}
_CONFIRM: dict[str, Reader] = {
    "client_secret": p.text,
    "error_on_requires_action": p.flag,
    "off_session": p.either(p.flag, p.text),
    "return_url": p.text,
    "use_stripe_sdk": p.flag,
}
_UNDONE = (
    "allowed_payment_method_types amount_details excluded_payment_method_types hooks payment_details "
    "payment_method_data payment_method_options"
)
CREATE = Form(
    {
        **_CHANGE,
        **_CONFIRM,
        "automatic_payment_methods": p.group(allow_redirects=p.choice("always", "never"), enabled=p.flag),
        "confirm": p.flag,
        "confirmation_method": p.choice("automatic", "manual"),
    },
    needs=("amount", "currency"),
    undone=f"{_UNDONE} application_fee_amount confirmation_token customer_account mandate mandate_data on_behalf_of "
    "payment_method_configuration radar_options transfer_data",
)
MODIFY = Form(
    _CHANGE,
    undone=f"{_UNDONE} application_fee_amount customer_account payment_method_configuration transfer_data",
)
CONFIRM = Form(
    {**_COMMON, **_CONFIRM},
    undone=f"{_UNDONE} amount_to_confirm confirmation_token mandate mandate_data radar_options",
)
CANCEL = Form(
    {"cancellation_reason": p.choice("abandoned", "duplicate", "fraudulent", "requested_by_customer")}
)
CAPTURE = Form(
    {"amount_to_capture": p.positive, "metadata": p.metadata},
    undone="amount_details application_fee_amount final_capture hooks payment_details statement_descriptor "
    "statement_descriptor_suffix transfer_data",
)


def new_intent(identity: str, params: Params, *, secret: str, created: int, livemode: bool) -> Data:
    """Show a payment intent of which only what it is about is known."""
    automatic = (params.get("automatic_payment_methods") or {}).get(
        "enabled", "payment_method_types" not in params
    )
    return {
        "id": identity,
        "object": "payment_intent",
        "amount": params["amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": {"allow_redirects": "always", "enabled": True} if automatic else None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": params.get("capture_method", "automatic_async"),
        "client_secret": f"{identity}_{secret}",
        "confirmation_method": params.get("confirmation_method", "automatic"),
        "created": created,
        "currency": params["currency"],
        "customer": None,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": livemode,
        "managed_payments": None,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }
