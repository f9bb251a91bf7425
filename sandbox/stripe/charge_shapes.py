"""How charges, payments of connected accounts, and refunds are shown."""

from __future__ import annotations

from sandbox.stripe.store import Data, Store


def _charge(identity: str, *, amount: int, currency: str, created: int, livemode: bool) -> Data:
    return {
        "id": identity,
        "object": "charge",
        "amount": amount,
        "amount_captured": amount,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": billing_details(),
        "calculated_statement_descriptor": None,
        "captured": True,
        "created": created,
        "currency": currency,
        "customer": None,
        "description": None,
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": livemode,
        "metadata": {},
        "on_behalf_of": None,
        "outcome": None,
        "paid": True,
        "payment_intent": None,
        "payment_method": None,
        "payment_method_details": None,
        "receipt_email": None,
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "succeeded",
        "transfer_data": None,
        "transfer_group": None,
    }


def billing_details() -> Data:
    """Give what is known of who pays, before anything is."""
    address = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
    return {"address": address, "email": None, "name": None, "phone": None, "tax_id": None}


def destination_payment(
    store: Store, *, amount: int, currency: str, created: int, transfer: str, livemode: bool
) -> Data:
    """Show what a transfer is in the account that receives it."""
    data = _charge(store.new_id("py"), amount=amount, currency=currency, created=created, livemode=livemode)
    return data | {
        "payment_method_details": {"stripe_account": {}, "type": "stripe_account"},
        "source_transfer": transfer,
    }


def payment_refund(
    store: Store, *, charge: str, amount: int, currency: str, created: int, reversal: str
) -> Data:
    """Show what a reversal is in the account that gives the money back."""
    data = refund(store.new_id("pyr"), charge=charge, amount=amount, currency=currency, created=created)
    return data | {"source_transfer_reversal": reversal}


def card_charge(
    store: Store, *, intent: Data, method: Data, created: int, livemode: bool, origin: str
) -> Data:
    """Show the attempt to collect a payment from a card."""
    identity = store.new_id("ch")
    data = _charge(
        identity, amount=intent["amount"], currency=intent["currency"], created=created, livemode=livemode
    )
    return data | {
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "SANDBOX",
        "customer": intent["customer"],
        "description": intent["description"],
        "metadata": dict(intent["metadata"]),
        "outcome": {
            "advice_code": None,
            "network_advice_code": None,
            "network_decline_code": None,
            "network_status": "approved_by_network",
            "reason": None,
            "seller_message": "Payment complete.",
            "type": "authorized",
        },
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {"card": _card_details(method["card"], intent["amount"]), "type": "card"},
        "receipt_email": intent["receipt_email"],
        "receipt_url": f"{origin}/receipts/{identity}",
        "shipping": intent["shipping"],
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "transfer_group": intent["transfer_group"],
    }


def _card_details(card: Data, amount: int) -> Data:
    unavailable = {"status": "unavailable"}
    return {
        "amount_authorized": amount,
        "authorization_code": None,
        "brand": card["brand"],
        "checks": card["checks"],
        "country": card["country"],
        "exp_month": card["exp_month"],
        "exp_year": card["exp_year"],
        "extended_authorization": {"status": "disabled"},
        "fingerprint": card["fingerprint"],
        "funding": card["funding"],
        "incremental_authorization": unavailable,
        "installments": None,
        "last4": card["last4"],
        "mandate": None,
        "multicapture": unavailable,
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": None,
        "overcapture": {"maximum_amount_capturable": amount, **unavailable},
        "regulated_status": None,
        "three_d_secure": None,
        "transaction_link_id": None,
        "wallet": None,
    }


def refund(identity: str, *, charge: str, amount: int, currency: str, created: int) -> Data:
    """Show a refund."""
    return {
        "id": identity,
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge,
        "created": created,
        "currency": currency,
        "customer": None,
        "customer_account": None,
        "destination_details": {"card": {"type": "refund"}, "type": "card"},
        "metadata": {},
        "payment_intent": None,
        "payment_method": None,
        "reason": None,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }
