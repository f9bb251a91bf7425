"""Questions of payees: one open case per payout and kind, nothing lost or doubled, the answer mailed once."""

from __future__ import annotations

import threading

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from accounts.roles import NotAllowed
from payouts import cases, incarnation, outbox
from payouts.cases import UNANSWERED, Unanswered
from payouts.errors import Refused
from payouts.models import Case, CaseMessage, OutboxMessage
from tests import factories

NOW = timezone.now


@pytest.fixture(autouse=True)
def _accepted(request):
    """What this database is to tell, it may."""
    if "payout" in request.fixturenames:
        request.getfixturevalue("db")
        incarnation.accept(by="tests")


@pytest.fixture
def payout(db):
    incarnation.begin()
    return factories.PayoutFactory.create(state="paid")


@pytest.fixture
def operator(db):
    return factories.StaffFactory.create(roles=["operator"])


def ask(payout, text="Where is it?", kind="not_arrived"):
    return cases.ask(payout, kind=kind, text=text, now=NOW())


def answer(case, by, *, settles=True, text="PayPal paid it on Friday."):
    return cases.answer(by=by, case_ids=[case.pk], text=text, settles=settles, now=NOW())


def tell():
    OutboxMessage.objects.filter(next_at__isnull=False).update(next_at=NOW())
    outbox.tell(limit=10, now=NOW())


def test_one_case_is_open_for_each_payout_and_kind(payout):
    first, other = ask(payout), ask(payout, kind="wrong_amount")
    again = ask(payout, text="It is still not there.")
    assert again.pk == first.pk != other.pk
    assert list(first.messages.order_by("at").values_list("text", flat=True)) == [
        "Where is it?",
        "It is still not there.",
    ]
    with pytest.raises(IntegrityError), transaction.atomic():
        Case.objects.create(payout=payout, kind="not_arrived")


def test_pressing_twice_asks_once(payout):
    assert ask(payout).pk == ask(payout, text="  Where is it?\r\n").pk
    assert CaseMessage.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_who_ask_at_once_find_one_case():
    payout = factories.PayoutFactory.create(state="paid")
    ready = threading.Barrier(4)

    def press(n):
        ready.wait()
        try:
            ask(payout, text=f"Question {n}")
        finally:
            connection.close()

    threads = [threading.Thread(target=press, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Case.objects.count() == 1
    assert CaseMessage.objects.count() == 4


@pytest.mark.parametrize("text", ["", " \r\n\t", "\x00", "x" * (cases.LONGEST + 1)])
def test_refuses_what_is_no_question(payout, text):
    with pytest.raises(Refused):
        ask(payout, text=text)
    assert not Case.objects.exists()


def test_refuses_a_kind_that_there_is_not(payout):
    with pytest.raises(Refused, match="what your question is about"):
        ask(payout, kind="complaint")


def test_a_payee_writes_so_often_and_then_waits(payout, operator):
    for n in range(UNANSWERED):
        case = ask(payout, text=f"Hello? {n}")
    with pytest.raises(Unanswered, match="wait for our answer"):
        ask(payout, text="Hello?!")
    answer(case, operator, settles=False)
    assert ask(payout, text="Thank you, but").pk == case.pk


def test_what_was_written_never_changes(payout, operator):
    case = ask(payout)
    message = case.messages.get()
    with pytest.raises(DatabaseError, match="never change"), transaction.atomic():
        CaseMessage.objects.filter(pk=message.pk).update(text="Everything is fine.")
    with pytest.raises(DatabaseError, match="never change"), transaction.atomic():
        Case.objects.filter(pk=case.pk).update(kind="other")
    with pytest.raises(DatabaseError, match="never deleted"), transaction.atomic():
        CaseMessage.objects.filter(pk=message.pk).delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        Case.objects.filter(pk=case.pk).update(closed_at=NOW())  # by nobody


def test_the_answer_is_mailed_once_however_often_it_is_told(payout, operator):
    case = ask(payout)
    assert answer(case, operator).done == [str(case)]
    message = case.messages.get(by=operator)
    tell()
    assert OutboxMessage.objects.get(kind="answer").done_at is not None
    outbox.replay(OutboxMessage.objects.get(kind="answer"), now=NOW())
    tell()
    [sent] = mail.outbox
    assert sent.to == [payout.payee.email]
    assert payout.number in sent.subject
    assert "PayPal paid it on Friday." in sent.body
    assert operator.email not in sent.body
    message.refresh_from_db()
    assert message.mailed_at is not None


def test_an_answer_that_cannot_be_mailed_is_tried_again(payout, operator, settings):
    answer(ask(payout), operator)
    settings.EMAIL_BACKEND = "tests.payouts.test_cases.NoPost"
    tell()
    staged = OutboxMessage.objects.get(kind="answer")
    assert staged.error == "The mail could not be sent: OSError"
    assert staged.next_at is not None
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    tell()
    assert len(mail.outbox) == 1


class NoPost(BaseEmailBackend):
    """A post office that is closed."""

    def send_messages(self, _messages: object) -> int:
        raise OSError("no route")


def test_a_payee_without_an_address_finds_it_where_they_asked(payout, operator):
    payout.payee.email = ""
    payout.payee.save()
    case = ask(payout)
    answer(case, operator)
    tell()
    assert mail.outbox == []
    assert OutboxMessage.objects.get(kind="answer").done_at is not None


def test_a_settled_case_is_over_and_the_next_question_opens_another(payout, operator):
    case = ask(payout)
    answer(case, operator)
    case.refresh_from_db()
    assert (case.closed_by, case.closed_at is not None) == (operator, True)
    assert answer(case, operator).refused == [(str(case), "It is settled already; the payee may ask again.")]
    assert ask(payout).pk != case.pk


def test_only_those_answer_who_may_write_notes(payout):
    case = ask(payout)
    for roles in ([], ["viewer"], ["engineer"]):
        with pytest.raises(NotAllowed):
            answer(case, factories.StaffFactory.create(roles=roles))
    assert not OutboxMessage.objects.filter(kind="answer").exists()
