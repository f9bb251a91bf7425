"""Stripe's test cards, and the payment methods made of them (docs.stripe.com/testing, read 2026-11)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from sandbox.stripe import params as p
from sandbox.stripe import problems
from sandbox.stripe.charge_shapes import billing_details
from sandbox.stripe.desk import Call, Endpoint
from sandbox.stripe.ground import Part
from sandbox.stripe.params import NOTHING, Form, inner_page, merged
from sandbox.stripe.problems import Problem
from sandbox.stripe.store import Data, Record


class Decline(NamedTuple):
    """Why a card is refused: Stripe's code, the bank's, and the sentence for the buyer."""

    code: str
    decline_code: str | None
    message: str


class TestCard(NamedTuple):
    """How a test card behaves. `then`: what becomes of a payment afterwards."""

    brand: str
    last4: str
    decline: Decline | None = None
    asks: bool = False
    at_once: bool = False
    then: str | None = None


GENERIC = Decline("card_declined", "generic_decline", "Your card was declined.")
DECLINES = {
    "generic_decline": GENERIC,
    "insufficient_funds": Decline("card_declined", "insufficient_funds", "Your card has insufficient funds."),
    "lost_card": Decline("card_declined", "lost_card", "Your card was declined."),
    "stolen_card": Decline("card_declined", "stolen_card", "Your card was declined."),
    "expired_card": Decline("expired_card", None, "Your card has expired."),
    "incorrect_cvc": Decline("incorrect_cvc", None, "Your card's security code is incorrect."),
    "processing_error": Decline(
        "processing_error", None, "An error occurred while processing your card. Try again in a little bit."
    ),
}
CARDS = {
    "visa": TestCard("visa", "4242"),
    "mastercard": TestCard("mastercard", "4444"),
    "amex": TestCard("amex", "0005"),
    "bypassPending": TestCard("visa", "0077", at_once=True),
    "authenticationRequired": TestCard("visa", "3184", asks=True),
    "createDispute": TestCard("visa", "0259", then="disputed"),
    "refundFail": TestCard("visa", "5126", then="refund_fails"),
    "chargeDeclined": TestCard("visa", "0002", GENERIC),
    "chargeDeclinedInsufficientFunds": TestCard("visa", "9995", DECLINES["insufficient_funds"]),
    "chargeDeclinedLostCard": TestCard("visa", "9987", DECLINES["lost_card"]),
    "chargeDeclinedStolenCard": TestCard("visa", "9979", DECLINES["stolen_card"]),
    "chargeDeclinedExpiredCard": TestCard("visa", "0069", DECLINES["expired_card"]),
    "chargeDeclinedIncorrectCvc": TestCard("visa", "0127", DECLINES["incorrect_cvc"]),
    "chargeDeclinedProcessingError": TestCard("visa", "0119", DECLINES["processing_error"]),
}
"""What follows `pm_card_`, `pm_card_visa_` or `tok_`."""

_CREATE = Form(
    {
        "billing_details": p.anything,
        "card": p.group(token=p.text),
        "metadata": p.metadata,
        "type": p.choice("card"),
        "allow_redisplay": p.choice("always", "limited", "unspecified"),
    },
    needs=("type", "card"),
    undone="""
    acss_debit affirm afterpay_clearpay alipay alma amazon_pay au_becs_debit bacs_debit bancontact billie bizum blik
    boleto cashapp crypto custom customer customer_balance eps fpx giropay grabpay ideal interac_present kakao_pay
    klarna konbini kr_card link mb_way mobilepay multibanco naver_pay nz_bank_account oxxo p24 pay_by_bank payco
    payment_method paynow paypal payto pix promptpay radar_options revolut_pay samsung_pay satispay scalapay
    sepa_debit sofort sunbit swish twint upi us_bank_account wechat_pay zip
    """,
)


class Cards(Part):
    """Handlers of payment methods."""

    def endpoints(self) -> Iterable[Endpoint]:
        """Give all operations on payment methods."""
        root = "/v1/payment_methods"
        one = f"{root}/{{id}}"
        listed = inner_page("allow_redisplay customer_account", customer=p.text, type=p.text)
        attach = Form({"customer": p.text}, needs=("customer",), undone="customer_account")
        return [
            Endpoint("GET", root, listed, self.list),
            Endpoint("POST", root, _CREATE, self.create),
            Endpoint("GET", one, NOTHING, self.show),
            Endpoint("POST", f"{one}/attach", attach, self.attach),
            Endpoint("POST", f"{one}/detach", NOTHING, self.detach),
            Endpoint("GET", "/v1/customers/{customer}/payment_methods", listed, self.list_of_customer),
        ]

    def list(self, call: Call) -> Data:
        """List the payment methods of a customer; without one there are none."""
        return self._page(call, {"customer": "", **call.params}, "/v1/payment_methods")

    def list_of_customer(self, call: Call) -> Data:
        """List the payment methods of the customer in the path."""
        customer = call.path["customer"]
        return self._page(
            call, {**call.params, "customer": customer}, f"/v1/customers/{customer}/payment_methods"
        )

    def _page(self, call: Call, params: Data, url: str) -> Data:
        return self._lists.page(kind="payment_method", account=call.account, params=params, url=url)

    def create(self, call: Call) -> Data:
        """Make one of a test card's token."""
        token = (call.params["card"] or {}).get("token", "")
        if not token.startswith("tok_"):
            raise problems.absent("token", token, param="card[token]")
        record = self.make(token, account=call.account, param="card[token]")
        record.data["billing_details"] |= call.params.get("billing_details") or {}
        record.data["metadata"] = merged({}, call.params.get("metadata"))
        self._store.keep(record)
        return self._shows.show(record)

    def show(self, call: Call) -> Data:
        """Show one."""
        return self._shows.show(self.get(call.path["id"], account=call.account))

    def attach(self, call: Call) -> Data:
        """Keep one for a customer; one of Stripe's own test cards becomes a new one each time."""
        identity, customer = call.path["id"], self._store.get(call.params["customer"], "customer")
        if customer is None or customer.account != call.account:
            raise problems.absent("customer", call.params["customer"], param="customer")
        record = self.usable(identity, account=call.account)
        if record.data["customer"] is not None:
            raise problems.invalid("The payment method you provided has already been attached to a customer.")
        # Stripe has the card's bank look at it first.
        decline = CARDS[record.hidden["card"]].decline
        if decline is not None:
            raise Problem(402, decline.message, kind="card_error", code=decline.code)
        self.give(record, customer)
        return self._shows.show(record)

    def detach(self, call: Call) -> Data:
        """Let one go, for ever."""
        record = self.get(call.path["id"], account=call.account)
        record.data["customer"] = None
        self._store.keep(record)
        self._events.tell("payment_method.detached", record)
        return self._shows.show(record)

    # For others ----------------------------------------------------------------------------------------------

    def get(self, identity: str, *, account: str, param: str | None = None) -> Record:
        """Find one.

        :raises Problem: when it is not there.
        """
        record = self._store.get(identity, "payment_method")
        if record is None or record.account != account:
            raise problems.absent("PaymentMethod", identity, param=param)
        return record

    def usable(self, identity: str, *, account: str, param: str | None = None) -> Record:
        """Find one, or make one where it is the name of a test card.

        :raises Problem: when it is neither.
        """
        if identity.startswith("pm_card_"):
            return self.make(identity, account=account, param=param)
        return self.get(identity, account=account, param=param)

    def give(self, record: Record, customer: Record) -> None:
        """Keep one for a customer."""
        record.data["customer"] = customer.id
        self._store.keep(record)
        self._events.tell("payment_method.attached", record)

    def make(self, name: str, *, account: str, param: str | None) -> Record:
        """Make a payment method of a test card.

        :raises Problem: when there is no such card.
        """
        key = name.removeprefix("tok_").removeprefix("pm_card_")
        key = key if key in CARDS else key.removeprefix("visa_")
        card = CARDS.get(key)
        if card is None:
            raise problems.absent("PaymentMethod", name, param=param)
        data: Data = {
            "id": self._store.new_id("pm"),
            "object": "payment_method",
            "allow_redisplay": "unspecified",
            "billing_details": billing_details(),
            "card": _shown(card),
            "created": self._store.now(),
            "customer": None,
            "customer_account": None,
            "livemode": self._events.livemode,
            "metadata": {},
            "type": "card",
        }
        return self._store.add("payment_method", account, data, {"card": key})


def _shown(card: TestCard) -> Data:
    return {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": "US",
        "display_brand": card.brand,
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": hashlib.sha256(card.last4.encode()).hexdigest()[:16],
        "funding": "credit",
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": None,
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }
