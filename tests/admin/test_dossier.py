"""A payout's page tells everything, and gives nothing away that nobody needs."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse
from django.utils import timezone

from marketplace_payouts.lib import crypto
from payouts.admin import bodies
from payouts.models import Announcement, Batch, Payout, PayoutEvent, State, StepBody
from tests import factories


@pytest.fixture
def page_of(as_role, people):
    client = as_role("viewer")

    def text(payout: Payout) -> str:
        response = client.get(reverse("admin:payouts_payout_change", args=[payout.pk]))
        assert response.status_code == 200
        return str(response.content.decode())

    return text


def test_tells_the_whole_story(page_of, everything):
    payout = everything["paid"]
    line = payout.lines.get()
    Announcement.objects.create(payout=payout, source=line.payable.source, confirmed_at=timezone.now())
    page = page_of(payout)
    attempt = payout.attempts.get()
    for word in (
        payout.number,
        "123.45 EUR",
        payout.payee.name,
        payout.method.masked,
        str(line.payable.source.reference),
        attempt.key,
        attempt.reference,
        attempt.batch.reference,
        f"https://www.sandbox.paypal.com/activity/masspay/{attempt.batch.reference}",
        "SUCCESS",
        "chain whole",
        "A sale, bonus or correction makes us owe a payee",
    ):
        assert word in page, word


def test_links_a_live_batch_to_the_live_dashboard(page_of, everything):
    payout = everything["paid"]
    batch = payout.attempts.get().batch
    batch.environment = "live"
    batch.save()
    assert f"https://www.paypal.com/activity/masspay/{batch.reference}" in page_of(payout)


def test_links_a_transfer_to_wise(page_of, everything):
    payout = everything["paid"]
    Batch.objects.filter(attempts__payout=payout).update(
        provider="wise", reference="50000012", environment="live"
    )
    link = "https://wise.com/transactions/activities/by-resource/TRANSFER/50000012"
    assert link in page_of(payout)


@pytest.mark.parametrize(("environment", "cluster"), [("live", ""), ("test", "?cluster=devnet")])
def test_links_a_payment_on_solana_to_its_transaction(page_of, everything, environment, cluster):
    payout = everything["paid"]
    batch = payout.attempts.get().batch
    batch.provider, batch.reference, batch.environment = (
        "solana",
        "5VERYlong:300000150:337000000",
        environment,
    )
    batch.save()
    assert f"https://explorer.solana.com/tx/5VERYlong{cluster}" in page_of(payout)


@pytest.mark.parametrize(("environment", "mode"), [("live", ""), ("test", "test/")])
def test_links_a_transfer_to_stripes_dashboard(page_of, everything, environment, mode):
    payout = everything["paid"]
    batch = payout.attempts.get().batch
    batch.environment, batch.provider, batch.reference = environment, "stripe", "tr_1"
    batch.save()
    assert f"https://dashboard.stripe.com/{mode}connect/transfers/tr_1" in page_of(payout)


def test_shows_calls_without_secrets_and_details(page_of, everything):
    page = page_of(everything["paid"])
    assert "sender_batch_id" in page
    assert "123.45" in page
    assert "s•••@mail.example" in page
    for hidden in ("someone.secret", "A21-very-secret", everything["paid"].payee.methods.get().fingerprint):
        assert hidden not in page


def test_survives_a_body_that_cannot_be_opened_or_was_purged(page_of, everything):
    payout = everything["paid"]
    body = StepBody.objects.get(step__batch=payout.attempts.get().batch, kind="request")
    StepBody.objects.filter(pk=body.pk, created_at=body.created_at).update(sealed=b"\x01nonsense")
    assert "Cannot be opened" in page_of(payout)
    StepBody.objects.filter(step__batch=payout.attempts.get().batch).delete()
    assert "purged after the return window" in page_of(payout)


def test_explains_the_gates_before_sending_and_says_that_the_unknown_is_never_retried(page_of, everything):
    waiting = page_of(everything["awaiting_approval"])
    assert "Waits:" in waiting
    assert "approvals given" in waiting
    unknown = page_of(everything["unknown"])
    assert "Nobody knows what became of this money" in unknown
    assert "Retry" not in unknown


def test_says_when_the_chain_is_broken(page_of, people):
    payout = factories.PayoutFactory.create(state=State.APPROVED)
    Payout.objects.filter(pk=payout.pk).update(chain_length=99)
    assert "chain broken" in page_of(payout)


def test_says_when_an_entry_of_the_chain_was_changed(page_of, people):
    payout = factories.PayoutFactory.create(state=State.APPROVED)
    assert "chain whole" in page_of(payout)
    n, forged = payout.chain_length + 1, b"f" * 32
    PayoutEvent.objects.create(
        payout=payout,
        n=n,
        kind="held",
        from_state=payout.state,
        to_state=payout.state,
        actor="rule:nobody",
        hash=forged,
        created_at=timezone.now(),
    )
    Payout.objects.filter(pk=payout.pk).update(chain_length=n, chain_hash=forged)
    assert "chain broken" in page_of(payout)


def test_tells_why_nobody_knows(page_of, everything):
    payout = everything["unknown"]
    Batch.objects.filter(pk=payout.attempts.get().batch_id).update(reason="The provider names no reference.")
    assert "The provider names no reference." in page_of(payout)


def test_a_payout_that_is_none_leads_back(as_role, people):
    url = reverse("admin:payouts_payout_change", args=["01913d9c-0000-7000-8000-000000000000"])
    assert as_role("viewer").get(url).status_code == 302
    assert as_role("viewer").post(url).status_code == 405


def test_of_a_large_batch_only_the_own_item_is_shown():
    items = [{"sender_item_id": f"key-{n}", "receiver": f"payee{n}@mail.example"} for n in range(5000)]
    shown = bodies.masked(json.dumps({"items": items}), keys=frozenset({"key-4321"}))
    assert "key-4321" in shown
    assert "4999 other entries" in shown
    assert "key-17" not in shown
    assert "payee4321" not in shown


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ('{"receiver": "QWERTYUIOP123"}', "QWERTYUIOP123"),
        ('{"client_secret": "abc"}', "abc"),
        ('{"a": {"Authorization": "Bearer x.y.z"}}', "x.y.z"),
        ('{"iban": "FI2112345600000785"}', "12345600000785"),
        ('{"note": "write to anna.bell@mail.example"}', "anna.bell"),
        ("<html>anna.bell@mail.example</html>", "anna.bell"),
        ('{"account_number": 12345678}', "12345678"),
        ('["FI2112345600000785"]', "12345600000785"),
        ('{"payee": {"first_name": "Annabell"}}', "Annabell"),
    ],
)
def test_masks(text, hidden):
    assert hidden not in bodies.masked(text)


def test_bodies_are_bound_to_their_step(everything):
    body = StepBody.objects.filter(kind="request").first()
    assert body is not None
    opened = crypto.open(bytes(body.sealed), aad=bodies.aad_of(body))
    assert b"sender_batch_id" in opened
