"""A payout is proved from what is stored; its record's head leaves the database; bytes go when their time is over."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from marketplace_payouts.lib.clock import utc_now
from payouts import chain_heads, proofs, purging
from payouts.errors import Refused
from payouts.models import OutboxMessage, Payout, StepBody, WebhookDelivery


def wrong(number: str) -> list[str]:
    """Name what does not fit about a payout."""
    return [check.name for check in proofs.prove(number=number, now=utc_now()).checks if check.violations]


def test_a_paid_payout_is_proved(paid_world, capsys):
    number = Payout.objects.get().number
    with pytest.raises(SystemExit) as ended:
        call_command("verify_payout", number.lower())
    shown = json.loads(capsys.readouterr().out)
    assert (ended.value.code, shown["ok"]) == (0, True)
    assert [check["name"] for check in shown["checks"]][:4] == ["record", "approvals", "bytes", "postings"]


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("UPDATE payouts_payoutevent SET actor = 'nobody' WHERE n = 2", {"record"}),
        ("DELETE FROM payouts_payoutevent WHERE n = 2", {"record", "record_is_whole"}),
        ("UPDATE payouts_approval SET digest = 'x'", {"approvals", "attempt_is_approved"}),
        ("UPDATE payouts_payoutmethod SET fingerprint = 'x'", {"approvals", "attempt_is_the_payout"}),
        ("UPDATE payouts_step SET digest = sha256('x')", {"bytes"}),
        ("UPDATE payouts_stepbody SET sealed = sealed || 'x'", {"bytes"}),
        (
            "UPDATE payouts_posting SET debit = 'allocated:01989898-0000-7000-8000-000000000000' WHERE kind = 'pay'",
            {"postings", "books_fit_the_state"},
        ),
    ],
)
def test_what_was_changed_is_named(paid_world, saboteur, sql, names):
    assert saboteur.run(sql)
    assert set(wrong(Payout.objects.get().number)) == names


def test_a_mistyped_number_is_refused(db):
    with pytest.raises(Refused):
        proofs.find("PO-AAAAA-AAAAA")
    with pytest.raises(CommandError):
        call_command("verify_payout", "nonsense")


def test_the_day_s_heads_leave_the_database(paid_world, settings, tmp_path):
    settings.RECORDS_FOLDER = str(tmp_path / "records")
    today, now = utc_now().date(), utc_now()
    first = chain_heads.publish(day=today, now=now)
    lines = [
        json.loads(line)
        for line in (tmp_path / "records" / f"records-{today}.jsonl").read_text().splitlines()
    ]
    payout = Payout.objects.get()
    assert lines[0] == {
        "number": payout.number,
        "length": payout.chain_length,
        "head": bytes(payout.chain_hash).hex(),
    }
    assert lines[-1]["digest"] == first.digest
    again = chain_heads.publish(day=today, now=now)
    assert again.digest == first.digest
    told = OutboxMessage.objects.get(kind="alert", facts__title=f"Records of {today}")
    assert first.digest in told.facts["text"]
    following = chain_heads.publish(day=today + timedelta(days=1), now=now)
    assert following.before == first.digest
    assert following.digest != first.digest


def test_a_record_changed_afterwards_gives_another_digest(paid_world, saboteur):
    first = chain_heads.publish(day=utc_now().date(), now=utc_now())
    saboteur.run("UPDATE payouts_payoutevent SET hash = sha256('x') WHERE n = 6")
    assert chain_heads.publish(day=utc_now().date(), now=utc_now()).digest != first.digest


def test_bytes_go_after_the_return_window_and_not_before(paid_world, saboteur):
    assert purging.purge(now=utc_now()) == 0
    kept = StepBody.objects.count()
    assert kept
    later = utc_now() + timedelta(days=60)
    assert purging.purge(now=later) == 0  # the batch is still being asked about
    saboteur.run("UPDATE payouts_batch SET next_at = NULL, state = 'closed'")
    assert purging.purge(now=later) == kept
    assert not StepBody.objects.exists()
    assert wrong(Payout.objects.get().number) == []


def test_the_bodies_of_old_webhooks_go_and_their_ids_stay(db):
    row = WebhookDelivery.objects.create(
        provider="paypal", event_id="e", body=b"sealed", state="applied", received_at=utc_now()
    )
    purging.purge(now=utc_now())
    row.refresh_from_db()
    assert bytes(row.body) == b"sealed"
    purging.purge(now=utc_now() + timedelta(days=100))
    row.refresh_from_db()
    assert bytes(row.body) == b""
