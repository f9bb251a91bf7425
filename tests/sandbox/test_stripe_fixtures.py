"""Every resource has exactly the fields of Stripe's canonical example of it, with values of the same types."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.receiver import Receiver
from tests.sandbox.stripe_api import EXPRESS, paid, seller, stripe
from tests.sandbox_services import SandboxService

SPECS_DIR = os.environ.get("SPECS_DIR")

pytestmark = [
    pytest.mark.usefixtures("patient_stripe"),
    pytest.mark.skipif(
        not SPECS_DIR, reason="SPECS_DIR does not point at the folder with Stripe's canonical fixtures"
    ),
]

CLASSES: dict[str, Any] = {
    "account": stripe.Account,
    "account_link": stripe.AccountLink,
    "balance": stripe.Balance,
    "balance_transaction": stripe.BalanceTransaction,
    "bank_account": stripe.BankAccount,
    "capability": stripe.Capability,
    "charge": stripe.Charge,
    "customer": stripe.Customer,
    "dispute": stripe.Dispute,
    "event": stripe.Event,
    "login_link": stripe.LoginLink,
    "payment_intent": stripe.PaymentIntent,
    "payment_method": stripe.PaymentMethod,
    "payout": stripe.Payout,
    "refund": stripe.Refund,
    "transfer": stripe.Transfer,
    "transfer_reversal": stripe.Reversal,
    "webhook_endpoint": stripe.WebhookEndpoint,
}
ENTITLED = {
    # Shown once, when it is made.
    "webhook_endpoint": {"secret"},
    # Only of an account that is not the platform's own.
    "event": {"account"},
}
LOOSE = {
    # What these hold depends on the account, the card, the person or the method of payment.
    ("account", "capabilities"),
    ("account", "controller"),
    ("account", "external_accounts"),
    ("charge", "payment_method_details"),
    ("event", "data"),
    ("payment_intent", "automatic_payment_methods"),
    ("payment_intent", "last_payment_error"),
    ("payment_intent", "next_action"),
    ("payment_intent", "payment_method_options"),
}


@cache
def canonical() -> Any:
    """Give Stripe's examples."""
    return json.loads((Path(SPECS_DIR or ".") / "stripe_fixtures3.json").read_text())["resources"]


def nullable(kind: str) -> set[str]:
    """Name the fields that may be null, by the annotations of Stripe's own library."""
    hints = CLASSES[kind].__annotations__
    signs = ("Optional", "NoneType", "NotRequired")
    return {name for name, hint in hints.items() if any(sign in str(hint) for sign in signs)}


def sort_of(value: Any) -> str:
    """Name the type that a value has on the wire."""
    return "null" if value is None else type(value).__name__


def check(kind: str, shown: dict[str, Any]) -> None:
    """Fail the test where a resource differs from its example."""
    example = canonical()[kind]
    assert set(shown) - ENTITLED.get(kind, set()) == set(example), kind
    may_be_null = nullable(kind)
    for name, value in example.items():
        mine = shown[name]
        if mine is None:
            assert value is None or name in may_be_null, f"{kind}.{name} is never null"
        elif value is not None and not isinstance(mine, str):  # an id may stand for a resource
            assert sort_of(mine) == sort_of(value), f"{kind}.{name}"
        if (
            isinstance(mine, dict)
            and isinstance(value, dict)
            and (kind, name) not in LOOSE
            and value
            and mine
        ):
            unlike = set(mine) ^ set(value)
            assert not unlike, f"{kind}.{name} has not the same fields: {unlike}"


def wire(resource: Any) -> dict[str, Any]:
    """Give a resource as it was read from the wire."""
    found: dict[str, Any] = json.loads(json.dumps(resource.to_dict(), default=str))
    return found


