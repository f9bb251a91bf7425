"""Questions of payees in the back office: with the provider's proof, answered by those who may, once."""

from __future__ import annotations

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from payouts import outbox
from payouts.models import Case, OutboxMessage
from payouts.notices import kinds, switches


@pytest.fixture
def case(everything):
    return Case.objects.get()


def page(client, case) -> str:
    answer = client.get(reverse("admin:payouts_case_change", args=[case.pk]))
    assert answer.status_code == 200
    return str(answer.content.decode())


def send(client, case, **given):
    url = reverse("admin:payouts_case_act", args=["answer"])
    return client.post(url, {"ids": str(case.pk), **given})


def test_the_page_has_the_question_and_the_providers_proof(as_role, case):
    shown = page(as_role("viewer"), case)
    attempt = case.payout.attempts.get()
    for word in (case.payout.number, attempt.reference, attempt.key, "SUCCESS", "It did not arrive"):
        assert word in shown, word
    assert "Where is &lt;b&gt;my&lt;/b&gt; money?" in shown
    assert "<b>my</b>" not in shown


def test_the_payouts_page_and_the_first_page_lead_to_it(as_role, case):
    client = as_role("operator")
    dossier = client.get(reverse("admin:payouts_payout_change", args=[case.payout_id])).content.decode()
    assert reverse("admin:payouts_case_change", args=[case.pk]) in dossier
    assert "Where is &lt;b&gt;my&lt;/b&gt; money?" in dossier
    first = client.get("/admin/").content.decode()
    assert "Questions of payees to answer" in first
    assert "/admin/payouts/case/?open=yes" in first


def test_it_is_answered_once_and_shown_as_mailed(as_role, case, people):
    client = as_role("operator")
    asked = send(client, case)
    assert asked.status_code == 200
    assert "Mail the answer to 1 payee" in asked.content.decode()
    done = send(client, case, confirmed="1", text="PayPal paid it.", settles="on")
    assert done.status_code == 302
    again = send(client, case, confirmed="1", text="PayPal paid it.", settles="on")
    assert again.status_code == 302
    OutboxMessage.objects.filter(next_at__isnull=False, kind="answer").update(next_at=timezone.now())
    outbox.tell(limit=100, now=timezone.now())
    assert [sent.to for sent in mail.outbox if "our answer" in sent.subject] == [[case.payout.payee.email]]
    case.refresh_from_db()
    assert case.closed_by == people["operator"]
    shown = page(client, case)
    assert "PayPal paid it." in shown
    assert "mailed" in shown
    assert "Answer…" not in shown
    assert "Questions of payees to answer" not in client.get("/admin/").content.decode()


def test_who_gets_no_mail_is_said_before(as_role, case, settings):
    client, unmailed = as_role("operator"), "Not mailed"
    assert unmailed not in send(client, case).content.decode()
    switches.switch(case.payout.payee, kinds.ANSWERED, on=False, now=timezone.now())
    assert unmailed in send(client, case).content.decode()
    switches.switch(case.payout.payee, kinds.ANSWERED, on=True, now=timezone.now())
    settings.NOTICES_OFF = [kinds.ANSWERED]
    assert unmailed in send(client, case).content.decode()
    settings.NOTICES_OFF = []
    type(case.payout.payee).objects.update(email="")
    assert unmailed in send(client, case).content.decode()


def test_an_answer_may_leave_it_open(as_role, case):
    client = as_role("approver")
    send(client, case, confirmed="1", text="We have asked PayPal.")
    case.refresh_from_db()
    assert case.closed_at is None
    assert "Answer…" in page(client, case)


def test_an_empty_answer_is_asked_for_again(as_role, case):
    answer = send(as_role("operator"), case, confirmed="1", text=" ")
    assert answer.status_code == 200
    assert "This field is required." in answer.content.decode()


@pytest.mark.parametrize("role", ["viewer", "engineer"])
def test_others_read_and_do_not_answer(as_role, case, role):
    client = as_role(role)
    assert "Answer…" not in page(client, case)
    assert send(client, case, confirmed="1", text="No.").status_code == 403
    assert case.messages.count() == 1


def test_the_list_finds_by_payout_and_payee(as_role, case):
    client = as_role("viewer")
    for term in (case.payout.number, case.payout.payee.email):
        assert case.payout.number in client.get(f"/admin/payouts/case/?q={term}").content.decode()
    assert case.payout.number not in client.get("/admin/payouts/case/?open=no").content.decode()
