"""Every operation takes the parameters that Stripe's own library has for it, and no others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import stripe
import stripe.params
from typing_extensions import is_typeddict

from sandbox.core.process import build
from sandbox.stripe import Stripe
from sandbox.stripe.desk import Endpoint
from sandbox.stripe.params import Reader

LIBRARY = {
    "GET /v1/accounts": "AccountList",
    "POST /v1/accounts": "AccountCreate",
    "POST /v1/accounts/{id}": "AccountUpdate",
    "POST /v1/accounts/{id}/reject": "AccountReject",
    "POST /v1/accounts/{id}/capabilities/{capability}": "AccountModifyCapability",
    "GET /v1/accounts/{id}/external_accounts": "AccountListExternalAccounts",
    "POST /v1/accounts/{id}/external_accounts": "AccountCreateExternalAccount",
    "POST /v1/accounts/{id}/external_accounts/{bank}": "AccountModifyExternalAccount",
    "POST /v1/account_links": "AccountLinkCreate",
    "POST /v1/accounts/{id}/login_links": "AccountCreateLoginLink",
    "GET /v1/balance_transactions": "BalanceTransactionList",
    "GET /v1/charges": "ChargeList",
    "POST /v1/charges/{id}": "ChargeModify",
    "GET /v1/charges/{id}/refunds": "ChargeListRefunds",
    "GET /v1/customers": "CustomerList",
    "POST /v1/customers": "CustomerCreate",
    "POST /v1/customers/{id}": "CustomerModify",
    "GET /v1/customers/search": "CustomerSearch",
    "GET /v1/disputes": "DisputeList",
    "GET /v1/events": "EventList",
    "GET /v1/payment_intents": "PaymentIntentList",
    "POST /v1/payment_intents": "PaymentIntentCreate",
    "GET /v1/payment_intents/search": "PaymentIntentSearch",
    "POST /v1/payment_intents/{id}": "PaymentIntentModify",
    "POST /v1/payment_intents/{id}/confirm": "PaymentIntentConfirm",
    "POST /v1/payment_intents/{id}/cancel": "PaymentIntentCancel",
    "POST /v1/payment_intents/{id}/capture": "PaymentIntentCapture",
    "GET /v1/payment_methods": "PaymentMethodList",
    "POST /v1/payment_methods": "PaymentMethodCreate",
    "POST /v1/payment_methods/{id}/attach": "PaymentMethodAttach",
    "GET /v1/payouts": "PayoutList",
    "POST /v1/payouts": "PayoutCreate",
    "POST /v1/payouts/{id}": "PayoutModify",
    "POST /v1/payouts/{id}/cancel": "PayoutCancel",
    "GET /v1/refunds": "RefundList",
    "POST /v1/refunds": "RefundCreate",
    "POST /v1/refunds/{id}": "RefundModify",
    "GET /v1/transfers": "TransferList",
    "POST /v1/transfers": "TransferCreate",
    "POST /v1/transfers/{id}": "TransferModify",
    "GET /v1/transfers/{id}/reversals": "TransferListReversals",
    "POST /v1/transfers/{id}/reversals": "TransferCreateReversal",
    "POST /v1/transfers/{id}/reversals/{reversal}": "TransferModifyReversal",
    "GET /v1/webhook_endpoints": "WebhookEndpointList",
    "POST /v1/webhook_endpoints": "WebhookEndpointCreate",
    "POST /v1/webhook_endpoints/{id}": "WebhookEndpointModify",
}
"""Operation → the name that its parameters have in the library."""
OPTIONS = set(stripe.RequestOptions.__annotations__)
IN_A_BROWSER = {"client_secret"}
"""For publishable keys only, which the library does not use."""


@pytest.fixture(scope="module")
def endpoints() -> dict[str, Endpoint]:
    """All operations, by method and path."""
    service = build(Stripe, seed=1, state=None, webhook_url=None).service
    assert isinstance(service, Stripe)
    return {f"{one.method} {one.path}": one for one in service.endpoints()}


def takes(name: str) -> dict[str, Any]:
    annotations = getattr(stripe.params, f"{name}Params").__annotations__
    return {key: hint for key, hint in annotations.items() if key not in OPTIONS}


@pytest.mark.parametrize("operation", LIBRARY)
def test_takes_what_the_library_sends(endpoints: dict[str, Endpoint], operation: str):
    form = endpoints[operation].form
    theirs = takes(LIBRARY[operation])
    assert set(form.fields) - IN_A_BROWSER | form.undone == set(theirs)
    strangers = [name for key, reader in form.fields.items() for name in beyond(reader, theirs.get(key), key)]
    assert not strangers, "not in the library"


def beyond(reader: Reader, hint: Any, path: str) -> Iterator[str]:
    """Name the nested fields that the library does not have."""
    known = nested(hint)
    for name, inner in getattr(reader, "fields", {}).items():
        if name not in known:
            yield f"{path}[{name}]"
        else:
            yield from beyond(inner, known[name], f"{path}[{name}]")


def nested(hint: Any) -> dict[str, Any]:
    """Give the fields of all hashes that a hint names: the library's hints are mostly texts."""
    found: dict[str, Any] = {}
    for word in re.findall(r"\w+", str(hint)):
        named = getattr(stripe.params, word, None)
        if is_typeddict(named):
            found |= named.__annotations__
    return found


def test_leaves_no_operation_out(endpoints: dict[str, Endpoint]):
    """What takes parameters of its own is held against the library."""
    own = {
        operation
        for operation, endpoint in endpoints.items()
        if set(endpoint.form.fields) - {"expand"} and not endpoint.form.takes_all
    }
    without_a_call_of_their_own = {
        "GET /v1/customers/{customer}/payment_methods",
        "GET /v1/customers/{id}/sources",
        "GET /v1/customers/{id}/subscriptions",
        "GET /v1/customers/{id}/tax_ids",
        "GET /v1/payment_intents/{id}",
    }
    assert own - set(LIBRARY) == without_a_call_of_their_own
