"""A turn of events is told once, to whom it concerns, in a mail that says no more than it should."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives

from accounts.models import Payee
from marketplace_payouts.lib.clock import utc_now
from payouts import cases, incarnation, lifecycle, method_changes, methods, outbox, verification
from payouts.actors import Actor
from payouts.lifecycle import Move
from payouts.method_changes import Author
from payouts.models import (
    Attempt,
    Incarnation,
    MethodChange,
    Notice,
    NoticeSwitch,
    OutboxMessage,
    Payout,
    PayoutMethod,
    State,
)
from payouts.notices import checks, kinds
from payouts.providers import registry
from tests.factories import MethodFactory, PayeeFactory, PayoutFactory, StaffFactory
from tests.payouts.mail_server import MailServer, mail_server

ACTOR = Actor.rule("test")


@pytest.fixture(autouse=True)
def _accepted(db: None) -> None:
    incarnation.begin()


@pytest.fixture
def _paypal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """PayPal is set up, so that a method of it can be opened."""
    monkeypatch.setenv("PAYPAL_CLIENT_ID", "id")
    monkeypatch.setenv("PAYPAL_CLIENT_SECRET", "secret")
    registry.reset()
    yield
    registry.reset()


@pytest.fixture
def server(settings: Any) -> Iterator[MailServer]:
    """A mail server of the product's own."""
    with mail_server(settings) as state:
        yield state


def payout_in(state: State, *, refusal: str = "", **more: Any) -> Payout:
    """A payout that just got there, with nothing else to tell."""
    payout = PayoutFactory.create(state=State.SUBMITTED, **more)
    OutboxMessage.objects.all().delete()
    if refusal:
        Attempt.objects.filter(payout=payout).update(refusal_class=refusal)
    lifecycle.move([Move(payout=payout, to=state, reason="Heard.")], actor=ACTOR, now=utc_now())
    OutboxMessage.objects.exclude(kind="notice").delete()
    return payout


def tell(*, now: datetime | None = None) -> list[EmailMultiAlternatives]:
    """Have everything told, and give the mails that came of it."""
    before = len(mail.outbox)
    OutboxMessage.objects.filter(next_at__isnull=False).update(next_at=utc_now())
    outbox.tell(limit=100, now=now or utc_now())
    return mail.outbox[before:]  # type: ignore[return-value]


def html_of(sent: EmailMultiAlternatives) -> str:
    """The part that looks better."""
    [(content, mimetype)] = sent.alternatives
    assert mimetype == "text/html"
    return str(content)


# ------------------------------------------------------------------------------------------------------ what it says


def test_a_paid_payout_is_told_with_what_it_covers(settings):
    settings.PUBLIC_URL, settings.BRAND_NAME = "https://pay.example.com", "Harbour Market"
    settings.BRAND_SUPPORT_EMAIL = "help@harbour.example"
    payout = payout_in(State.PAID)
    [sent] = tell()
    assert sent.to == [payout.payee.email]
    assert sent.subject == f"{payout.number}: 123.45\N{NO-BREAK SPACE}EUR has been paid to you"
    assert sent.from_email == "Harbour Market <payouts@localhost>"
    assert sent.reply_to == ["help@harbour.example"]
    assert payout.method.masked in sent.body
    assert "- Sales (1): 123.45\N{NO-BREAK SPACE}EUR" in sent.body
    page = f"https://pay.example.com/payee/payouts/{payout.pk}/"
    assert f"{page}\n" in sent.body
    assert f'href="{page}"' in html_of(sent)
    assert not re.search(r"paid\d+@", sent.body + html_of(sent)), "the destination is masked"
    notice = Notice.objects.get()
    assert (notice.outcome, notice.kind, notice.address) == ("sent", "paid", payout.payee.email)
    assert OutboxMessage.objects.get().done_at is not None


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [("payee", "needs_you"), ("final", "needs_you"), ("ours", "failed"), ("", "failed")],
)
def test_a_failure_asks_the_payee_only_for_what_the_payee_can_mend(refusal, kind):
    payout_in(State.FAILED, refusal=refusal)
    [sent] = tell()
    assert Notice.objects.get().kind == kind
    assert ("You need not do anything" in sent.body) == (kind == "failed")
    assert ("/payee/method/\n" in sent.body) == (kind == "needs_you"), "it leads to where it is mended"
    assert "RECEIVER" not in sent.body


