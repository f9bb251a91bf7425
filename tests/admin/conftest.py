"""Staff of each role, each with a browser of their own, and something of everything to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from djstripe import models as stripe

from accounts import server_keys, visits
from accounts.models import Marketplace, User
from flexsync.models import ApiCalls, FlexCursor, FlexEvent, PaymentTold, UserTold, WriteBack
from marketplace_payouts.lib import crypto
from marketplace_payouts.lib.ids import uuid7
from marketplace_payouts.lib.money import Money
from payments import recording
from payments.models import Buyer, FirstListing, Intent, Seller, StripeDelivery
from payments.words import Kind, PaymentWord
from payouts import cases, holding, incarnation, ledger, requests
from payouts.ledger import Draft
from payouts.models import (
    ApprovalPolicy,
    ApprovalThreshold,
    ApproverLimit,
    Attempt,
    BankEntry,
    BankFile,
    BankFileAct,
    BankStatement,
    Heartbeat,
    Incident,
    Notice,
    Observation,
    OutboxMessage,
    Payable,
    Payout,
    ProviderFunds,
    Reminder,
    Request,
    Source,
    State,
    WebhookCall,
    WebhookDelivery,
    WebhookMessage,
)
from payouts.providers import registry
from payouts.subscriptions import subscribing
from tests import factories

ROLES = ("viewer", "operator", "approver", "administrator", "engineer")
Enter = Callable[[User], Client]


@pytest.fixture
def people(db: None) -> dict[str, User]:
    """One person of each role, a second approver, somebody without a role, and a technical superuser."""
    staff = {
        role: factories.StaffFactory.create(email=f"{role}@office.example", roles=[role]) for role in ROLES
    }
    staff["another"] = factories.StaffFactory.create(email="another@office.example", roles=["approver"])
    staff["nobody"] = factories.StaffFactory.create(email="nobody@office.example")
    staff["superuser"] = User.objects.create_superuser("superuser@office.example", factories.PASSWORD)
    for person in (staff["approver"], staff["another"]):
        for currency in ("EUR", "USD"):
            ApproverLimit.objects.create(user=person, currency=currency, units=10_000_000)
    for currency in ("EUR", "USD"):
        ApprovalThreshold.objects.create(currency=currency, units=1_000_000)
    return staff


@pytest.fixture
def enter() -> Enter:
    """Log somebody in, without the detour over the log-in page."""

    def client_of(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return client_of


@pytest.fixture
def as_role(people: dict[str, User], enter: Enter) -> Callable[[str], Client]:
    """The browser of a person, by their part."""
    return lambda part: enter(people[part])


@pytest.fixture
def paypal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """PayPal with credentials that are never used."""
    monkeypatch.setenv("PAYPAL_CLIENT_ID", "id")
    monkeypatch.setenv("PAYPAL_CLIENT_SECRET", "secret")
    registry.reset()
    yield
    registry.reset()


@pytest.fixture
def everything(people: dict[str, User]) -> dict[str, Payout]:
    """Something of everything that has a page; gives a payout of each state."""
    payouts = {state.value: factories.PayoutFactory.create(state=state) for state in State}
    for waits in (Payable.Waits.OPENING, Payable.Waits.RETURNED):
        factories.PayableFactory.create(waits_for=waits)
    factories.PayableFactory.create(
        waits_for=Payable.Waits.CLAWBACK, units=-500, purpose=Payable.Purpose.CHANGE
    )
    _decisions(people, payouts)
    _callers(people, payouts)
    _notices(payouts["paid"])
    _words_of_others(payouts)
    _sharetribe()
    _stripe()
    _subscribers(people, payouts)
    _bank(people, payouts)
    cases.ask(payouts["paid"], kind="not_arrived", text="Where is <b>my</b> money?", now=timezone.now())
    return payouts


def _decisions(people: dict[str, User], payouts: dict[str, Payout]) -> None:
    now = timezone.now()
    by = people["operator"]
    holding.hold(by=by, payouts=[payouts["approved"].pk], reason="Asked to wait", now=now)
    holding.freeze(by=by, payee_id=payouts["pending"].payee_id, reason="Documents differ", now=now)
    requests.make(
        act="payable_add",
        by=by,
        payload={
            "payee": str(payouts["paid"].payee_id),
            "purpose": "bonus",
            "units": "2500",
            "currency": "EUR",
        },
        reason="Launch bonus",
        now=now,
    )
    ApprovalPolicy.objects.create(currency="EUR", version=1, maximum_units=5000, made_by=by)
    amount = factories.money(12_345)
    owed = ledger.owed(payouts["paid"].payee_id)
    draft = Draft("accrue", payouts["paid"].pk, ledger.DUE, owed, amount, payout_id=payouts["paid"].pk)
    ledger.post([draft], now=now)


def _bank(people: dict[str, User], payouts: dict[str, Payout]) -> None:
    now = timezone.now()
    batch = Attempt.objects.filter(payout=payouts["submitted"]).get().batch
    file = BankFile.objects.create(number=1, batch=batch, message_id="BF1", made_at=now)
    BankFileAct.objects.create(file=file, act="xml", by=people["operator"], reason="For <b>today</b>", at=now)
    pk = uuid7()
    statement = BankStatement.objects.create(
        id=pk,
        name="statement.xml",
        sha256=b"1",
        sealed=crypto.seal(b"<x/>", aad=pk.bytes),
        format="camt.053",
        account="fp1:1",
        first_day=now.date(),
        last_day=now.date(),
        currency="EUR",
        imported_by=people["operator"],
    )
    pk = uuid7()
    BankEntry.objects.create(
        id=pk,
        statement=statement,
        account="fp1:1",
        reference="B1",
        kind="debit",
        units=100,
        currency="EUR",
        booked_on=now.date(),
        details=crypto.seal(b'{"account": "DE75512108001245126199", "text": "<b>Rent</b>"}', aad=pk.bytes),
    )


def _callers(people: dict[str, User], payouts: dict[str, Payout]) -> None:
    server_keys.make(name="web template", by=people["administrator"], now=timezone.now())
    User.objects.create_user("carla@mail.example")
    flex_user_id = payouts["paid"].payee.flex_user_id
    visits.visitor(marketplace=payouts["paid"].marketplace, flex_user_id=flex_user_id)


def _notices(payout: Payout) -> None:
    now, payee = timezone.now(), payout.payee
    Notice.objects.create(
        id=uuid7(),
        payee=payee,
        kind="paid",
        subject=payout.pk,
        contact="payee",
        address=payee.email,
        outcome="sent",
        sent_at=now,
    )
    Notice.objects.create(
        id=uuid7(), payee=payee, kind="owed", subject=payee.pk, contact="payee", outcome="off"
    )
    Reminder.objects.create(payee=payee, began_at=now, listed_at=now)
    UserTold.objects.create(payee=payee, value={"payoutReady": True}, confirmed_at=now)


def _words_of_others(payouts: dict[str, Payout]) -> None:
    now = timezone.now()
    attempt = payouts["paid"].attempts.get()
    Observation.objects.create(
        attempt=attempt, seq=1, status="paid", raw_status="SUCCESS", units=1, currency="EUR"
    )
    WebhookDelivery.objects.create(provider="paypal", event_id="WH-1", kind="PAYOUTS", body=b"sealed")
    Incident.objects.create(
        kind="foreign_debit", provider="paypal", subject="X", sentence="A debit nobody made."
    )
    OutboxMessage.objects.create(
        kind="notice", subject=attempt.payout_id, next_at=None, dead_at=now, error="No mail"
    )
    ProviderFunds.objects.create(provider="paypal", currency="EUR", available_units=100_000, as_of=now)
    Heartbeat.objects.create(name="poller", at=now - timedelta(hours=3))
    incarnation.accept(by="tests")


def _subscribers(people: dict[str, User], payouts: dict[str, Payout]) -> None:
    now = timezone.now()
    made = subscribing.add(
        by=people["engineer"],
        url="https://shop.example/hooks?key=of-the-address",
        description="Shop",
        types=["payout.paid", "payout.failed"],
        now=now,
    )
    message = WebhookMessage.objects.create(
        id=uuid7(),
        subscription=made,
        type="payout.paid",
        source=made.pk,
        subject=payouts["paid"].pk,
        happened_at=now,
        body='{"type": "payout.paid"}',
        tries=10,
        given_up_at=now,
        error="It answered 500.",
    )
    WebhookCall.objects.create(message=message, at=now, seconds=0.2, status=500, error="It answered 500.")


def _sharetribe() -> None:
    now = timezone.now()
    source = Source.objects.order_by("pk").first()
    assert source is not None
    Source.objects.filter(pk=source.pk).update(parked_at=now, error="payoutTotal is missing")
    WriteBack.objects.create(source=source, value={"state": "paid"}, conflict_at=now, error="409")
    PaymentTold.objects.create(source=source, value={"status": "succeeded"}, conflict_at=now, error="409")
    FlexCursor.objects.create(
        marketplace=source.marketplace, last_sequence_id=10, polled_at=now - timedelta(hours=1)
    )
    FlexEvent.objects.create(
        marketplace=source.marketplace,
        event_id=source.pk,
        sequence_id=10,
        event_type="transaction/transitioned",
        resource_id=source.reference,
        payload={"id": "1"},
        created_at=now,
    )
    ApiCalls.objects.create(day=now.date(), kind="events", calls=700)
    for units in (13_000, 12_000):
        word = PaymentWord(
            transaction_id=source.reference,
            kind=Kind.RECEIVED,
            amount=Money(units, "EUR"),
            origin="checkout",
            reference="r1",
            happened_at=now,
        )
        recording.record([word], marketplace_id=source.marketplace_id, now=now - timedelta(hours=2))


def _stripe() -> None:
    """As dj-stripe keeps it, with what must not be shown."""
    now = timezone.now()
    owner = stripe.Account.objects.create(
        id="acct_1",
        created=now,
        stripe_data={
            "requirements": {"currently_due": ["individual.dob"]},
            "individual": {"ssn": "never-shown"},
        },
    )
    kept = {
        "djstripe_owner_account": owner,
        "created": now,
        "stripe_data": {"amount": 100, "currency": "usd"},
    }
    stripe.APIKey.objects.create(id="mk_1", secret="never-shown", type="secret", livemode=False)
    stripe.Customer.objects.create(id="cus_1", email="buyer@example.com", **kept)
    intent = stripe.PaymentIntent.objects.create(id="pi_1", **kept)
    taken = {"amount": 1, "currency": "usd", "status": "succeeded", "payment_intent": intent}
    charge = stripe.Charge.objects.create(id="ch_1", **taken, **kept)
    stripe.Refund.objects.create(id="re_1", amount=1, currency="usd", charge=charge, **kept)
    stripe.Dispute.objects.create(id="du_1", **kept)
    stripe.Transfer.objects.create(id="tr_1", **kept)
    stripe.Payout.objects.create(id="po_1", currency="usd", **kept)
    stripe.WebhookEndpoint.objects.create(
        id="we_1",
        url="https://payouts.example.com/stripe/webhook/x/",
        secret="never-shown",
        enabled_events=["customer.created"],
        metadata={"marketplace_payouts_endpoint": "platform"},
        status="enabled",
        created=now,
    )
    person = User.objects.create(email="both@example.com")
    Buyer.objects.create(
        user=person,
        stripe_id="cus_1",
        shown={"email": "never-shown@example.com", "payment_method": {"brand": "visa", "last4": "4242"}},
        asked={"metadata": {"secret": "never-shown"}},
    )
    Seller.objects.create(
        user=person,
        kind="express",
        country="DE",
        stripe_id="acct_1",
        state="wanted",
        shown={"requirements": {"past_due": ["individual.dob.day"], "currently_due": ["external_account"]}},
        lost_at=now,
    )
    FirstListing.objects.create(
        marketplace=Marketplace.objects.get(), flex_user_id=person.pk, listing_id=person.pk, next_at=now
    )
    Intent.objects.create(
        marketplace=Marketplace.objects.get(),
        transaction_id=uuid7(),
        buyer_id=uuid7(),
        units=100,
        currency="USD",
        stripe_id="pi_1",
        asked={"amount": 100},
        asked_at=now,
        asked_last_at=now,
        recorded_at=now,
    )
    StripeDelivery.objects.create(
        event_id="evt_1",
        kind="customer.created",
        object_id="cus_1",
        body='{"email": "never-shown"}',
        state="dead",
        error="LookupError: amount",
        next_at=None,
        person_after=now,
    )


@pytest.fixture
def open_request(everything: dict[str, Payout]) -> Request:
    """The operator's request that waits for another person."""
    return Request.objects.get(act="payable_add")


@contextmanager
def nothing_is_written() -> Iterator[None]:
    """Refuse every statement that writes anything but the session."""

    def refuse(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        verb = sql.lstrip().split(" ", 1)[0].upper()
        assert verb not in {"INSERT", "UPDATE", "DELETE"} or "django_session" in sql, sql
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        yield
