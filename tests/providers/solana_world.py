"""People, items and nodes for tests of Solana."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from typing import Any

import requests
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from marketplace_payouts.lib.money import Money
from payouts.providers.base import Accepted, BatchView, Item, Progress, Status, Step
from payouts.providers.solana.messages import home_of
from payouts.providers.solana.networks import NETWORKS
from payouts.providers.solana.provider import Solana
from tests.providers.contract import answered, progress_of, settled, until
from tests.sandbox_services import SandboxService

USDC = "USDC@solana"
MINT = NETWORKS["sandbox"].usdc
RENT_OF_A_TOKEN_ACCOUNT = 2_039_280


def wallet(name: str) -> Pubkey:
    """Give the wallet of somebody."""
    return Keypair.from_seed(hashlib.sha256(name.encode()).digest()).pubkey()


def home(name: str) -> Pubkey:
    """Give where somebody's USDC lie."""
    return home_of(wallet(name), MINT)


def item(name: str = "anna", *, units: int = 1_234_000, currency: str = USDC) -> Item:
    """Make an item to pay."""
    return Item(str(uuid.uuid4()), Money(units, currency), {"address": str(wallet(name))}, "PO-1")


def made(service: SandboxService, **changes: str) -> Solana:
    """Set Solana up with other settings."""
    provider = Solana.from_environ({**service.environment(), **changes})
    assert provider is not None
    return provider


def prepared(provider: Solana, one: Item) -> tuple[Progress, Step]:
    """Prepare a payment, and give the signed step untransmitted."""
    progress = progress_of(one)
    first = provider.next_step(progress)
    assert isinstance(first, Step)
    outcome = provider.transmit(first)
    assert isinstance(outcome, Accepted), outcome
    following = Progress(progress.batch_key, progress.currency, progress.items, [answered(first, outcome)])
    step = provider.next_step(following)
    assert isinstance(step, Step)
    return following, step


def sent(provider: Solana, one: Item) -> tuple[Progress, Step]:
    """Send a payment, which may not have landed yet."""
    progress, step = prepared(provider, one)
    assert isinstance(provider.transmit(step), Accepted)
    return progress, step


def final(provider: Solana, step: Step) -> BatchView:
    """Wait until a payment is final."""
    return until(lambda: provider.fetch(step.key), settled)


def paid(provider: Solana, one: Item) -> BatchView:
    """Pay, and wait until it is final."""
    view = final(provider, sent(provider, one)[1])
    assert view.observations[0].status is Status.PAID
    return view


def blocks(service: SandboxService, count: int) -> None:
    """Let blocks pass."""
    service.post("/_sandbox/blocks", {"count": count})


def rpc(service: SandboxService, method: str, *params: Any) -> Any:
    """Ask the node, and give the whole answer."""
    asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    answer = requests.post(service.url, json=asked, timeout=10)
    value: Mapping[str, Any] = answer.json()
    return value


def only(kind: str) -> dict[str, str]:
    """Match calls of one method."""
    return {"reference": kind}
