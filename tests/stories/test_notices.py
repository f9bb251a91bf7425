"""A payee sells before saying where to be paid: invited, reminded, paid, each once, as the mails themselves show."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from payouts import intervention
from payouts.models import Notice, OutboxMessage, Reminder
from payouts.notices import reminding
from tests.stories.world import World


def come_round(world: World) -> None:
    """Let the tasks that come round do so."""
    world.hear()
    world.gather()
    while reminding.remind(limit=100, now=world.now):
        pass
    world.tell()


def subjects(since: int = 0) -> list[str]:
    """What the mails are about, without amounts and numbers."""
    return [re.sub(r"PO-[\w-]+|[\d.,]+\s[A-Z]{3}", "…", str(one.subject)) for one in mail.outbox[since:]]


def text_of(sent: Any) -> str:
    """The words of a mail, on one line."""
    return " ".join(sent.body.split())


INVITED = "Sandbox: tell us where to pay you …"
REMINDED = "Sandbox: … is still waiting for you"
CHANGED = "Sandbox: where you are paid was changed"
PAID = "…: … has been paid to you"


@pytest.fixture(autouse=True)
def _brand(settings: Any) -> None:
    settings.BRAND_NAME = "Sandbox"


def test_from_the_invitation_to_the_money(world: World) -> None:
    payee = world.seller(method=False)
    world.sale(payee)
    come_round(world)
    assert subjects() == [INVITED]
    assert "we have 90.00 EUR for you, and do not know yet where to pay it" in text_of(mail.outbox[0])
    come_round(world)
    assert subjects(since=1) == []
    world.let_pass(days=3, minutes=1)
    come_round(world)
    assert subjects(since=1) == [REMINDED]
    world.let_pass(days=2)
    world.pay_to(payee, "seller@example.com")
    come_round(world)
    assert Reminder.objects.get().ended_at is not None
    world.let_decide()
    world.approve()
    world.send()
    world.until("paid")
    world.tell()
    assert subjects(since=2) == [PAID]
    world.let_pass(days=30)
    come_round(world)
    assert len(mail.outbox) == 3
    # Before it was sent, the transaction was read again, and with it what Sharetribe has as the seller's address.
    assert [one.to[0].removeprefix("sharetribe-") for one in mail.outbox] == ["seller@example.com"] * 3
    assert set(Notice.objects.values_list("outcome", flat=True)) == {"sent"}
    world.assert_books_agree()


def test_whoever_says_nothing_stands_before_staff(world: World) -> None:
    payee = world.seller(method=False)
    world.sale(payee)
    come_round(world)
    for days in (3, 4, 14, 14):
        world.let_pass(days=days, minutes=1)
        come_round(world)
    assert subjects() == [INVITED, REMINDED, REMINDED, REMINDED]
    assert Reminder.objects.get().listed_at is not None


def test_one_click_in_the_invitation_stops_the_reminders_of_that_kind_alone(world: World) -> None:
    payee = world.seller(method=False)
    world.sale(payee)
    come_round(world)
    world.let_pass(days=3, minutes=1)
    come_round(world)
    link = mail.outbox[1].message()["List-Unsubscribe"].strip("<>")
    path = "/payee/" + link.partition("/payee/")[2]
    Client().post(path, "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded")
    world.let_pass(days=4, minutes=1)
    come_round(world)
    assert subjects() == [INVITED, REMINDED]
    world.pay_to(payee, "seller@example.com")
    world.pay_to(payee, "another@example.com")
    come_round(world)
    assert set(subjects(since=2)) == {CHANGED}


@pytest.mark.parametrize(
    ("point", "mails"),
    [
        ("tell.after_claim", 1),
        ("notice.after_taking", 1),
        ("notice.before_call", 1),
        ("notice.after_call", 2),
        ("notice.after_note", 1),
        ("tell.after_call", 1),
    ],
)
def test_a_worker_dies_while_it_writes(world: World, point: str, mails: int) -> None:
    payee = world.seller(method=False)
    world.sale(payee)
    world.hear()
    world.gather()
    while reminding.remind(limit=100, now=world.now):
        pass
    OutboxMessage.objects.exclude(kind="notice").delete()
    with world.crash_at(point):
        world.tell()
    world.tell()
    Notice.objects.update(lease_until=None)  # the time of whoever died is over
    world.tell()
    assert subjects() == [INVITED] * mails
    assert len({one.message()["Message-ID"] for one in mail.outbox}) == 1
    assert not OutboxMessage.objects.filter(next_at__isnull=False).exists()
    assert Notice.objects.get().outcome == "sent"


@pytest.mark.parametrize("point", ["remind.before_commit", "remind.after_commit"])
def test_a_worker_dies_while_it_looks_who_is_to_be_asked(world: World, point: str) -> None:
    world.sale(world.seller(method=False))
    world.hear()
    world.gather()
    with world.crash_at(point):
        reminding.remind(limit=100, now=world.now)
    come_round(world)
    assert subjects() == [INVITED]


def test_what_the_payee_must_mend_is_asked_for_and_paid_once_it_is_mended(world: World) -> None:
    payee = world.seller("invalid+bob@example.com")
    world.sale(payee)
    world.decide()
    world.approve()
    world.send()
    world.tell()
    mail.outbox.clear()
    assert world.payout().state == "failed"
    notice = Notice.objects.get(kind="needs_you")
    assert notice.outcome == "sent"
    come_round(world)
    assert subjects() == [], "it has just been said"
    world.let_pass(days=3, minutes=1)
    come_round(world)
    assert subjects() == [REMINDED]
    assert "did not take it" in text_of(mail.outbox[0])
    world.pay_to(payee, "bob-himself@example.com")
    come_round(world)
    assert subjects(since=1) == [CHANGED] * len(mail.outbox[1:])
    assert {one.to[0] for one in mail.outbox[1:]} == {
        "sharetribe-invalid+bob@example.com",
        "invalid+bob@example.com",
        "bob-himself@example.com",
    }
    world.let_pass(days=4)
    world.decide()
    world.approve()
    world.send()
    world.until_true(lambda: Notice.objects.filter(kind="paid", outcome="sent").exists())
    assert Reminder.objects.filter(ended_at__isnull=True).count() == 0
    world.assert_books_agree()


def test_a_failure_that_was_retried_in_time_is_not_told(world: World) -> None:
    payee = world.seller("invalid+bob@example.com")
    world.sale(payee)
    world.decide()
    world.approve()
    world.send()
    payout = world.payout()
    assert payout.state == "failed"
    intervention.retry(by=world.carol, payout_ids=[payout.pk], reason="Confirmed.", now=world.now)
    mail.outbox.clear()
    world.tell()
    assert "…: we need you before we can pay …" not in subjects()
