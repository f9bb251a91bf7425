"""The bank file holds the contract as far as it speaks of a service without a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from payouts.providers.bank_file.desk import ClosedDesk
from payouts.providers.bank_file.provider import BankFile
from payouts.providers.base import (
    Absent,
    CannotTell,
    Found,
    NotCancellable,
    PayoutProvider,
    Status,
    Step,
    Unknown,
)
from tests.providers.bank_file.conftest import _bank_process, bank_sandbox, couriered
from tests.providers.bank_file.courier import BankService, Couriered
from tests.providers.bank_file.papers import ANNA, LINH, settings
from tests.providers.contract import ProviderContract, debits, key_of, pay, progress_of

__all__ = ["_bank_process", "bank_sandbox", "couriered"]

_NO_CALL: Final = (
    "Nobody is called: laying a file on the desk has no answer that could be lost, late or wrong."
)
DOES_NOT_APPLY: Final = {
    "test_a_lost_answer_is_unknown": _NO_CALL,
    "test_a_failure_that_proves_nothing_is_unknown": _NO_CALL,
    "test_a_wrong_echo_is_never_accepted": _NO_CALL,
    "test_being_slowed_down_is_no_failure": _NO_CALL,
    "test_nonsense_is_unavailable": "Nothing is read from a network: bad statements are refused when they come.",
    "test_what_was_not_sent_may_be_sent_later": "A desk that fails may have taken the file: see below.",
    "test_absence_proves_nothing_at_once": "It steers a call; what a desk may say of absence is asked below.",
}


class TestBankFile(ProviderContract):
    settings = ("BANK_FILE_DEBTOR_NAME", "BANK_FILE_DEBTOR_ACCOUNT", "BANK_FILE_DEBTOR_BIC")
    module = "payouts.providers.bank_file.provider"
    first_path = ""

    @pytest.fixture(autouse=True)
    def _applies(self, request: pytest.FixtureRequest) -> None:
        name = getattr(request.node, "originalname", "")
        if name in DOES_NOT_APPLY:
            pytest.skip(DOES_NOT_APPLY[name])

    @pytest.fixture
    def provider(self, couriered: Couriered) -> Couriered:
        return couriered

    @pytest.fixture
    def service(self, bank_sandbox: BankService) -> BankService:
        return bank_sandbox

    def given(self, name: str) -> Mapping[str, str]:
        return {**ANNA, "holder": f" {name} Müller", "iban": "de75 5121 0800 1245 1261 99"}

    def bad_destinations(self) -> Sequence[Mapping[str, str]]:
        return [{}, {"country": "DE"}, {**ANNA, "iban": "DE00"}, {"email": "anna@example.com"}]

    def unreachable(self) -> PayoutProvider:
        known = settings(BANK_FILE_DEBTOR_NAME="Harbour Market", BANK_FILE_HOLD_FOR_FUNDS="on")
        return BankFile(known, desk=ClosedDesk())

    def test_every_exception_is_of_a_test_that_there_is(self):
        assert set(DOES_NOT_APPLY) <= set(dir(ProviderContract))

    # In their place ------------------------------------------------------------------------------------------

    def test_a_desk_that_fails_may_have_taken_the_file(self, provider: Couriered):
        step = provider.next_step(progress_of(self.item(provider)))
        assert isinstance(step, Step)
        assert isinstance(self.unreachable().transmit(step), Unknown)

    def test_a_file_on_the_desk_is_found_by_our_key(self, provider: Couriered):
        progress = progress_of(self.item(provider))
        step = provider.next_step(progress)
        assert isinstance(step, Step)
        pay(provider, progress)
        found = provider.find(key_of(step, progress))
        assert isinstance(found, Found)
        assert found.view.batch_key == progress.batch_key

    def test_absence_is_authoritative_only_where_statements_reach_far_enough(self, provider: Couriered):
        progress = progress_of(self.item(provider))
        step = provider.next_step(progress)
        assert isinstance(step, Step)
        now = datetime.now(UTC)
        young = provider.find(key_of(step, progress, sent_at=now))
        old = provider.find(key_of(step, progress, sent_at=now - timedelta(days=20)))
        assert isinstance(young, Absent)
        assert isinstance(old, Absent)
        assert not young.authoritative
        assert old.authoritative
        assert isinstance(self.unreachable().find(key_of(step, progress)), CannotTell)

    def test_what_a_statement_names_and_the_desk_has_not_is_not_absent(
        self, provider: Couriered, service: BankService
    ):
        progress = progress_of(self.item(provider))
        step = provider.next_step(progress)
        assert isinstance(step, Step)
        assert service.upload(step.body).status_code == 201
        old = provider.find(key_of(step, progress, sent_at=datetime.now(UTC) - timedelta(days=20)))
        assert isinstance(old, CannotTell)

    def test_a_payment_is_never_taken_out_of_a_file(self, provider: Couriered):
        assert isinstance(provider.cancel("anything"), NotCancellable)

    def test_what_the_bank_does_not_carry_out_stays_under_way(
        self, provider: Couriered, service: BankService
    ):
        service.fault("insufficient_funds", times=1)
        reference = pay(provider, progress_of(self.item(provider)))
        (observed,) = provider.fetch(reference).observations
        assert observed.status is Status.PROCESSING
        assert not debits(service)

    def test_a_file_booked_as_one_sum_pays_each_of_its_payments(self, service: BankService):
        known = settings(BANK_FILE_DEBTOR_NAME="Harbour Market", BANK_FILE_BATCH_BOOKING="on")
        provider = Couriered(known, service)
        first = self.item(provider)
        second = provider.read_destination(LINH)
        items = [first, type(first)("11111111-1111-4111-8111-111111111111", first.amount, second, "PO-2")]
        reference = pay(provider, progress_of(*items))
        assert {one.status for one in provider.fetch(reference).observations} == {Status.PAID}
        now = datetime.now(UTC)
        lines = provider.statement(since=now - timedelta(days=1), until=now).lines
        assert sorted((line.item_key, line.kind) for line in lines) == sorted(
            (one.key, "debit") for one in items
        )

    def test_a_statement_has_all_that_is_booked_of_what_it_names(
        self, provider: Couriered, service: BankService
    ):
        item = self.item(provider)
        pay(provider, progress_of(item))
        service.advance(3 * 86_400)
        service.post("/_sandbox/return", {"reference": item.key.replace("-", ""), "units": 34})
        now = datetime.now(UTC)
        lines = provider.statement(since=now + timedelta(days=2), until=now + timedelta(days=4)).lines
        assert [(line.kind, line.amount.units) for line in lines] == [("debit", 1234), ("return", 34)]
