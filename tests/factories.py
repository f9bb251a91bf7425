"""Rows for tests, as the product itself would have made them: a payout reaches its state through `lifecycle.move`."""

from __future__ import annotations

import json
import uuid
from datetime import datetime, timedelta
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group
from django.utils import timezone
from factory.declarations import LazyAttribute, LazyFunction, SelfAttribute, Sequence, SubFactory
from factory.django import DjangoModelFactory, Password
from factory.faker import Faker
from factory.helpers import post_generation

from accounts.models import Marketplace, Payee, User
from marketplace_payouts.lib import crypto
from marketplace_payouts.lib.ids import public_number, uuid7
from marketplace_payouts.lib.money import Money
from payouts import lifecycle
from payouts.actors import Actor
from payouts.lifecycle import Move
from payouts.models import (
    Attempt,
    AttemptState,
    Batch,
    BatchState,
    Payable,
    Payout,
    PayoutLine,
    PayoutMethod,
    Process,
    Schedule,
    Source,
    SourceCheck,
    State,
    Step,
    StepBody,
    Trigger,
)

PASSWORD = "a long pass phrase for tests"

# How a payout gets to where a test needs it.
WAYS: dict[State, tuple[State, ...]] = {
    State.PENDING: (),
    State.AWAITING_APPROVAL: (State.AWAITING_APPROVAL,),
    State.APPROVED: (State.AWAITING_APPROVAL, State.APPROVED),
    State.SUBMITTING: (State.AWAITING_APPROVAL, State.APPROVED, State.SUBMITTING),
    State.SUBMITTED: (State.AWAITING_APPROVAL, State.APPROVED, State.SUBMITTING, State.SUBMITTED),
    State.UNKNOWN: (State.AWAITING_APPROVAL, State.APPROVED, State.SUBMITTING, State.UNKNOWN),
    State.PAID: (State.AWAITING_APPROVAL, State.APPROVED, State.SUBMITTING, State.SUBMITTED, State.PAID),
    State.FAILED: (State.AWAITING_APPROVAL, State.APPROVED, State.SUBMITTING, State.FAILED),
    State.RETURNED: (
        State.AWAITING_APPROVAL,
        State.APPROVED,
        State.SUBMITTING,
        State.SUBMITTED,
        State.PAID,
        State.RETURNED,
    ),
    State.CANCELLED: (State.CANCELLED,),
}
_ATTEMPTS = {
    State.SUBMITTING: (AttemptState.COMMITTED, BatchState.SENT, ""),
    State.SUBMITTED: (AttemptState.ACCEPTED, BatchState.ACCEPTED, "processing"),
    State.UNKNOWN: (AttemptState.UNKNOWN, BatchState.UNKNOWN, ""),
    State.PAID: (AttemptState.SETTLED, BatchState.CLOSED, "paid"),
    State.FAILED: (AttemptState.REFUSED, BatchState.REFUSED, "failed"),
    State.RETURNED: (AttemptState.RETURNED, BatchState.CLOSED, "returned"),
}


