"""The engineer's commands say what they did, or in one line what to do."""

from __future__ import annotations

import contextlib
import threading
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import Marketplace
from flexsync import examination, identity
from marketplace_payouts.lib.shared_state import shared_lock
from payouts.models import Payable, Posting, Trigger
from tests.sandbox_services import SandboxService
from tests.stories.world import World


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def findings() -> tuple[str, str]:
    """Run check_flex, which may fail; give what it printed and its last word."""
    out = StringIO()
    try:
        call_command("check_flex", stdout=out)
    except CommandError as error:
        return out.getvalue(), str(error)
    return out.getvalue(), ""


def test_polls_resyncs_and_replays(world: World):
    seller = world.seller()
    transaction = world.sale(seller)
    assert "new events" in run("poll_flex", "--once")
    assert "due by payout-process" in run("replay_event", transaction)
    assert world.open_payables(seller) == [9_000]
    assert "1 transactions seen, 0 stored" in run("resync_flex", "--transaction", transaction)
    assert "seen, 0 stored" in run("resync_flex", "--since", (world.now - timedelta(days=1)).isoformat())
    assert "seen, 0 stored" in run("resync_flex", "--all")
    with pytest.raises(CommandError, match="Nothing is stored"):
        run("replay_event", "12345")
    assert "due by payout-process" in run("replay_event", transaction, "--read")


def test_polling_once_says_that_another_poller_is_at_work(transactional_db: None):
    is_held, is_over = threading.Event(), threading.Event()

    def other() -> None:
        with contextlib.closing(connection), shared_lock("flexsync poller"):
            is_held.set()
            is_over.wait(20)

    thread = threading.Thread(target=other)
    thread.start()
    assert is_held.wait(20)
    try:
        with pytest.raises(CommandError, match="nothing was asked"):
            run("poll_flex", "--once")
    finally:
        is_over.set()
        thread.join()


@pytest.mark.parametrize("moment", ["yesterday", "2026-01-31", "2026-01-31T00:00:00"])
def test_a_resync_says_how_a_moment_is_written(moment: str):
    with pytest.raises(CommandError, match=r"with its zone, such as 2026-01-31T00:00:00\+00:00"):
        run("resync_flex", "--since", moment)


def test_says_what_is_wrong_with_the_credentials(transactional_db: None, settings):
    settings.FLEX_CLIENT_ID = ""
    with pytest.raises(CommandError, match="FLEX_CLIENT_ID"):
        run("poll_flex", "--once")
    out, error = findings()
    assert "FLEX_CLIENT_ID" in out
    assert "1 of 1" in error


def test_does_not_blame_the_credentials_where_nobody_answers(world: World, monkeypatch):
    monkeypatch.setattr(examination, "_PATIENCE_S", 0.5)
    monkeypatch.setattr(identity, "_confirmed", {})
    world.flex.fault("error_before", match={"path": "/v1/integration_api/"}, status=503, times=None)
    out, _error = findings()
    assert "connection: Sharetribe fails on its side" in out
    assert "Correct FLEX_CLIENT_ID" not in out


def test_says_what_is_wrong_with_the_address(transactional_db: None, flex_sandbox: SandboxService, settings):
    settings.FLEX_BASE_URL = "https://example.com"
    out, _error = findings()
    assert "FLEX_BASE_URL cannot be used" in out


def test_a_new_installation_is_led_through_its_set_up(
    transactional_db: None, flex_sandbox: SandboxService, settings
):
    out, error = findings()
    assert "ok   credentials" in out
    assert "Sandbox market" in out
    assert "fix  decimals" in out
    assert "12345 in Sharetribe is 123.45 EUR" in out
    assert "fix  go_live" in out
    assert "fix  triggers" in out
    assert "fix  poller" in out
    assert "need attention" in error
    assert Marketplace.objects.get().environment == "test"


def test_an_installation_in_order_passes(world: World):
    seller = world.seller()
    world.sale(seller)
    world.hear()
    out, error = findings()
    assert error == "", out
    assert "credits a month" in out
    assert "matched 1 of 1" in out


def test_names_what_is_put_aside_and_what_may_be_paid_twice(world: World):
    seller = world.seller()
    Marketplace.objects.update(exponents_confirmed_at=None)
    world.sale(seller)
    world.hear()
    Trigger.objects.filter(process__name="default-booking").update(enabled=True)
    out, _error = findings()
    assert "1 transactions are put aside" in out
    assert "not confirmed" in out
    assert "default-booking may run Sharetribe's own Stripe payout" in out


# ---------------------------------------------------------------------------------------------------- opening


