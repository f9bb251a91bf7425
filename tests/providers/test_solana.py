"""Solana holds the contract that every provider holds, by the real runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from payouts.providers.base import PayoutProvider, Progress, Step
from payouts.providers.solana.provider import Solana
from tests.providers.contract import ProviderContract, money_step
from tests.providers.solana_world import home, made, wallet
from tests.sandbox_services import SandboxService


class TestSolana(ProviderContract):
    currency = "USDC@solana"
    settings = ("SOLANA_RPC_URL", "SOLANA_SIGNER")
    module = "payouts.providers.solana.provider"
    first_path = "/"
    read_by = "POST"

    @pytest.fixture
    def provider(self, solana: Solana) -> Solana:
        return solana

    @pytest.fixture(autouse=True)
    def service(self, solana_sandbox: SandboxService) -> SandboxService:
        # Its key is in a file of the sandbox's, also where the node cannot be reached.
        self._service = solana_sandbox
        return solana_sandbox

    def given(self, name: str) -> Mapping[str, str]:
        return {"address": f" {wallet(name)} "}

    def bad_destinations(self) -> Sequence[Mapping[str, str]]:
        return [
            {},
            {"address": ""},
            {"address": "anna@example.com"},
            {"address": str(home("anna"))},
            {"address": "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"},
            {"email": "anna@example.com"},
        ]

    def unreachable(self) -> PayoutProvider:
        return made(self._service, SOLANA_RPC_URL="http://127.0.0.1:9")

    def echoed(self, provider: PayoutProvider, progress: Progress) -> Step:
        return money_step(provider, progress)
