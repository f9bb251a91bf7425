"""Each deed makes its messages in its own transaction, and each message says exactly what is documented."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from accounts.models import User
from marketplace_payouts.lib.clock import utc_now
from payouts import carrying, choosing, holding, incidents, lifecycle
from payouts.actors import Actor
from payouts.choosing import Author
from payouts.lifecycle import NEWS, Move
from payouts.models import Payable, Payout, State, WebhookMessage, WebhookSubscription
from payouts.subscriptions import payloads, subscribing
from payouts.subscriptions.events import EVENTS, TEST, TEST_EVENT, VERSION, Event
from payouts.subscriptions.news import sellers_verified
from tests.factories import MethodFactory, PayableFactory, PayeeFactory, PayoutFactory, StaffFactory

pytestmark = pytest.mark.django_db

_JSON: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "string or null": (str, type(None)),
    "array of strings": (list,),
}


@pytest.fixture
def subscription(db: None) -> WebhookSubscription:
    """A subscription to everything, which nobody calls here."""
    return subscribing.add(
        by=StaffFactory.create(roles=["administrator"]),
        url="https://shop.example/hooks",
        description="Shop",
        types=list(EVENTS),
        now=utc_now(),
    )


def move(payout: Payout, to: State, *, quiet: bool = False) -> None:
    """Move a payout."""
    one = Move(payout=payout, to=to, reason="Because.", quiet=quiet)
    lifecycle.move([one], actor=Actor.rule("test"), now=utc_now())


def captured() -> list[str]:
    """The kinds of news that there are messages of, sorted."""
    return sorted(WebhookMessage.objects.values_list("type", flat=True))


def forget() -> None:
    """Remove what was captured so far."""
    WebhookMessage.objects.all().delete()


def make_payout(state: State) -> Payout:
    """A payout in a state, and nothing captured of how it came there."""
    payout: Payout = PayoutFactory.create(state=state)
    forget()
    return payout


def operator() -> User:
    """Who may hold."""
    user: User = StaffFactory.create(roles=["operator"])
    return user


def _approve() -> None:
    move(make_payout(State.AWAITING_APPROVAL), State.APPROVED)


def _pay() -> None:
    move(make_payout(State.SUBMITTED), State.PAID)


def _fail() -> None:
    payout = make_payout(State.FAILED)
    lifecycle.record(
        [payout], kind="x", actor=Actor.rule("x"), reason="", news="payout.failed", now=utc_now()
    )


def _return() -> None:
    payout = make_payout(State.PAID)
    Payout.objects.filter(pk=payout.pk).update(returned_units=45)
    lifecycle.record(
        [payout],
        kind="partly_returned",
        actor=Actor.rule("x"),
        reason="",
        news="payout.returned",
        now=utc_now(),
    )


def _hold() -> None:
    payout = make_payout(State.APPROVED)
    holding.hold(by=operator(), payouts=[payout.pk], reason="Anna Secret called.", now=utc_now())


def _owe() -> None:
    PayableFactory.create()


def _change_method() -> None:
    MethodFactory.create()


def _verify() -> None:
    sellers_verified(sellers={PayeeFactory.create().pk: uuid4()}, now=utc_now())


DEEDS: dict[str, Callable[[], None]] = {
    "payable.owed": _owe,
    "payout.approved": _approve,
    "payout.paid": _pay,
    "payout.failed": _fail,
    "payout.returned": _return,
    "payout.held": _hold,
    "payout_method.changed": _change_method,
    "seller.verified": _verify,
}


def test_there_is_a_deed_and_a_payload_for_every_kind_of_news():
    assert list(DEEDS) == list(EVENTS) == list(payloads.DATA)
    assert set(NEWS.values()) == {name for name in EVENTS if name.startswith("payout.")} - {"payout.held"}


@pytest.mark.parametrize("name", EVENTS)
def test_each_says_exactly_what_is_documented(subscription, name):
    DEEDS[name]()
    message = WebhookMessage.objects.get(type=name)
    body = json.loads(payloads.render([message], subscription)[message.pk])
    assert {key: body[key] for key in ("type", "id", "version")} == {
        "type": name,
        "id": message.public_id,
        "version": VERSION,
    }
    assert body["timestamp"].endswith("Z")
    assert _types(body["data"]) == _documented(EVENTS[name], body["data"])


def test_whatever_a_payable_is_for_and_waits_for_is_documented():
    """All but the rest of a rounding, of which nobody is told."""
    meant = {
        field.path: set(re.findall(r"`(\w+)`", field.meaning)) for field in EVENTS["payable.owed"].fields
    }
    assert meant["payable.purpose"] == set(Payable.Purpose.values) - {Payable.Purpose.CARRY}
    assert meant["payable.waits_for"] == set(Payable.Waits.values) - {Payable.Waits.NOTHING}


def test_a_method_that_is_given_up_is_told_as_one(subscription):
    payee = PayeeFactory.create()
    former = MethodFactory.create(payee=payee, version=1, retired_at=utc_now())
    present = MethodFactory.create(payee=payee, version=2)
    by = Author(user=None, login="code")
    forget()
    choosing.retire(payee, method_id=former.pk, by=by, now=utc_now())
    assert captured() == [], "nobody was paid there any more"
    choosing.retire(payee, method_id=present.pk, by=by, now=utc_now())
    message = WebhookMessage.objects.get()
    body = json.loads(payloads.render([message], subscription)[message.pk])
    assert _types(body["data"]) == _documented(EVENTS[message.type], body["data"])
    assert (body["type"], body["data"]["method"]["id"]) == ("payout_method.changed", str(present.pk))
    assert body["data"]["method"]["removed"] is True


def test_so_does_the_test(subscription):
    message = WebhookMessage(id=uuid4(), type=TEST, happened_at=utc_now())
    body = json.loads(payloads.render([message], subscription)[message.pk])
    assert _types(body["data"]) == _documented(TEST_EVENT, body["data"])


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(inner, f"{path}.{name}".lstrip("."))
    else:
        yield path, value


def _types(data: dict[str, Any]) -> dict[str, type]:
    return {path: type(value) for path, value in _flat(data)}


def _documented(event: Event, data: dict[str, Any]) -> dict[str, type]:
    """The documented fields, each with the type that the value has, if that is one of those that it may have."""
    given = dict(_flat(data))
    return {
        field.path: type(given.get(field.path))
        if type(given.get(field.path)) in _JSON[field.kind]
        else object
        for field in event.fields
    }


@pytest.mark.parametrize("name", EVENTS)
def test_nothing_personal_and_no_payout_details_are_told(subscription, name):
    DEEDS[name]()
    canary = "Kanarienvogel"
    payee = PayeeFactory.create(name=canary, email=f"{canary}@mail.example")
    MethodFactory.create(payee=payee, masked=canary)
    for payout in (PayoutFactory.create(payee=payee, state=state) for state in State):
        holding.hold_by_rule(rule="bad_item", reason=canary, payouts=[payout.pk], now=utc_now())
    PayableFactory.create(payee=payee, reason=canary)
    bodies = payloads.render(list(WebhookMessage.objects.all()), subscription)
    assert len(bodies) > 10
    assert canary not in "".join(bodies.values())
    assert max(map(len, bodies.values())) < 20_000


def test_a_payout_names_its_transactions_once_each_in_order_and_not_all_of_many(subscription, monkeypatch):
    payout = make_payout(State.AWAITING_APPROVAL)
    first = payout.lines.get().payable.source
    others = [PayableFactory.create(payee=payout.payee) for _ in range(3)]
    again = PayableFactory.create(payee=payout.payee, source=first)
    for payable in [*others, again]:
        payout.lines.create(payable=payable, units=payable.units)
    forget()
    move(payout, State.APPROVED)
    [message] = WebhookMessage.objects.all()

    def data() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(payloads.render([message], subscription)[message.pk])["data"]
        return found

    references = [one.reference for one in (payout.lines.order_by("id")[0].payable, *others)]
    assert (data()["transactions"], data()["transaction_count"]) == (references, 4)
    monkeypatch.setattr("payouts.subscriptions.payload_rows.MOST_TRANSACTIONS", 2)
    assert (data()["transactions"], data()["transaction_count"]) == (references[:2], 4)


def test_a_failure_says_who_must_act(subscription):
    _fail()
    message = WebhookMessage.objects.get(type="payout.failed")
    body = json.loads(payloads.render([message], subscription)[message.pk])
    assert body["data"]["refusal"] == "payee"


def test_what_is_quiet_is_told_to_nobody(subscription):
    for state, to in ((State.SUBMITTED, State.FAILED), (State.SUBMITTING, State.APPROVED)):
        move(make_payout(state), to, quiet=True)
    assert captured() == []


@pytest.mark.parametrize(
    ("state", "to"),
    [
        (State.PENDING, State.AWAITING_APPROVAL),
        (State.SUBMITTING, State.SUBMITTED),
        (State.SUBMITTING, State.UNKNOWN),
        (State.APPROVED, State.CANCELLED),
    ],
)
def test_of_other_states_nobody_is_told(subscription, state, to):
    move(make_payout(state), to)
    assert captured() == []


def test_what_is_rolled_back_is_told_to_nobody(subscription):
    payout = make_payout(State.SUBMITTED)
    with transaction.atomic():
        move(payout, State.PAID)
        assert captured() == ["payout.paid"]
        transaction.set_rollback(True)
    assert captured() == []


def test_the_rest_of_a_rounding_is_owed_to_nobody_anew(subscription):
    payout = make_payout(State.PENDING)
    for row in carrying.carry(payout, payout.payee, 7, now=utc_now()):
        row.save(force_insert=True)
    assert Payable.objects.filter(purpose="carry").count() == 2
    assert captured() == []


@pytest.mark.parametrize(
    ("state", "by_payout", "by_payee"),
    [
        (State.APPROVED, 1, 1),
        (State.FAILED, 1, 1),
        (State.SUBMITTED, 1, 0),
        (State.PAID, 0, 0),
        (State.CANCELLED, 0, 0),
    ],
)
def test_a_hold_is_told_of_each_payout_that_it_stops(subscription, state, by_payout, by_payee):
    payout = make_payout(state)
    holding.hold(by=operator(), payouts=[payout.pk], reason="Look.", now=utc_now())
    assert captured() == ["payout.held"] * by_payout
    forget()
    holding.hold(by=operator(), payees=[payout.payee_id], reason="Look.", now=utc_now())
    holding.hold(by=operator(), methods=[payout.method_id], reason="Look.", now=utc_now())
    assert captured() == ["payout.held"] * 2 * by_payee
    on = set()
    for message in WebhookMessage.objects.all():
        on.add(json.loads(payloads.render([message], subscription)[message.pk])["data"]["hold"]["on"])
    assert on == ({"payee", "method"} if by_payee else set())


def test_of_the_stop_switch_and_other_wide_holds_nobody_is_told(subscription):
    payout = make_payout(State.APPROVED)
    holding.stop(by=operator(), reason="Stop!", now=utc_now())
    holding.hold(by=operator(), rails=["provider:paypal"], reason="Look.", now=utc_now())
    incidents.open_incidents(
        [incidents.Evidence(kind="wrong_echo", subject="x", sentence="Odd.", provider="paypal")],
        now=utc_now(),
    )
    assert captured() == []
    holding.hold_by_rule(rule="bad_item", reason="Odd.", payouts=[payout.pk], now=utc_now())
    holding.hold_by_rule(rule="bad_item", reason="Odd.", payouts=[payout.pk], now=utc_now())
    assert captured() == ["payout.held"]  # the rule holds it once, however often it fires


def test_the_same_verification_is_told_once(subscription):
    payee, said = PayeeFactory.create(), uuid4()
    for _ in range(2):
        sellers_verified(sellers={payee.pk: said}, now=utc_now())
    sellers_verified(sellers={payee.pk: uuid4()}, now=utc_now())
    sellers_verified(sellers={}, now=utc_now())
    assert captured() == ["seller.verified"] * 2


def test_each_subscription_gets_its_own_message_with_its_own_id(subscription):
    other = subscribing.add(
        by=StaffFactory.create(roles=["engineer"]),
        url="https://other.example/",
        description="Other",
        types=["payout.paid", "payable.owed"],
        now=utc_now(),
    )
    payout = make_payout(State.AWAITING_APPROVAL)
    for to in (State.APPROVED, State.SUBMITTING, State.PAID):
        move(payout, to)
    ours = WebhookMessage.objects.all()
    assert sorted(ours.values_list("subscription", "type")) == sorted(
        [
            (subscription.pk, "payout.paid"),
            (subscription.pk, "payout.approved"),
            (other.pk, "payout.paid"),
        ]
    )
    assert len(set(ours.values_list("id", flat=True))) == 3


@pytest.mark.parametrize("count", [1, 50])
def test_the_way_of_the_money_makes_no_further_statement(django_assert_num_queries, count):
    """With a subscription or without: the messages are made by the statements that are there anyway."""

    def statements(*, is_told: bool) -> int:
        payouts = [PayoutFactory.create(state=State.SUBMITTED) for _ in range(count)]
        forget()
        moves = [Move(payout=one, to=State.PAID, reason="") for one in payouts]
        with django_assert_num_queries(3) as caught:
            lifecycle.move(moves, actor=Actor.rule("test"), now=utc_now())
        assert captured() == (["payout.paid"] * count if is_told else [])
        return len(caught)

    before = statements(is_told=False)
    subscribing.add(
        by=StaffFactory.create(roles=["engineer"]),
        url="https://shop.example/hooks",
        description="Shop",
        types=["payout.paid"],
        now=utc_now(),
    )
    assert statements(is_told=True) == before


def test_a_set_is_rendered_with_a_number_of_statements_that_does_not_grow(
    subscription, django_assert_max_num_queries
):
    for _ in range(2):
        for deed in DEEDS.values():
            deed()
        messages = list(WebhookMessage.objects.all())
        with django_assert_max_num_queries(9):
            assert len(payloads.render(messages, subscription)) == len(messages)


def test_what_is_gone_has_no_body(subscription):
    message = WebhookMessage(
        id=uuid4(), type="payout.paid", subject=uuid4(), source=uuid4(), happened_at=utc_now()
    )
    assert payloads.render([message], subscription) == {}