class StaffFactory(DjangoModelFactory[User]):
    """A member of staff; `roles=["approver"]` gives roles."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    email = Sequence(lambda n: f"staff{n}@office.example")
    name = Faker("name")
    is_staff = True
    password = Password(PASSWORD)

    @post_generation
    def roles(self: Any, create: bool, extracted: Any, **_kwargs: Any) -> None:
        self.groups.set(Group.objects.filter(name__in=extracted or []))


class MarketplaceFactory(DjangoModelFactory[Marketplace]):
    """The one marketplace, live since a month."""

    class Meta:
        model = Marketplace
        django_get_or_create = ("id",)

    id = uuid.UUID("0191aaaa-0000-7000-8000-000000000001")
    name = "Harbour Market"
    environment = "test"
    go_live_at = LazyFunction(lambda: timezone.now() - timedelta(days=30))
    exponents = {"EUR": 2, "USD": 2}


class PayeeFactory(DjangoModelFactory[Payee]):
    """A seller."""

    class Meta:
        model = Payee

    marketplace = SubFactory(MarketplaceFactory)
    flex_user_id = LazyFunction(uuid.uuid4)
    name = Faker("name")
    email = Sequence(lambda n: f"seller{n}@mail.example")


class MethodFactory(DjangoModelFactory[PayoutMethod]):
    """A verified PayPal address, out of its cool-down."""

    class Meta:
        model = PayoutMethod

    id = LazyFunction(uuid7)
    payee = SubFactory(PayeeFactory)
    version = 1
    provider = "paypal"
    address = Sequence(lambda n: f"paid{n}@mail.example")
    details = LazyAttribute(lambda o: crypto.seal(json.dumps({"email": o.address}).encode(), aad=o.id.bytes))
    fingerprint = LazyAttribute(lambda o: crypto.fingerprint(f"paypal:{o.address}"))
    masked = LazyAttribute(lambda o: f"{o.address[0]}•••@{o.address.partition('@')[2]}")
    usable_from = LazyFunction(lambda: timezone.now() - timedelta(days=60))
    verified_at = LazyFunction(lambda: timezone.now() - timedelta(days=60))
    verified_how = "link sent to the address"

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        kwargs.pop("address")
        return super()._create(model_class, *args, **kwargs)


class ScheduleFactory(DjangoModelFactory[Schedule]):
    """At once."""

    class Meta:
        model = Schedule
        django_get_or_create = ("name",)

    name = "At once for tests"
    kind = Schedule.Kind.AT_ONCE


class ProcessFactory(DjangoModelFactory[Process]):
    """A process without Stripe, confirmed."""

    class Meta:
        model = Process
        django_get_or_create = ("name",)

    name = "own-payouts"
    uses_stripe = False
    pays_nothing_at = LazyFunction(timezone.now)


class TriggerFactory(DjangoModelFactory[Trigger]):
    """The transition at which sellers are due."""

    class Meta:
        model = Trigger
        django_get_or_create = ("process", "transition")

    process = SubFactory(ProcessFactory)
    transition = "transition/complete"
    enabled = True
    schedule = SubFactory(ScheduleFactory)
    requires_payment = False


class SourceFactory(DjangoModelFactory[Source]):
    """A Sharetribe transaction, understood and read again."""

    class Meta:
        model = Source
        skip_postgeneration_save = True

    marketplace = SubFactory(MarketplaceFactory)
    reference = LazyFunction(uuid.uuid4)
    process_name = "own-payouts"
    last_transition = "transition/complete"
    payout_units = 12_345
    payin_units = 13_000
    currency = "EUR"
    digest = b"\x01" * 32

    @post_generation
    def read_again(self: Any, create: bool, extracted: Any, **_kwargs: Any) -> None:
        SourceCheck.objects.create(source=self, checked_at=timezone.now(), digest=bytes(self.digest))


class PayableFactory(DjangoModelFactory[Payable]):
    """A sale that is due."""

    class Meta:
        model = Payable

    payee = SubFactory(PayeeFactory)
    marketplace = SelfAttribute("payee.marketplace")
    origin = Payable.Origin.SHARETRIBE
    source = SubFactory(SourceFactory)
    trigger = SubFactory(TriggerFactory)
    reference = LazyAttribute(lambda o: str(o.source.reference) if o.source else str(uuid.uuid4()))
    purpose = Payable.Purpose.SALE
    source_event = LazyFunction(lambda: str(uuid.uuid4()))
    units = 12_345
    currency = "EUR"
    lines = {"gross": "13000", "commission": "-655"}
    became_due_at = LazyFunction(lambda: timezone.now() - timedelta(days=2))
    hold_until = LazyFunction(lambda: timezone.now() - timedelta(days=1))
    due_at = LazyFunction(lambda: timezone.now() - timedelta(days=1))


class PayoutFactory(DjangoModelFactory[Payout]):
    """A payout with one line; `state=State.PAID` moves it there, with the attempt that such a state has."""

    class Meta:
        model = Payout
        exclude = ("payable",)

    id = LazyFunction(uuid7)
    number = LazyFunction(lambda: public_number(prefix="PO"))
    payee = SubFactory(PayeeFactory)
    marketplace = SelfAttribute("payee.marketplace")
    method = LazyAttribute(lambda o: o.payee.methods.first() or MethodFactory.create(payee=o.payee))
    provider = "paypal"
    debt_units = 12_345
    debt_currency = "EUR"
    sent_units = SelfAttribute("debt_units")
    sent_currency = SelfAttribute("debt_currency")
    state = State.PENDING

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        state, now = State(kwargs.pop("state")), timezone.now()
        payout = model_class(**kwargs)
        lifecycle.created([payout], actor=Actor.rule("gather"), reason="Gathered.", now=now)
        payable = PayableFactory.create(
            payee=payout.payee, units=payout.debt_units, currency=payout.debt_currency
        )
        PayoutLine.objects.create(payout=payout, payable=payable, units=payable.units)
        Payable.objects.filter(pk=payable.pk).update(settled=Payable.Settled.GATHERED)
        walk(payout, state, now=now)
        payout.refresh_from_db()
        return payout


def walk(payout: Payout, state: State, *, now: datetime) -> None:
    """Move a pending payout to a state along a legal way."""
    for to in WAYS[state]:
        move = Move(payout=payout, to=to, reason=f"Moved to {to.label.lower()} for a test.", quiet=True)
        lifecycle.move([move], actor=Actor.rule("test"), now=now)
    if state in _ATTEMPTS:
        attempt_for(payout, state, now=now)


def attempt_for(payout: Payout, state: State, *, now: datetime) -> Attempt:
    """Make the attempt and batch, with their step and bodies, that a payout in this state has."""
    attempt_state, batch_state, status = _ATTEMPTS[state]
    closed = attempt_state in (AttemptState.SETTLED, AttemptState.REFUSED, AttemptState.RETURNED)
    batch = Batch.objects.create(
        provider=payout.provider,
        key=str(uuid.uuid4()),
        currency=payout.sent_currency,
        item_count=1,
        total_units=payout.sent_units,
        state=batch_state,
        reference=uuid.uuid4().hex[:13].upper() if status and status != "failed" else "",
        environment="test",
        first_sent_at=now,
        last_sent_at=now,
        transmissions=1,
    )
    attempt = Attempt.objects.create(
        payout=payout,
        n=1,
        batch=batch,
        provider=payout.provider,
        key=str(uuid.uuid4()),
        method=payout.method,
        units=payout.sent_units,
        currency=payout.sent_currency,
        destination=payout.method.fingerprint,
        digest=b"\x02" * 32,
        state=attempt_state,
        reference=uuid.uuid4().hex[:13].upper() if status and status != "failed" else "",
        status=status,
        raw_status={"paid": "SUCCESS", "failed": "FAILED", "returned": "RETURNED"}.get(
            status, status.upper()
        ),
        refusal_code="RECEIVER_UNREGISTERED" if status == "failed" else "",
        refusal_class="payee" if status == "failed" else "",
        closed_at=now if closed else None,
    )
    _step(attempt, address="someone.secret@mail.example")
    return attempt


def _step(attempt: Attempt, *, address: str) -> None:
    body = {
        "sender_batch_header": {"sender_batch_id": attempt.batch.key},
        "items": [
            {
                "recipient_type": "EMAIL",
                "receiver": address,
                "amount": {"value": "123.45", "currency": attempt.currency},
                "sender_item_id": attempt.key,
            }
        ],
    }
    raw = json.dumps(body).encode()
    step = Step.objects.create(
        batch=attempt.batch,
        n=1,
        name="create",
        key=attempt.batch.key,
        path="/v1/payments/payouts",
        moves_money=True,
        digest=crypto.digest(body),
    )
    answer = {"batch_header": {"payout_batch_id": attempt.batch.reference}, "access_token": "A21-very-secret"}
    for kind, content in (("request", raw), ("answer", json.dumps(answer).encode())):
        StepBody.objects.create(
            step=step, kind=kind, sealed=crypto.seal(content, aad=step.pk.bytes + kind.encode())
        )


def money(units: int, currency: str = "EUR") -> Money:
    """Write an amount shortly."""
    return Money(units, currency)


class AddressFactory(DjangoModelFactory[EmailAddress]):
    """An address that hangs on a user."""

    class Meta:
        model = EmailAddress

    email = Sequence(lambda n: f"person{n}@mail.example")
