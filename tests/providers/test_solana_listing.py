"""The wallet's own list: our payments with their cost, top-ups, and what we did not send."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from marketplace_payouts.lib.money import Money
from payouts.providers.base import ProviderUnavailable, Statement
from payouts.providers.solana.provider import Solana
from tests.providers.solana_world import USDC, blocks, item, paid, rpc, wallet
from tests.sandbox_services import SandboxService

HOUR = timedelta(hours=1)


def statement(provider: Solana) -> Statement:
    now = datetime.now(UTC)
    return provider.statement(since=now - HOUR, until=now + HOUR)


def shown(provider: Solana) -> list[tuple[str, int, str]]:
    return [(one.kind, one.amount.units, one.amount.currency) for one in statement(provider).lines]


def test_lists_payments_and_what_they_cost(solana: Solana):
    one, other = item(), item("bert", units=30_000_000, currency="SOL")
    costs = [paid(solana, each).observations[0].fee for each in (one, other)]
    lines = statement(solana).lines
    assert [(x.kind, x.amount, x.item_key) for x in lines] == [
        ("debit", one.amount, one.key),
        ("fee", costs[0], one.key),
        ("debit", other.amount, other.key),
        ("fee", costs[1], other.key),
    ]
    assert lines[0].destination == one.destination["address"]


@pytest.mark.parametrize("currency", [USDC, "SOL"])
def test_what_comes_from_outside_is_a_top_up(solana: Solana, solana_sandbox: SandboxService, currency: str):
    own = solana_sandbox.credentials["wallet"]
    solana_sandbox.post("/_sandbox/airdrop", {"address": own, "currency": currency, "units": 7_000_000})
    blocks(solana_sandbox, 40)
    assert shown(solana) == [("top_up", 7_000_000, currency)]


def test_what_our_key_sent_and_we_did_not_is_a_debit_without_a_key(
    solana: Solana, solana_sandbox: SandboxService
):
    path = Path(solana_sandbox.credentials["signer"].removeprefix("file:"))
    stolen = Keypair.from_bytes(bytes(json.loads(path.read_text())))
    blockhash = rpc(solana_sandbox, "getLatestBlockhash")["result"]["value"]["blockhash"]
    part = transfer(
        TransferParams(from_pubkey=stolen.pubkey(), to_pubkey=wallet("mallory"), lamports=10_000_000)
    )
    message = MessageV0.try_compile(stolen.pubkey(), [part], [], Hash.from_string(blockhash))
    raw = bytes(VersionedTransaction(message, [stolen]))
    rpc(solana_sandbox, "sendTransaction", base64.b64encode(raw).decode(), {"encoding": "base64"})
    blocks(solana_sandbox, 40)
    (line,) = statement(solana).lines
    assert (line.kind, line.amount, line.item_key) == ("debit", Money(10_005_000, "SOL"), "")


def test_ends_before_what_may_still_land(solana: Solana):
    now = datetime.now(UTC)
    assert statement(solana).complete_until <= now - timedelta(seconds=15)


def test_leaves_out_what_is_older(solana: Solana):
    paid(solana, item())
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert not solana.statement(since=later, until=later + HOUR).lines


def test_a_node_that_does_not_remember_the_whole_time_gives_no_list(
    solana: Solana, solana_sandbox: SandboxService
):
    blocks(solana_sandbox, 2)
    solana_sandbox.post("/_sandbox/prune", {})
    with pytest.raises(ProviderUnavailable, match="history"):
        statement(solana)