def test_a_failure_that_is_over_is_not_told_any_more():
    payout = payout_in(State.FAILED)
    Payout.objects.filter(pk=payout.pk).update(state=State.APPROVED)
    assert tell() == []
    assert Notice.objects.get().outcome == Notice.Outcome.OVER


def test_each_failure_of_a_payout_is_a_turn_of_its_own():
    payout = payout_in(State.FAILED)
    assert len(tell()) == 1
    payout.refresh_from_db()
    for to in (State.APPROVED, State.SUBMITTING, State.FAILED):
        lifecycle.move([Move(payout=payout, to=to, reason="Again.")], actor=ACTOR, now=utc_now())
    OutboxMessage.objects.exclude(kind="notice").delete()
    assert len(tell()) == 1


def test_what_came_back_in_part_names_the_part():
    payout = payout_in(State.PAID)
    tell()
    Payout.objects.filter(pk=payout.pk).update(returned_units=2_345)
    OutboxMessage.objects.create(
        kind="notice",
        subject=payout.pk,
        facts={"state": "partly_returned", "number": payout.number, "turn": "returned 2345"},
    )
    [sent] = tell()
    assert sent.subject == f"{payout.number}: 23.45\N{NO-BREAK SPACE}EUR came back to us"
    assert "of the 123.45" in sent.body


def test_amounts_are_written_in_the_payees_language():
    payee = PayeeFactory.create(language="vi")
    payout_in(State.PAID, payee=payee, debt_units=123_456_789)
    [sent] = tell()
    assert "1.234.567,89\N{NO-BREAK SPACE}EUR" in sent.body
    assert '<html lang="vi">' in html_of(sent)
    assert "đã chi trả" in sent.subject
    assert "Xin chào" in sent.body
    assert "- Đơn bán (1):" in sent.body
    assert Notice.objects.get().language == "vi"


def test_a_name_is_neither_a_header_nor_markup():
    name = "Eve\r\nBcc: all@mail.example <b onclick=x>"
    payout_in(State.PAID, payee=PayeeFactory.create(name=name))
    [sent] = tell()
    raw = sent.message()
    assert raw["Bcc"] is None
    assert "<b onclick" not in html_of(sent)
    assert "&lt;b onclick=x&gt;" in html_of(sent)
    assert "Hello Eve Bcc: all@mail.example" in sent.body


def test_an_answer_is_mailed_as_it_was_written():
    payout = PayoutFactory.create(state=State.PAID)
    case = cases.ask(payout, kind="other", text="Where is it?", now=utc_now())
    by = StaffFactory.create(roles=["operator"])
    cases.answer(by=by, case_ids=[case.pk], text="<i>Look</i>\n\nagain", settles=True, now=utc_now())
    OutboxMessage.objects.exclude(kind="answer").delete()
    [sent] = tell()
    assert sent.subject == f"{payout.number}: our answer to your question"
    assert f"/payee/payouts/{payout.pk}/\n" in sent.body, "where they asked"
    assert "<i>Look</i>\n\nagain" in sent.body
    assert "&lt;i&gt;Look&lt;/i&gt;" in html_of(sent)
    assert case.messages.get(by=by).mailed_at is not None


def test_who_does_not_want_answers_by_mail_reads_them_where_they_asked():
    payout = PayoutFactory.create(state=State.PAID)
    NoticeSwitch.objects.create(payee=payout.payee, kind=kinds.ANSWERED)
    case = cases.ask(payout, kind="other", text="Where is it?", now=utc_now())
    by = StaffFactory.create(roles=["operator"])
    cases.answer(by=by, case_ids=[case.pk], text="There.", settles=True, now=utc_now())
    assert tell() == []
    assert case.messages.get(by=by).mailed_at is None


# ------------------------------------------------------------------------------------------------------ once


