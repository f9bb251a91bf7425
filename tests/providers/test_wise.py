"""Wise holds the contract, and everything that Wise alone does, against its sandbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from payouts.providers.base import PayoutProvider
from payouts.providers.wise.provider import Wise
from payouts.providers.wise.settings import WiseSettings
from tests.providers.contract import ProviderContract
from tests.providers.wise_payments import account
from tests.sandbox_services import SandboxService


class TestWise(ProviderContract):
    settings = ("WISE_API_TOKEN", "WISE_PROFILE_ID")
    module = "payouts.providers.wise.provider"
    first_path = "/v3/profiles"

    @pytest.fixture(autouse=True)
    def _known(self, wise: Wise, wise_sandbox: SandboxService) -> None:
        self.wise, self.profile = wise, wise_sandbox.credentials["profile_id"]

    @pytest.fixture
    def provider(self, wise: Wise) -> Wise:
        return wise

    @pytest.fixture
    def service(self, wise_sandbox: SandboxService) -> SandboxService:
        return wise_sandbox

    def given(self, name: str) -> Mapping[str, str]:
        made = account(self.wise, f"{name.title()} Lehmann")
        return {field: f" {value} " for field, value in made.items()}

    def bad_destinations(self) -> Sequence[Mapping[str, str]]:
        return [
            {},
            {"recipient": ""},
            {"recipient": "anna"},
            {"recipient": "-1"},
            {"recipient": "12", "hash": "x"},
            {"recipient": "12", "account": "euro"},
            {"recipient": "12", "IBAN": "DE89370400440532013000"},
            {"IBAN": "DE89370400440532013000"},
        ]

    def unreachable(self) -> PayoutProvider:
        return Wise(
            WiseSettings(base_url="http://127.0.0.1:9", profile=self.profile, api_token="x", funds=True)
        )