@pytest.fixture
def before_live(world: World) -> World:
    """A marketplace in which no go-live moment was chosen yet."""
    Marketplace.objects.update(go_live_at=None)
    return world


def opening() -> int:
    return Payable.objects.filter(waits_for=Payable.Waits.OPENING).count()


def test_everything_is_an_opening_item_until_a_moment_is_chosen(before_live: World):
    world = before_live
    seller = world.seller()
    world.sale(seller)
    world.hear()
    assert opening() == 1
    when = (world.now - timedelta(hours=1)).isoformat()
    assert "1 items" in run("go_live", "--at", when)
    assert opening() == 0
    with pytest.raises(CommandError, match="was drawn"):
        run("go_live", "--at", "now")


def test_what_became_due_before_stays_an_opening_item(before_live: World):
    world = before_live
    world.sale(world.seller())
    world.hear()
    run("go_live", "--at", "now")
    assert opening() == 1


@pytest.mark.parametrize("at", ["yesterday", "2026-01-01T00:00:00"])
def test_a_moment_must_be_a_moment(before_live: World, at: str):
    with pytest.raises(CommandError, match=r"ISO time|time zone"):
        run("go_live", "--at", at)
    assert Marketplace.objects.get().go_live_at is None


def csv(tmp_path: Path, text: str) -> str:
    file = tmp_path / "paid.csv"
    file.write_text(text, encoding="utf-8-sig")
    return str(file)


def test_marks_what_was_paid_by_hand(before_live: World, tmp_path: Path):
    world = before_live
    seller = world.seller()
    first, second = world.sale(seller), world.sale(seller)
    world.hear()
    file = csv(tmp_path, f"transaction_id,paid_at,reference\n{first},2026-10-01,Bank 77\n")
    assert "1 transactions are marked" in run("import_paid", file, "--as", str(world.carol))
    row = Payable.objects.get(reference=first)
    assert row.settled == Payable.Settled.BY_HAND
    assert "Bank 77" in row.decided
    assert row.waits_for == ""
    assert Posting.objects.filter(kind="by_hand", payable=row).count() == 1
    assert world.balance(f"owed:{seller.pk}") == -9_000, "the other one is still owed"
    assert world.open_payables(seller) == [9_000]
    again = run("import_paid", file, "--as", str(world.carol))
    assert "already" in again
    assert "0 transactions" in again
    assert Payable.objects.get(reference=second).waits_for == Payable.Waits.OPENING


def test_a_refund_after_it_was_paid_by_hand_is_a_clawback(before_live: World, tmp_path: Path):
    world = before_live
    seller = world.seller()
    transaction = world.sale(seller)
    world.hear()
    run("import_paid", csv(tmp_path, f"transaction_id\n{transaction}\n"), "--as", str(world.carol))
    world.transition(transaction, "operator-refund")
    world.hear()
    assert Payable.objects.get(purpose="change").waits_for == Payable.Waits.CLAWBACK


def test_takes_over_all_of_a_file_or_nothing(before_live: World, tmp_path: Path):
    world = before_live
    good = world.sale(world.seller())
    world.hear()
    unknown = "99999999-9999-4999-8999-999999999999"
    file = csv(tmp_path, f"transaction_id,paid_at\n{good},2026-10-01\n{unknown},\n")
    with pytest.raises(CommandError, match=r"(?s)Nothing was marked.*Line 3: Nothing is owed"):
        run("import_paid", file, "--as", str(world.carol))
    file = csv(tmp_path, f"transaction_id,paid_at\n{good},soon\nx,\n{good},\n{good},\n{good},1,2\n")
    with pytest.raises(CommandError) as refusal:
        run("import_paid", file, "--as", str(world.carol))
    lines = str(refusal.value).splitlines()[1:]
    assert [one.partition(":")[0] for one in lines] == ["Line 2", "Line 3", "Line 5", "Line 6"]
    assert opening() == 1
    assert not Posting.objects.filter(kind="by_hand").exists()


def test_only_an_approver_may_say_that_something_was_paid(before_live: World, tmp_path: Path):
    world = before_live
    transaction = world.sale(world.seller())
    world.hear()
    file = csv(tmp_path, f"transaction_id\n{transaction}\n")
    with pytest.raises(CommandError, match="approver"):
        run("import_paid", file, "--as", str(world.alice))
    with pytest.raises(CommandError, match="no member of staff"):
        run("import_paid", file, "--as", "nobody@example.com")
    with pytest.raises(CommandError, match="header"):
        run("import_paid", csv(tmp_path, "id;amount\n"), "--as", str(world.carol))
    assert opening() == 1