def test_a_turn_is_told_once_however_often_it_is_staged():
    payout = payout_in(State.PAID)
    [message] = OutboxMessage.objects.all()
    OutboxMessage.objects.create(kind="notice", subject=payout.pk, facts=message.facts)
    assert len(tell()) == 1
    outbox.replay(message, now=utc_now())
    assert tell() == []
    assert OutboxMessage.objects.filter(done_at__isnull=False).count() == 2


def test_what_another_worker_is_sending_is_left_to_it():
    payout_in(State.PAID)
    tell()
    Notice.objects.update(outcome="", sent_at=None, lease_until=utc_now() + timedelta(minutes=1))
    outbox.replay(OutboxMessage.objects.get(), now=utc_now())
    assert tell() == []
    assert "Another worker" in OutboxMessage.objects.get().error
    Notice.objects.update(lease_until=utc_now() - timedelta(seconds=1))
    assert len(tell()) == 1


def test_sent_once_more_it_is_the_same_mail_to_mail_programs():
    payout_in(State.PAID)
    [first] = tell()
    Notice.objects.update(outcome="", sent_at=None)  # as if the worker had died before it noted it
    outbox.replay(OutboxMessage.objects.get(), now=utc_now())
    [second] = tell()
    assert first.message()["Message-ID"] == second.message()["Message-ID"]
    assert first.message()["Message-ID"].endswith("@localhost>")


def test_a_copy_of_the_database_writes_to_nobody():
    payout_in(State.PAID)
    Incarnation.objects.update(table_oid=1)
    assert tell() == []
    incarnation.accept(by="test")
    assert len(tell()) == 1


def test_a_set_takes_as_many_statements_but_one_for_each_mail(django_assert_max_num_queries):
    payees = [PayeeFactory.create() for _ in range(12)]
    counts = []
    for chosen in (payees[:2], payees[2:]):
        for payee in chosen:
            payout_in_one(payee)
        with django_assert_max_num_queries(100) as caught:
            assert len(tell()) == len(chosen)
        counts.append(len(caught.captured_queries) - len(chosen))
    assert counts[0] == counts[1]


def payout_in_one(payee: Any) -> None:
    """One more that was paid, with what is staged already left alone."""
    payout = PayoutFactory.create(state=State.SUBMITTED, payee=payee)
    lifecycle.move([Move(payout=payout, to=State.PAID, reason="Heard.")], actor=ACTOR, now=utc_now())
    OutboxMessage.objects.exclude(kind="notice").delete()


# ------------------------------------------------------------------------------------------------------ the mail server


@pytest.mark.django_db(transaction=True)
def test_an_address_that_is_refused_keeps_nobody_from_theirs(server):
    bad, good = PayeeFactory.create(email="bad@mail.example"), PayeeFactory.create(email="good@mail.example")
    for payee in (bad, good):
        payout_in_one(payee)
    server.refused["bad@mail.example"] = "550 no such user here"
    tell()
    assert [sent["To"] for sent in server.mails] == ["good@mail.example"]
    refused = Notice.objects.get(payee=bad)
    assert refused.error == "The mail server refused the address: 550 no such user here"
    message = OutboxMessage.objects.get(done_at__isnull=True)
    assert (message.tries, message.dead_at) == (1, None)
    assert message.next_at is not None
    server.refused.clear()
    tell()
    assert [sent["To"] for sent in server.mails] == ["good@mail.example", "bad@mail.example"]
    assert Notice.objects.get(payee=bad).tries == 2


@pytest.mark.django_db(transaction=True)
def test_many_mails_go_over_one_connection_and_a_broken_one_is_made_anew(server):
    for n in range(4):
        payout_in_one(PayeeFactory.create(email=f"p{n}@mail.example"))
    server.hangs_up_at = "TO:<p1@mail.example>"
    tell()
    assert {sent["To"] for sent in server.mails} == {"p0@mail.example", "p2@mail.example", "p3@mail.example"}
    assert server.connections == 2
    tell()
    assert len(server.mails) == 4


