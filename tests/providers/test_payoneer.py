"""Payoneer holds the contract, and everything that Payoneer alone does, against its sandbox."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from marketplace_payouts.lib.money import Money
from payouts.providers.base import (
    Absent,
    Accepted,
    AlreadyExists,
    BadItem,
    CancelRequested,
    CannotTell,
    Deferred,
    Done,
    Found,
    Item,
    NotCancellable,
    PayoutProvider,
    Progress,
    ProviderError,
    ProviderUnavailable,
    RefusalClass,
    Refused,
    Status,
    Step,
    Unknown,
)
from payouts.providers.payoneer.connection import UNHEARD, UNSIGNED
from payouts.providers.payoneer.provider import Payoneer
from payouts.providers.payoneer.settings import PayoneerSettings
from sandbox.payoneer.service import PROGRAM
from tests.providers.contract import (
    ProviderContract,
    debits,
    debits_soon,
    key_of,
    money_step,
    pay,
    progress_of,
    until,
)
from tests.sandbox_services import SandboxService

SUBMIT = {"method": "POST", "path": f"/v4/programs/{PROGRAM}/masspayouts"}


def item(payee: str = "anna", units: int = 1234, currency: str = "USD") -> Item:
    return Item(str(uuid.uuid4()), Money(units, currency), {"payee_id": payee}, "PO-1")


def submit(provider: Payoneer, *items: Item) -> tuple[Step, Progress]:
    progress = progress_of(*items)
    step = provider.next_step(progress)
    assert isinstance(step, Step)
    return step, progress


class TestPayoneer(ProviderContract):
    currency = "USD"
    settings = ("PAYONEER_PROGRAM_ID", "PAYONEER_CLIENT_ID", "PAYONEER_CLIENT_SECRET")
    module = "payouts.providers.payoneer.provider"
    first_path = SUBMIT["path"]

    @pytest.fixture
    def provider(self, payoneer: Payoneer) -> Payoneer:
        return payoneer

    @pytest.fixture
    def service(self, payoneer_sandbox: SandboxService) -> SandboxService:
        return payoneer_sandbox

    def given(self, name: str) -> Mapping[str, str]:
        return {"payee_id": f" {name} "}

    def bad_destinations(self) -> Sequence[Mapping[str, str]]:
        return [
            {},
            {"payee_id": ""},
            {"payee_id": "a b"},
            {"payee_id": "ånna"},
            {"payee_id": "a" * 31},
            {"payee_id": "anna", "email": "anna@example.com"},
            {"email": "anna@example.com"},
        ]

    def unreachable(self) -> PayoutProvider:
        nowhere = "http://127.0.0.1:9"
        return Payoneer(
            PayoneerSettings(
                base_url=nowhere, auth_url=nowhere, program_id=PROGRAM, client_id="id", client_secret="secret"
            )
        )

    def test_dedupes_as_declared(self, provider: PayoutProvider, service: SandboxService):
        """It declares that nothing may rest on it, and refuses all the same, as far as anybody has seen."""
        step = money_step(provider, progress_of(self.item(provider)))
        first, second = provider.transmit(step), provider.transmit(step)
        assert isinstance(first, Accepted)
        assert not provider.capabilities.dedupes
        assert isinstance(second, AlreadyExists)
        assert second.reference == first.reference
        assert len(debits_soon(service, 1)) == 1

    def test_reads_balances_and_statement(self, provider: PayoutProvider, service: SandboxService):
        """There is no list, and it declares so."""
        service.post("/_sandbox/funds", {"currency": "USD", "units": 12_345})
        [balance] = provider.balances()
        assert balance.available == Money(12_345, "USD")
        assert not provider.capabilities.lists_movements
        now = datetime.now(UTC)
        with pytest.raises(ProviderUnavailable):
            provider.statement(since=now - timedelta(hours=1), until=now)


# Steps -----------------------------------------------------------------------------------------------------------


def test_the_request_has_the_form_that_payoneer_takes(payoneer: Payoneer):
    one = item(units=150_00)
    step, progress = submit(payoneer, one)
    assert json.loads(step.body) == {
        "Payments": [
            {
                "client_reference_id": one.key,
                "payee_id": "anna",
                "amount": "150.00",
                "currency": "USD",
                "description": "PO-1",
            }
        ]
    }
    assert (step.path, step.moves_money, step.key) == (
        SUBMIT["path"],
        True,
        f"{PROGRAM}:{progress.batch_key}",
    )


@pytest.mark.parametrize(
    "bad",
    [
        Item("k" * 61, Money(1, "USD"), {"payee_id": "anna"}),
        Item("k", Money(0, "USD"), {"payee_id": "anna"}),
        Item("k", Money(1, "EUR"), {"payee_id": "anna"}),
        Item("k", Money(1, "USD"), {"payee_id": " anna"}),
        Item("k", Money(1, "USD"), {"email": "anna@example.com"}),
    ],
    ids=["key", "amount", "currency", "not normalised", "destination"],
)
def test_an_item_that_cannot_be_expressed_steps_aside(payoneer: Payoneer, bad: Item):
    with pytest.raises(BadItem) as caught:
        payoneer.next_step(progress_of(item(), bad))
    assert caught.value.item_key == bad.key


def test_a_key_stands_once_in_a_request(payoneer: Payoneer):
    one = item()
    with pytest.raises(BadItem):
        payoneer.next_step(progress_of(one, one))


def test_no_more_than_payoneer_takes(payoneer: Payoneer):
    assert payoneer.capabilities.items_per_batch == 500
    with pytest.raises(ProviderError, match="500"):
        payoneer.next_step(progress_of(*(item(units=1) for _ in range(501))))


def test_five_hundred_are_paid_by_one_request(payoneer: Payoneer, payoneer_sandbox: SandboxService):
    items = [item("anna" if n % 2 else "bert", units=100 + n) for n in range(500)]
    reference = pay(payoneer, progress_of(*items))
    assert reference == min(one.key for one in items)
    paid = {entry["reference"]: int(entry["units"]) for entry in _debits(payoneer_sandbox, 500)}
    assert paid == {one.key: one.amount.units for one in items}


def _debits(service: SandboxService, count: int) -> Sequence[Mapping[str, str]]:
    found = debits_soon(service, count)
    assert len(found) == count
    return found


# Outcomes --------------------------------------------------------------------------------------------------------


def test_a_failure_within_a_success_is_unknown_and_found_by_reference(
    payoneer: Payoneer, payoneer_sandbox: SandboxService
):
    step, progress = submit(payoneer, item())
    payoneer_sandbox.fault("failure_after", times=1)
    assert isinstance(payoneer.transmit(step), Unknown)
    found = payoneer.find(key_of(step, progress))
    assert isinstance(found, Found)
    assert [one.item_key for one in found.view.observations] == [progress.items[0].key]


def test_lack_of_funds_kills_the_request_and_not_the_key(
    payoneer: Payoneer, payoneer_sandbox: SandboxService
):
    step, _ = submit(payoneer, item("anna"), item("bert"))
    payoneer_sandbox.post("/_sandbox/funds", {"currency": "USD", "units": 100})
    refused = payoneer.transmit(step)
    assert isinstance(refused, Refused)
    assert (refused.refusal, refused.key_is_spent, refused.settles_earlier) == (
        RefusalClass.OURS,
        False,
        False,
    )
    payoneer_sandbox.post("/_sandbox/funds", {"currency": "USD", "units": 100_000})
    assert isinstance(payoneer.transmit(step), Accepted)
    _debits(payoneer_sandbox, 2)


@pytest.mark.parametrize(
    ("payee", "code"), [("nobody", "PAYEE_UNKNOWN"), ("carla", "10009")], ids=["unknown", "inactive"]
)
def test_a_payee_who_cannot_be_paid_is_refused_by_name(
    payoneer: Payoneer, payoneer_sandbox: SandboxService, payee: str, code: str
):
    payoneer_sandbox.post("/_sandbox/payees", {"payee_id": "carla", "status": "Inactive"})
    step, progress = submit(payoneer, item(payee))
    refused = payoneer.transmit(step)
    assert isinstance(refused, Refused)
    assert (refused.code, refused.refusal) == (code, RefusalClass.PAYEE)
    assert set(refused.items) == {progress.items[0].key}


def test_of_several_payments_a_refusal_proves_nothing(payoneer: Payoneer):
    """Nobody has said that Payoneer refuses a request as a whole: a wrong guess would pay the others twice."""
    step, progress = submit(payoneer, item("anna"), item("nobody"))
    unknown = payoneer.transmit(step)
    assert isinstance(unknown, Unknown)
    assert progress.items[1].key in unknown.reason


def test_an_expired_token_is_renewed_and_the_same_bytes_go_again(
    payoneer: Payoneer, payoneer_sandbox: SandboxService
):
    payoneer.balances()
    payoneer_sandbox.fault("expire_token", times=1)
    step, _ = submit(payoneer, item())
    assert isinstance(payoneer.transmit(step), Accepted)
    _debits(payoneer_sandbox, 1)


def test_a_token_of_another_account_is_ours_to_mend(payoneer: Payoneer, payoneer_sandbox: SandboxService):
    payoneer_sandbox.fault("wrong_account", times=1)
    step, _ = submit(payoneer, item())
    deferred = payoneer.transmit(step)
    assert isinstance(deferred, Deferred)
    assert deferred.ours


def test_wrong_credentials_are_ours_to_mend(payoneer_sandbox: SandboxService):
    provider = Payoneer.from_environ({**payoneer_sandbox.environment(), "PAYONEER_CLIENT_SECRET": "wrong"})
    assert provider is not None
    step, _ = submit(provider, item())
    deferred = provider.transmit(step)
    assert isinstance(deferred, Deferred)
    assert deferred.ours


def test_a_submission_is_done_when_it_was_accepted(payoneer: Payoneer):
    one = item()
    step, progress = submit(payoneer, one)
    accepted = payoneer.transmit(step)
    assert isinstance(accepted, Accepted)
    assert accepted.item_references == {one.key: one.key}
    assert pay(payoneer, progress_of(item())) != accepted.reference
    from tests.providers.contract import answered

    done = payoneer.next_step(
        progress_of(one, answers=[answered(step, accepted)], batch_key=progress.batch_key)
    )
    assert done == Done(one.key)


# Finding ---------------------------------------------------------------------------------------------------------


def lost(provider: Payoneer, service: SandboxService, kind: str, *items: Item) -> tuple[Step, Progress]:
    step, progress = submit(provider, *items)
    service.fault(kind, match=SUBMIT, times=1)
    assert isinstance(provider.transmit(step), Unknown)
    return step, progress


def test_a_lost_answer_is_found_by_our_references(payoneer: Payoneer, payoneer_sandbox: SandboxService):
    step, progress = lost(payoneer, payoneer_sandbox, "drop_after", item("anna"), item("bert"))
    found = payoneer.find(key_of(step, progress))
    assert isinstance(found, Found)
    [seen] = found.view.observations
    assert (seen.item_key, seen.amount) == (progress.items[0].key, progress.items[0].amount)
    assert found.view.reference == min(one.key for one in progress.items)


@pytest.mark.parametrize("lag", ["reference_lag", "not_found_400"])
def test_not_found_right_after_the_submission_is_no_absence(
    payoneer: Payoneer, payoneer_sandbox: SandboxService, lag: str
):
    payoneer_sandbox.fault("reference_lag", seconds=900)
    payoneer_sandbox.fault(lag)
    step, progress = lost(payoneer, payoneer_sandbox, "drop_after", item())
    early = payoneer.find(key_of(step, progress))
    assert isinstance(early, Absent)
    assert not early.authoritative
    payoneer_sandbox.advance(900)
    assert isinstance(payoneer.find(key_of(step, progress)), Found)


def test_after_the_settle_time_not_found_is_an_absence(payoneer: Payoneer, payoneer_sandbox: SandboxService):
    step, progress = lost(payoneer, payoneer_sandbox, "drop_before", item())
    long_ago = datetime.now(UTC) - payoneer.capabilities.settle_time - timedelta(seconds=1)
    asked = payoneer_sandbox.requests()["total"]
    absent = payoneer.find(key_of(step, progress, sent_at=long_ago))
    assert isinstance(absent, Absent)
    assert absent.authoritative
    assert absent.as_of >= long_ago + payoneer.capabilities.settle_time
    assert payoneer_sandbox.requests()["total"] - asked == 2, "A second look is taken."


def test_what_cannot_be_asked_is_not_absent(payoneer: Payoneer, payoneer_sandbox: SandboxService):
    step, progress = lost(payoneer, payoneer_sandbox, "drop_before", item())
    payoneer_sandbox.fault("error_before", match={"method": "GET"}, times=1)
    long_ago = datetime.now(UTC) - timedelta(days=1)
    assert isinstance(payoneer.find(key_of(step, progress, sent_at=long_ago)), CannotTell)


def test_another_program_cannot_tell(payoneer: Payoneer, payoneer_sandbox: SandboxService):
    """It finds none of the payments, which proves nothing of the program that they were sent to."""
    step, progress = lost(payoneer, payoneer_sandbox, "drop_after", item())
    other = Payoneer.from_environ({**payoneer_sandbox.environment(), "PAYONEER_PROGRAM_ID": "another"})
    assert other is not None
    told = other.find(key_of(step, progress, sent_at=datetime.now(UTC) - timedelta(days=1)))
    assert isinstance(told, CannotTell)
    assert PROGRAM in told.reason


def test_some_of_a_request_may_exist_without_the_others(payoneer: Payoneer, payoneer_sandbox: SandboxService):
    there, gone = item("anna"), item("bert")
    payoneer_sandbox.fault("drop_payment", match={"reference": gone.key})
    step, progress = lost(payoneer, payoneer_sandbox, "drop_after", gone, there)
    found = payoneer.find(key_of(step, progress))
    assert isinstance(found, Found)
    assert [one.item_key for one in found.view.observations] == [there.key]


# Statuses --------------------------------------------------------------------------------------------------------


def observed(provider: Payoneer, key: str, status: Status):
    view = until(lambda: provider.fetch(key), lambda seen: seen.observations[0].status is status)
    return view.observations[0]


def test_what_was_never_loaded_failed_for_the_payees_reason(
    payoneer: Payoneer, payoneer_sandbox: SandboxService
):
    one = item()
    payoneer_sandbox.fault("inactive", times=1)
    pay(payoneer, progress_of(one))
    seen = observed(payoneer, one.key, Status.FAILED)
    assert seen.refusal is not None
    assert (seen.refusal.code, seen.refusal.refusal) == ("10009", RefusalClass.PAYEE)
    assert not debits(payoneer_sandbox)


def test_what_was_loaded_and_cancelled_came_back(payoneer: Payoneer, payoneer_sandbox: SandboxService):
    one = item()
    payoneer_sandbox.fault("return", seconds=1000, times=1)
    pay(payoneer, progress_of(one))
    paid = observed(payoneer, one.key, Status.PAID)
    assert paid.movement_reference
    payoneer_sandbox.advance(1000)
    back = observed(payoneer, one.key, Status.RETURNED)
    assert (back.returned, back.return_reference) == (one.amount, f"{one.key}-cancelled")


def test_a_word_that_nobody_knows_changes_nothing(payoneer: Payoneer, payoneer_sandbox: SandboxService):
    one = item()
    pay(payoneer, progress_of(one))
    payoneer_sandbox.fault("unknown_status", value="Funded")
    seen = payoneer.fetch_item(one.key)
    assert (seen.status, seen.raw_status) == (Status.UNRECOGNISED, "Funded")


def test_another_amount_or_payee_is_told_as_it_is_echoed(
    payoneer: Payoneer, payoneer_sandbox: SandboxService
):
    one = item()
    pay(payoneer, progress_of(one))
    payoneer_sandbox.fault("wrong_echo", match={"method": "GET"}, times=1)
    seen = payoneer.fetch_item(one.key)
    assert seen.amount != one.amount
    assert seen.destination == "anna"[::-1]


# Cancelling ------------------------------------------------------------------------------------------------------


def test_a_cancelling_is_asked_for_and_seen_later(payoneer: Payoneer, payoneer_sandbox: SandboxService):
    one = item()
    payoneer_sandbox.fault("pending_payee", times=1)
    pay(payoneer, progress_of(one))
    observed(payoneer, one.key, Status.AWAITING_PAYEE)
    assert payoneer.cancel(one.key) == CancelRequested()
    observed(payoneer, one.key, Status.CANCELLED)
    assert isinstance(payoneer.cancel(one.key), NotCancellable)
    assert isinstance(payoneer.cancel(""), NotCancellable)


def test_a_cancelling_that_is_lost_or_too_early_is_asked_for_again(
    payoneer: Payoneer, payoneer_sandbox: SandboxService
):
    assert isinstance(payoneer.cancel("not-found-yet"), Unknown)
    for kind in ("rate_limit", "drop_after", "html_body"):
        payoneer_sandbox.fault(kind, match={"method": "PUT"}, times=1)
        assert isinstance(payoneer.cancel("whatever"), Unknown)


# The connection --------------------------------------------------------------------------------------------------


def test_the_connection_test_names_program_scopes_and_currency(payoneer: Payoneer):
    report = payoneer.check()
    assert report.ok
    assert (report.account, report.scopes) == (f"program {PROGRAM}", ["read", "write"])
    assert [one.available.currency for one in report.balances] == ["USD"]
    assert not any("WEBHOOK" in sentence for sentence in report.missing)


def test_the_connection_test_finds_the_programs_other_currency(
    payoneer: Payoneer, payoneer_sandbox: SandboxService
):
    payoneer_sandbox.post("/_sandbox/settings", {"currency": "EUR"})
    assert any("PAYONEER_CURRENCIES=EUR" in sentence for sentence in payoneer.check().missing)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"PAYONEER_WEBHOOK_SECRET": ""}, UNHEARD),
        ({"PAYONEER_WEBHOOK_SECRET": "", "PAYONEER_WEBHOOK_UNSIGNED": "1"}, UNSIGNED),
    ],
)
def test_the_connection_test_says_what_webhooks_lack(
    payoneer_sandbox: SandboxService, changed: Mapping[str, str], said: str
):
    provider = Payoneer.from_environ({**payoneer_sandbox.environment(), **changed})
    assert provider is not None
    assert said in provider.check().missing


@pytest.mark.parametrize("name", ["PAYONEER_PROGRAM_ID", "PAYONEER_CLIENT_SECRET"])
def test_another_program_and_wrong_credentials_do_not_work(payoneer_sandbox: SandboxService, name: str):
    provider = Payoneer.from_environ({**payoneer_sandbox.environment(), name: "wrong"})
    assert provider is not None
    report = provider.check()
    assert not report.ok
    assert report.missing
