"""The two-step provider holds the same contract, though it has another shape in every respect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from payouts.providers.base import (
    Absent,
    Accepted,
    Deferred,
    Found,
    PayoutProvider,
    RefusalClass,
    Refused,
    Step,
)
from tests.providers.contract import ProviderContract, debits, key_of, money_step, progress_of
from tests.providers.two_step.provider import TwoStep
from tests.sandbox_services import SandboxService


class TestTwoStep(ProviderContract):
    settings = ("TWO_STEP_BASE_URL", "TWO_STEP_TOKEN")
    module = "tests.providers.two_step.provider"
    first_path = "/transfers"

    @pytest.fixture
    def provider(self, two_step: TwoStep) -> TwoStep:
        return two_step

    @pytest.fixture
    def service(self, two_step_sandbox: SandboxService) -> SandboxService:
        return two_step_sandbox

    def given(self, name: str) -> Mapping[str, str]:
        return {"account": f" {name.upper()} "}

    def bad_destinations(self) -> Sequence[Mapping[str, str]]:
        return [{}, {"account": ""}, {"account": "a b"}, {"email": "anna@example.com"}]

    def unreachable(self) -> PayoutProvider:
        return TwoStep(base_url="http://127.0.0.1:9", token="nobody's")

    def test_money_moves_in_the_second_step_only(self, provider: TwoStep, service: SandboxService):
        progress = progress_of(self.item(provider))
        first = provider.next_step(progress)
        assert isinstance(first, Step)
        assert not first.moves_money
        provider.transmit(first)
        assert not debits(service)
        assert money_step(provider, progress).moves_money

    def test_funding_twice_pays_twice(self, provider: TwoStep, service: SandboxService):
        step = money_step(provider, progress_of(self.item(provider)))
        provider.transmit(step)
        provider.transmit(step)
        assert [entry["units"] for entry in debits(service)] == ["1234", "1234"]

    def test_lack_of_funds_kills_the_request_but_not_the_key(
        self, provider: TwoStep, service: SandboxService
    ):
        step = money_step(provider, progress_of(self.item(provider)))
        service.fault("insufficient_funds", times=1)
        refused = provider.transmit(step)
        assert isinstance(refused, Refused)
        assert refused.refusal is RefusalClass.OURS
        assert not refused.key_is_spent
        assert not refused.settles_earlier
        assert isinstance(provider.transmit(step), Accepted)

    def test_a_lost_funding_is_found_by_reference_after_the_settle_time(
        self, provider: TwoStep, service: SandboxService
    ):
        progress = progress_of(self.item(provider))
        step = money_step(provider, progress)
        service.fault("drop_after", match={"path": step.path}, times=1)
        provider.transmit(step)
        key = key_of(step, progress)
        early = provider.find(key)
        assert isinstance(early, Absent)
        assert not early.authoritative
        service.advance(10)
        found = provider.find(key)
        assert isinstance(found, Found)
        assert found.view.observations[0].item_key == progress.items[0].key

    def test_a_funding_that_never_arrived_is_proven_absent_after_the_settle_time(
        self, provider: TwoStep, service: SandboxService
    ):
        progress = progress_of(self.item(provider))
        step = money_step(provider, progress)
        service.fault("drop_before", match={"path": step.path}, times=1)
        provider.transmit(step)
        service.advance(10)
        absent = provider.find(key_of(step, progress, sent_at=datetime.now(UTC) - timedelta(seconds=1)))
        assert isinstance(absent, Absent)
        assert absent.authoritative

    def test_a_wrong_token_is_ours_to_mend(self, service: SandboxService):
        provider = TwoStep(base_url=service.url, token="wrong")
        deferred = provider.transmit(Step("create", "k", b"{}", moves_money=False, path="/transfers"))
        assert isinstance(deferred, Deferred)
        assert deferred.ours