@pytest.mark.django_db(transaction=True)
def test_a_mail_server_that_is_away_is_asked_once_and_in_the_end_staff_see_it(settings, server):
    settings.EMAIL_PORT = 9  # nobody listens there
    for _ in range(3):
        payout_in_one(PayeeFactory.create())
    tell()
    assert set(Notice.objects.values_list("error", flat=True)) == {
        "The mail server does not answer: ConnectionRefusedError"
    }
    for _ in range(20):
        tell()
    assert OutboxMessage.objects.filter(dead_at__isnull=False).count() == 3
    settings.EMAIL_PORT = server.port
    for message in OutboxMessage.objects.all():
        outbox.replay(message, now=utc_now())
    tell()
    assert len(server.mails) == 3


@pytest.mark.django_db(transaction=True)
def test_what_goes_over_the_wire_has_both_parts_and_the_link_to_switch_it_off(server):
    payout_in_one(PayeeFactory.create())
    tell()
    [sent] = server.mails
    assert [part.get_content_type() for part in sent.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    assert sent["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "/payee/notices/" in sent["List-Unsubscribe"]
    assert sent["Auto-Submitted"] == "auto-generated"


# ------------------------------------------------------------------------------------------------------ who gets what


def test_what_a_payee_switched_off_is_not_sent_and_shown_as_that():
    payee = PayeeFactory.create()
    NoticeSwitch.objects.create(payee=payee, kind=kinds.PAID)
    payout_in(State.PAID, payee=payee)
    assert tell() == []
    assert Notice.objects.get().outcome == Notice.Outcome.SWITCHED_OFF
    assert OutboxMessage.objects.get().done_at is not None


def test_what_the_marketplace_switched_off_nobody_is_sent(settings):
    settings.NOTICES_OFF = ["paid"]
    payout_in(State.PAID)
    assert tell() == []


def test_without_an_address_nothing_is_sent_and_that_is_said():
    payout_in(State.PAID, payee=PayeeFactory.create(email=""))
    assert tell() == []
    assert Notice.objects.get().outcome == Notice.Outcome.NO_ADDRESS


def test_an_account_of_ours_is_written_to_where_sharetribe_names_no_address():
    user = StaffFactory.create(email="mine@mail.example", is_staff=False)
    payout_in(State.PAID, payee=PayeeFactory.create(email="", user=user))
    [sent] = tell()
    assert sent.to == ["mine@mail.example"]


@pytest.mark.parametrize(
    ("given", "ids"),
    [(["paid", "owed"], []), (["method_changed"], ["payouts.E100"]), (["payed"], ["payouts.E101"])],
)
def test_the_setting_is_held_to_what_there_is(settings, given, ids):
    settings.NOTICES_OFF = given
    assert [found.id for found in checks.check_notices()] == ids


# ------------------------------------------------------------------------------------------------------ security


def change(
    payee: Payee, *, before: PayoutMethod | None, after: PayoutMethod | None
) -> list[EmailMultiAlternatives]:
    """Have a payee's change told; gives the mails, each to one address."""
    methods_of = {"before": before, "after": after}
    method_changes.record(
        payee=payee,
        act=MethodChange.Act.CHOSEN if after else MethodChange.Act.RETIRED,
        before=before,
        after=after,
        addresses={which: methods.contact(method) for which, method in methods_of.items()},
        by=Author(None, "account"),
        now=utc_now(),
    )
    sent = tell()
    assert all(len(one.to) == 1 for one in sent)
    assert len({one.to[0] for one in sent}) == len(sent), "each address once"
    return sent


def to(sent: list[EmailMultiAlternatives]) -> set[str]:
    """Who was written to."""
    return {one.to[0] for one in sent}


@pytest.mark.usefixtures("_paypal")
def test_a_change_is_told_to_every_contact_and_cannot_be_switched_off(settings):
    user = StaffFactory.create(email="login@mail.example", is_staff=False)
    payee = PayeeFactory.create(email="now@mail.example", user=user)
    for kind in kinds.KINDS:
        NoticeSwitch.objects.create(payee=payee, kind=kind)
    settings.NOTICES_OFF = list(kinds.KINDS)
    former = MethodFactory.create(payee=payee, address="old@mail.example", retired_at=utc_now())
    usable = utc_now() + timedelta(days=3)
    present = MethodFactory.create(payee=payee, version=2, address="new@mail.example", usable_from=usable)
    told = change(payee, before=former, after=present)
    assert to(told) == {"now@mail.example", "login@mail.example", "old@mail.example", "new@mail.example"}
    for sent in told:
        assert former.masked in sent.body
        assert present.masked in sent.body
        assert "nothing is sent there before" in sent.body
        assert "Somebody who logged in as you asked for it" in sent.body
        assert "/payee/method/\n" in sent.body
        assert "List-Unsubscribe" not in sent.message()
        assert "/payee/notices/" not in sent.body + html_of(sent)
        assert "old@mail.example" not in sent.body + html_of(sent)
        assert "new@mail.example" not in sent.body + html_of(sent)
    assert set(Notice.objects.values_list("contact", flat=True)) == {
        "payee",
        "login",
        "former_method",
        "method",
    }


@pytest.mark.usefixtures("_paypal")
@pytest.mark.parametrize("between", [[], ["one@thief.example"], ["one@thief.example", "two@thief.example"]])
def test_whoever_took_over_the_address_first_does_not_keep_it_from_the_owner(between):
    payee = PayeeFactory.create(email="owner@mail.example")
    payout_in(State.PAID, payee=payee)
    assert to(tell()) == {"owner@mail.example"}
    for address in between:
        payee.email = address
        payee.save()
        payout_in(State.PAID, payee=payee)
        assert to(tell()) == {address}
    payee.email = "thief@mail.example"
    payee.save()
    PayoutMethod.objects.filter(payee=payee).update(retired_at=utc_now())
    present = MethodFactory.create(payee=payee, version=2, address="thief@mail.example")
    told = to(change(payee, before=None, after=present))
    assert told == {"owner@mail.example", "thief@mail.example", *between}


@pytest.mark.usefixtures("_paypal")
def test_an_address_that_is_changed_before_the_mails_are_sent_keeps_nobody_from_hearing_of_it():
    user = StaffFactory.create(email="login@mail.example", is_staff=False)
    payee = PayeeFactory.create(email="owner@mail.example", user=user)
    present = MethodFactory.create(payee=payee, address="thief@mail.example")
    method_changes.record(
        payee=payee,
        act=MethodChange.Act.CHOSEN,
        after=present,
        addresses={"after": methods.contact(present)},
        by=Author(user, "account"),
        now=utc_now(),
    )
    Payee.objects.update(email="thief@mail.example")
    assert to(tell()) == {"owner@mail.example", "login@mail.example", "thief@mail.example"}


@pytest.mark.usefixtures("_paypal")
def test_a_former_method_that_cannot_be_opened_keeps_nobody_from_hearing_of_it():
    payee = PayeeFactory.create()
    former = MethodFactory.create(payee=payee, details=b"nonsense", retired_at=utc_now())
    present = MethodFactory.create(payee=payee, version=2, address="new@mail.example")
    assert to(change(payee, before=former, after=present)) == {payee.email, "new@mail.example"}


@pytest.mark.usefixtures("_paypal")
def test_a_method_that_is_taken_away_is_told_too():
    former = MethodFactory.create(address="old@mail.example")
    told = change(former.payee, before=former, after=None)
    assert to(told) == {former.payee.email, "old@mail.example"}
    assert "you are not paid to" in told[0].body


@pytest.mark.usefixtures("_paypal")
def test_a_method_is_to_be_confirmed_at_its_own_address_alone():
    method = MethodFactory.create(address="paid@mail.example", verified_at=None)
    verification.ask(method, now=utc_now())
    [sent] = tell()
    assert sent.to == ["paid@mail.example"]
    [token] = re.findall(r"/payee/methods/(\S+)/", str(sent.body))
    assert verification.find(token) == method
    assert "List-Unsubscribe" not in sent.message()
    verification.ask(method, now=utc_now())
    assert len(tell()) == 1, "asked for once more, it is mailed once more"
    verification.ask(method, now=utc_now())
    PayoutMethod.objects.filter(pk=method.pk).update(verified_at=utc_now())
    assert tell() == []


def test_every_kind_has_its_words():
    from django.template.loader import get_template

    for name in kinds.KINDS:
        get_template(f"notices/{name}.txt")
    assert set(kinds.KINDS) - set(kinds.SWITCHES) == {kinds.METHOD_CHANGED, kinds.VERIFY_METHOD}
