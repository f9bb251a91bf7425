"""PayPal holds the contract, and everything that PayPal alone does, against its sandbox."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from marketplace_payouts.lib.money import Money
from payouts.providers.base import (
    Absent,
    Accepted,
    AlreadyExists,
    Cancelled,
    CannotTell,
    Deferred,
    Found,
    Item,
    NotCancellable,
    PayoutProvider,
    Progress,
    ProviderUnavailable,
    RefusalClass,
    Refused,
    Status,
    Step,
    Unknown,
)
from payouts.providers.paypal.provider import PayPal, PayPalSettings
from tests.providers.contract import (
    ProviderContract,
    debits,
    debits_soon,
    key_of,
    pay,
    progress_of,
    settled,
    until,
)
from tests.sandbox_services import SandboxService

CREATE = {"method": "POST", "path": "/v1/payments/payouts$"}


def paypal_item(receiver: str, units: int = 1234, currency: str = "EUR") -> Item:
    return Item(str(uuid.uuid4()), Money(units, currency), {"email": receiver}, "PO-1")


def batch_of(*receivers: str) -> Progress:
    return progress_of(*(paypal_item(f"{receiver}@example.com") for receiver in receivers))


def create(provider: PayPal, progress: Progress) -> Step:
    step = provider.next_step(progress)
    assert isinstance(step, Step)
    return step


class TestPayPal(ProviderContract):
    settings = ("PAYPAL_CLIENT_ID", "PAYPAL_CLIENT_SECRET")
    module = "payouts.providers.paypal.provider"
    first_path = "/v1/payments/payouts"

    @pytest.fixture
    def provider(self, paypal: PayPal) -> PayPal:
        return paypal

    @pytest.fixture
    def service(self, paypal_sandbox: SandboxService) -> SandboxService:
        return paypal_sandbox

    def given(self, name: str) -> Mapping[str, str]:
        return {"email": f" {name}@EXAMPLE.com "}

    def bad_destinations(self) -> Sequence[Mapping[str, str]]:
        return [
            {},
            {"email": ""},
            {"email": "anna"},
            {"email": "anna@localhost"},
            {"email": "a@b.c, d@e.fr"},
            {"email": "ånna@example.com"},
            {"email": f"{'a' * 120}@example.com"},
            {"email": "anna@example.com", "paypal_id": "ABCDEFGHJKLMN"},
            {"paypal_id": "SHORT"},
            {"phone": "+49 30 1234"},
        ]

    def unreachable(self) -> PayoutProvider:
        return PayPal(PayPalSettings(base_url="http://127.0.0.1:9", client_id="id", client_secret="secret"))

    def freshen(self, service: SandboxService) -> None:
        service.post("/_sandbox/fresh")


# Creation --------------------------------------------------------------------------------------------------------


def test_a_resend_is_recognised_and_names_the_original(paypal: PayPal, paypal_sandbox: SandboxService):
    progress = batch_of("anna", "bert")
    step = create(paypal, progress)
    paypal_sandbox.fault("drop_after", match=CREATE, times=1)
    assert isinstance(paypal.transmit(step), Unknown)
    exists = paypal.transmit(step)
    assert isinstance(exists, AlreadyExists)
    view = paypal.fetch(exists.reference)
    assert view.batch_key == progress.batch_key
    assert {one.item_key for one in view.observations} == {item.key for item in progress.items}
    until(lambda: paypal.fetch(exists.reference), settled)
    assert len(debits(paypal_sandbox)) == 2


def test_a_used_key_without_a_link_is_still_recognised(paypal: PayPal, paypal_sandbox: SandboxService):
    step = create(paypal, batch_of("anna"))
    paypal.transmit(step)
    paypal_sandbox.fault("duplicate_without_link", times=1)
    assert paypal.transmit(step) == AlreadyExists(reference="", raw=_any_bytes())


def test_a_key_that_was_burnt_without_a_batch_is_no_batch(paypal: PayPal, paypal_sandbox: SandboxService):
    step = create(paypal, batch_of("anna"))
    paypal_sandbox.fault("burn_id", times=1)
    assert isinstance(paypal.transmit(step), Unknown)
    assert paypal.transmit(step) == AlreadyExists(reference="", raw=_any_bytes())
    assert not debits(paypal_sandbox)


def test_bad_receivers_are_named_and_the_others_are_innocent(paypal: PayPal, paypal_sandbox: SandboxService):
    progress = batch_of("anna", "invalid+bert", "carl", "invalid+dora")
    refused = paypal.transmit(create(paypal, progress))
    assert isinstance(refused, Refused)
    assert refused.refusal is RefusalClass.NEIGHBOUR
    assert set(refused.items) == {progress.items[1].key, progress.items[3].key}
    assert {one.refusal for one in refused.items.values()} == {RefusalClass.PAYEE}
    assert refused.settles_earlier
    assert not debits(paypal_sandbox)


def test_a_refusal_that_names_nobody_names_nobody(paypal: PayPal, paypal_sandbox: SandboxService):
    paypal_sandbox.fault("name_none", times=1)
    refused = paypal.transmit(create(paypal, batch_of("anna", "invalid+bert")))
    assert isinstance(refused, Refused)
    assert not refused.items
    assert refused.refusal is RefusalClass.UNCLASSIFIED


def test_lack_of_funds_at_once_is_ours(paypal: PayPal, paypal_sandbox: SandboxService):
    paypal_sandbox.post("/_sandbox/funds", {"currency": "EUR", "units": 5})
    refused = paypal.transmit(create(paypal, batch_of("anna")))
    assert isinstance(refused, Refused)
    assert (refused.code, refused.refusal) == ("INSUFFICIENT_FUNDS", RefusalClass.OURS)
    assert refused.key_is_spent
    assert not refused.settles_earlier


def test_lack_of_funds_found_later_denies_the_batch_and_blames_nobody(
    paypal: PayPal, paypal_sandbox: SandboxService
):
    paypal_sandbox.fault("insufficient_funds", value="denied", times=1)
    reference = pay(paypal, batch_of("anna", "bert"))
    view = until(lambda: paypal.fetch(reference), lambda seen: seen.denied is not None)
    assert view.denied is not None
    assert view.denied.refusal is RefusalClass.OURS
    assert {one.status for one in view.observations} == {Status.NOT_STARTED}
    assert {one.refusal for one in view.observations} == {None}
    assert view.closed


def test_a_sender_that_paypal_does_not_trust_is_ours(paypal: PayPal):
    item = Item("k1", Money(100, "EUR"), {"email": "anna@example.com"}, "ERRPYO002")
    refused = paypal.transmit(create(paypal, progress_of(item)))
    assert isinstance(refused, Refused)
    assert (refused.code, refused.refusal) == ("SENDER_EMAIL_UNCONFIRMED", RefusalClass.OURS)


def test_a_missing_permission_waits_for_us(paypal: PayPal, paypal_sandbox: SandboxService):
    paypal_sandbox.fault("missing_scope", times=2)
    deferred = paypal.transmit(create(paypal, batch_of("anna")))
    assert isinstance(deferred, Deferred)
    assert deferred.ours


def test_an_expired_token_is_renewed_within_the_call(paypal: PayPal, paypal_sandbox: SandboxService):
    paypal.balances()
    paypal_sandbox.fault("expire_token", times=1)
    assert isinstance(paypal.transmit(create(paypal, batch_of("anna"))), Accepted)


def test_wrong_credentials_wait_for_us(paypal_sandbox: SandboxService):
    provider = PayPal(PayPalSettings(base_url=paypal_sandbox.url, client_id="who", client_secret="wrong"))
    deferred = provider.transmit(create(provider, batch_of("anna")))
    assert isinstance(deferred, Deferred)
    assert deferred.ours
    assert "wrong" not in repr(deferred)


def test_the_wait_that_paypal_asks_for_is_kept(paypal: PayPal, paypal_sandbox: SandboxService):
    paypal_sandbox.fault("rate_limit", match=CREATE, seconds=42, times=1)
    deferred = paypal.transmit(create(paypal, batch_of("anna")))
    assert isinstance(deferred, Deferred)
    assert deferred.retry_after == timedelta(seconds=42)


def test_one_token_serves_many_calls(paypal_sandbox: SandboxService):
    provider = PayPal.from_environ(paypal_sandbox.environment())
    assert provider is not None
    for _ in range(3):
        provider.balances()
    asked = [one for one in paypal_sandbox.requests()["requests"] if one["target"] == "/v1/oauth2/token"]
    assert len(asked) == 1


# Reading ---------------------------------------------------------------------------------------------------------


def test_every_fate_is_told_in_our_words(paypal: PayPal):
    wanted = {
        "anna": Status.PAID,
        "unclaimed+a": Status.AWAITING_PAYEE,
        "failed+b": Status.FAILED,
        "blocked+c": Status.FAILED,
        "denied+d": Status.FAILED,
        "onhold+e": Status.ON_HOLD,
    }
    reference = pay(paypal, batch_of(*wanted))
    view = until(lambda: paypal.fetch(reference), settled)
    assert [one.status for one in view.observations] == list(wanted.values())
    unclaimed = view.observations[1]
    assert unclaimed.refusal is not None
    assert unclaimed.refusal.code == "RECEIVER_UNREGISTERED"
    assert all(one.refusal for one in view.observations if one.status is Status.FAILED)
    assert all(not one.fee for one in view.observations if one.status is Status.FAILED)
    assert all(one.fee for one in view.observations if one.status is Status.PAID)


def test_every_page_is_read(paypal: PayPal):
    progress = progress_of(*(paypal_item(f"anna{n}@example.com", 100) for n in range(2345)))
    reference = pay(paypal, progress)
    view = until(lambda: paypal.fetch(reference), settled, within=30)
    assert {one.item_key for one in view.observations} == {item.key for item in progress.items}
    assert len(view.observations) == 2345


@pytest.mark.parametrize("later", ["refunded", "reversed", "returned"])
def test_what_comes_back_later_is_told_with_its_amount(
    paypal: PayPal, paypal_sandbox: SandboxService, later: str
):
    reference = pay(paypal, batch_of(f"{later}+a"))
    until(lambda: paypal.fetch(reference), settled)
    paypal_sandbox.advance(60)
    (observed,) = paypal.fetch(reference).observations
    assert (observed.status, observed.raw_status) == (Status.RETURNED, later.upper())
    assert observed.returned == Money(1234, "EUR")


def test_a_return_in_part_stands_on_the_statement(paypal: PayPal, paypal_sandbox: SandboxService):
    progress = batch_of("anna")
    reference = pay(paypal, progress)
    until(lambda: paypal.fetch(reference), settled)
    paypal_sandbox.post("/_sandbox/return", {"reference": progress.items[0].key, "units": 234})
    paypal_sandbox.post("/_sandbox/fresh")
    now = datetime.now(UTC)
    statement = paypal.statement(since=now - timedelta(days=100), until=now + timedelta(minutes=1))
    (back,) = [line for line in statement.lines if line.kind == "return"]
    assert (back.item_key, back.amount) == (progress.items[0].key, Money(234, "EUR"))


def test_the_statement_says_how_far_it_reaches(paypal: PayPal):
    now = datetime.now(UTC)
    statement = paypal.statement(since=now - timedelta(days=1), until=now)
    assert now - timedelta(hours=3, minutes=1) < statement.complete_until < now - timedelta(hours=1)


def test_a_fee_in_another_currency_is_told_as_it_is(paypal: PayPal, paypal_sandbox: SandboxService):
    paypal_sandbox.fault("convert", value="USD", times=1)
    reference = pay(paypal, batch_of("anna"))
    (observed,) = until(lambda: paypal.fetch(reference), settled).observations
    assert observed.amount == Money(1234, "EUR")
    assert observed.fee is not None


@pytest.mark.parametrize(
    ("currency", "units", "value"), [("HUF", 500000, "5000"), ("JPY", 500, "500"), ("TWD", 100, "1")]
)
def test_currencies_without_decimals_are_paid_and_read_back(
    paypal: PayPal, paypal_sandbox: SandboxService, currency: str, units: int, value: str
):
    progress = progress_of(paypal_item("anna@example.com", units, currency))
    assert f'"value":"{value}"'.encode() in create(paypal, progress).body
    reference = pay(paypal, progress)
    (observed,) = until(lambda: paypal.fetch(reference), settled).observations
    assert observed.amount == Money(units, currency)


# Looking for a lost batch ----------------------------------------------------------------------------------------


def test_a_lost_batch_is_found_on_the_statement(paypal: PayPal, paypal_sandbox: SandboxService):
    progress = batch_of("anna", "bert")
    step = create(paypal, progress)
    paypal_sandbox.fault("drop_after", match=CREATE, times=1)
    sent_at = datetime.now(UTC)
    paypal.transmit(step)
    assert len(debits_soon(paypal_sandbox, 2)) == 2
    paypal_sandbox.post("/_sandbox/fresh")
    found = paypal.find(key_of(step, progress, sent_at=sent_at))
    assert isinstance(found, Found)
    assert found.view.batch_key == progress.batch_key


def test_a_batch_that_never_arrived_is_proven_absent_after_the_settle_time(
    paypal: PayPal, paypal_sandbox: SandboxService
):
    progress = batch_of("anna")
    step = create(paypal, progress)
    paypal_sandbox.fault("drop_before", match=CREATE, times=1)
    sent_at = datetime.now(UTC)
    paypal.transmit(step)
    early = paypal.find(key_of(step, progress, sent_at=sent_at))
    assert isinstance(early, Absent)
    assert not early.authoritative
    paypal_sandbox.advance(28 * 3600)
    late = paypal.find(key_of(step, progress, sent_at=sent_at))
    assert isinstance(late, Absent)
    assert late.authoritative


def test_a_batch_that_paypal_still_holds_money_for_is_not_absent(
    paypal: PayPal, paypal_sandbox: SandboxService
):
    progress = batch_of("anna")
    step = create(paypal, progress)
    paypal_sandbox.fault("stuck_pending")
    paypal_sandbox.fault("drop_after", match=CREATE, times=1)
    sent_at = datetime.now(UTC)
    paypal.transmit(step)
    paypal_sandbox.advance(28 * 3600)
    absent = paypal.find(key_of(step, progress, sent_at=sent_at))
    assert isinstance(absent, Absent)
    assert not absent.authoritative


def test_without_the_statement_nothing_can_be_told(paypal_sandbox: SandboxService):
    paypal_sandbox.fault("missing_scope", value="search/read")
    provider = PayPal.from_environ(paypal_sandbox.environment())
    assert provider is not None
    progress = batch_of("anna")
    assert isinstance(provider.find(key_of(create(provider, progress), progress)), CannotTell)


# Cancelling ------------------------------------------------------------------------------------------------------


def test_an_unclaimed_item_is_cancelled_and_cancelling_again_is_the_same(paypal: PayPal):
    reference = pay(paypal, batch_of("unclaimed+a", "anna"))
    unclaimed, paid = until(lambda: paypal.fetch(reference), settled).observations
    assert paypal.cancel(unclaimed.reference) == Cancelled()
    assert paypal.cancel(unclaimed.reference) == Cancelled()
    assert paypal.fetch_item(unclaimed.reference).status is Status.RETURNED
    assert isinstance(paypal.cancel(paid.reference), NotCancellable)
    assert isinstance(paypal.cancel("NOSUCHITEM"), NotCancellable)
    assert isinstance(paypal.cancel(""), NotCancellable)


def test_a_cancelling_that_fails_or_is_lost(paypal: PayPal, paypal_sandbox: SandboxService):
    reference = pay(paypal, batch_of("unclaimed+a"))
    (unclaimed,) = until(lambda: paypal.fetch(reference), settled).observations
    paypal_sandbox.fault("late_cancel_refused", times=1)
    assert isinstance(paypal.cancel(unclaimed.reference), NotCancellable)
    # Turned away unread, or lost: either way a person's wish to cancel must not be dropped.
    paypal_sandbox.fault("rate_limit", match={"method": "POST"}, times=1)
    assert isinstance(paypal.cancel(unclaimed.reference), Unknown)
    paypal_sandbox.fault("drop_after", match={"method": "POST"}, times=1)
    assert isinstance(paypal.cancel(unclaimed.reference), Unknown)


# The connection --------------------------------------------------------------------------------------------------


def test_the_connection_test_says_which_features_are_off(paypal_sandbox: SandboxService):
    paypal_sandbox.fault("missing_scope", value="balances/read")
    provider = PayPal.from_environ(paypal_sandbox.environment())
    assert provider is not None
    report = provider.check()
    assert report.ok
    assert any(sentence.startswith("Balances") for sentence in report.missing)
    assert not report.balances


def test_the_connection_test_finds_payouts_switched_off(paypal_sandbox: SandboxService):
    paypal_sandbox.fault("missing_scope", value="payments/payouts")
    provider = PayPal.from_environ(paypal_sandbox.environment())
    assert provider is not None
    report = provider.check()
    assert not report.ok
    assert any("Payouts" in sentence for sentence in report.missing)


def test_the_connection_test_names_the_webhook_and_what_it_lacks(
    paypal: PayPal, paypal_sandbox: SandboxService
):
    assert any("does not know the webhook" in sentence for sentence in paypal.check().missing)
    paypal_sandbox.post("/_sandbox/webhook", {"url": "http://127.0.0.1:9/webhooks/paypal/"})
    report = paypal.check()
    assert report.webhook == "http://127.0.0.1:9/webhooks/paypal/"
    assert not report.missing


def test_an_account_that_cannot_be_asked_is_reported(paypal_sandbox: SandboxService):
    provider = PayPal(PayPalSettings(base_url=paypal_sandbox.url, client_id="who", client_secret="wrong"))
    report = provider.check()
    assert not report.ok
    assert report.missing
    with pytest.raises(ProviderUnavailable):
        provider.balances()


class _AnyBytes(bytes):
    """Equal to whatever bytes an answer had."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, bytes)

    __hash__ = bytes.__hash__


def _any_bytes() -> bytes:
    return _AnyBytes()