@pytest.fixture
def world(patient_stripe: SandboxService, receiver: Receiver) -> dict[str, list[dict[str, Any]]]:
    """One of each resource, and some in more than one state."""
    made: dict[str, list[dict[str, Any]]] = {}

    def keep(*resources: Any) -> None:
        for resource in resources:
            shown = wire(resource)
            made.setdefault(shown["object"], []).append(shown)

    keep(stripe.WebhookEndpoint.create(url=receiver.url, enabled_events=["*"]))
    keep(stripe.Account.retrieve(), stripe.Account.create(type="standard", country="US"))
    new = stripe.Account.create(controller=EXPRESS, country="DE", email="anna@example.com")
    urls = {"refresh_url": "http://127.0.0.1:9/a", "return_url": "http://127.0.0.1:9/b"}
    keep(new, stripe.AccountLink.create(account=new.id, type="account_onboarding", **urls))
    account = seller(patient_stripe)
    keep(account, stripe.Account.create_login_link(account.id))
    keep(stripe.Account.retrieve_capability(account.id, "transfers"))
    keep(*stripe.Account.list_external_accounts(account.id).data)
    customer = stripe.Customer.create(name="Anna", address={"city": "Berlin"}, shipping={"name": "Anna"})
    keep(
        customer, stripe.Customer.create(), stripe.PaymentMethod.attach("pm_card_visa", customer=customer.id)
    )
    payment = paid(customer=customer.id, receipt_email="anna@example.com", description="A bicycle")
    keep(stripe.PaymentIntent.create(amount=100, currency="eur"), payment)
    keep(paid(card="pm_card_authenticationRequired"))
    keep(stripe.Charge.retrieve(str(payment.latest_charge)))
    with pytest.raises(stripe.CardError):
        paid(card="pm_card_chargeDeclined")
    keep(*stripe.PaymentIntent.list(limit=1).data, *stripe.Charge.list(limit=1).data)
    transfer = stripe.Transfer.create(amount=500, currency="eur", destination=account.id)
    keep(transfer, stripe.Transfer.create_reversal(transfer.id, amount=100))
    keep(stripe.Charge.retrieve(str(transfer.destination_payment), stripe_account=account.id))
    keep(*stripe.Refund.list(stripe_account=account.id).data)
    keep(stripe.Refund.create(payment_intent=payment.id, amount=100))
    patient_stripe.post("/_sandbox/fate", {"reference": payment.id, "status": "disputed"})
    keep(*stripe.Dispute.list().data)
    for status in ("paid", "failed"):
        patient_stripe.advance(600)
        payout = stripe.Payout.list(stripe_account=account.id).data[0]
        patient_stripe.post("/_sandbox/fate", {"reference": payout.id, "status": status})
        keep(stripe.Payout.retrieve(payout.id, stripe_account=account.id))
    keep(stripe.Balance.retrieve(), stripe.Balance.retrieve(stripe_account=account.id))
    keep(*stripe.BalanceTransaction.list().data)
    keep(*stripe.BalanceTransaction.list(stripe_account=account.id).data)
    keep(*stripe.Event.list().data, *stripe.Event.list(stripe_account=account.id).data)
    return made


def test_resources_have_the_fields_of_stripes_examples(world: dict[str, list[dict[str, Any]]]):
    assert set(world) == set(CLASSES)
    for kind, resources in world.items():
        for shown in resources:
            check(kind, shown)


def test_what_is_told_has_them_too(world: dict[str, list[dict[str, Any]]], receiver: Receiver):
    told = {event["type"]: event["data"]["object"] for event in world["event"]}
    assert len(told) > 15
    for shown in told.values():
        check(shown["object"], shown)


def test_deleted_resources_have_them_too(patient_stripe: SandboxService):
    gone = {
        "deleted_customer": stripe.Customer.delete(stripe.Customer.create().id),
        "deleted_account": stripe.Account.delete(seller(patient_stripe).id),
    }
    for kind, resource in gone.items():
        assert set(wire(resource)) == set(canonical()[kind])


def test_annotations_are_what_this_test_takes_them_for():
    assert "description" in nullable("transfer")
    assert "amount" not in nullable("transfer")
