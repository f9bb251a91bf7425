"""The sandbox's Solana behaves as the network does, seen by a client that knows JSON-RPC alone."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.signature import Signature
from solders.system_program import (
    AdvanceNonceAccountParams,
    advance_nonce_account,
    create_nonce_account,
)
from solders.transaction import VersionedTransaction

from tests.sandbox.solana_rpc import Client, packed, packed_message, somebody
from tests.sandbox_services import SandboxService, running

ANNA = somebody("anna").pubkey()
LIFE = 150


@pytest.fixture
def node(solana_sandbox: SandboxService) -> Client:
    return Client(solana_sandbox)


def ledger(node: Client) -> list[tuple[str, int, str, str]]:
    return [
        (one["kind"], int(one["units"]), one["currency"], one["reference"]) for one in node.service.ledger()
    ]


# Time ------------------------------------------------------------------------------------------------------------


def test_slots_run_ahead_of_heights_and_commitments_lag(node: Client):
    before = node.ask("getBlockHeight", {"commitment": "processed"})
    node.pass_blocks(100)
    final = node.ask("getBlockHeight", {"commitment": "finalized"})
    newest = node.ask("getBlockHeight", {"commitment": "processed"})
    assert newest >= before + 100
    assert newest - final >= 32
    assert node.ask("getSlot", {"commitment": "processed"}) > newest + 22_000_000


def test_blocks_come_with_the_sandboxs_clock(node: Client):
    before = node.ask("getBlockHeight", {"commitment": "processed"})
    node.service.advance(4)
    assert node.ask("getBlockHeight", {"commitment": "processed"}) >= before + 100


def test_a_blockhash_is_good_for_150_blocks(node: Client):
    before = node.ask("getBlockHeight", {"commitment": "processed"})
    given = node.ask("getLatestBlockhash", {"commitment": "processed"})
    blockhash, last = given["value"]["blockhash"], given["value"]["lastValidBlockHeight"]
    assert before <= last - LIFE <= node.ask("getBlockHeight", {"commitment": "processed"})
    assert node.ask("isBlockhashValid", blockhash)["value"] is True
    node.pass_blocks(LIFE + 1)
    assert node.ask("isBlockhashValid", blockhash)["value"] is False
    error = node.send(node.tx(node.sol(ANNA, 10**9), blockhash=blockhash))["error"]
    assert error["code"] == -32002
    assert error["data"]["err"] == "BlockhashNotFound"
    assert error["message"].endswith("Blockhash not found")


def test_a_final_hash_is_good_for_32_blocks_less(node: Client):
    node.pass_blocks(100)
    confirmed, final = (
        node.ask("getLatestBlockhash", {"commitment": name})["value"]["lastValidBlockHeight"]
        for name in ("confirmed", "finalized")
    )
    assert 28 <= confirmed - final <= 34


def test_a_hash_of_nobodys_is_not_found(node: Client):
    tx = node.tx(node.sol(ANNA, 10**9), blockhash=str(Hash(hashlib.sha256(b"mine").digest())))
    assert node.send(tx)["error"]["data"]["err"] == "BlockhashNotFound"
    node.land(tx, skipPreflight=True)
    assert node.balance(ANNA) == 0


# Money -----------------------------------------------------------------------------------------------------------


def test_sol_moves_and_costs_its_fee(node: Client):
    before = node.balance(node.own)
    signature = node.land(node.tx(node.memo("payout:po_1 key-1"), node.sol(ANNA, 10**9)))
    assert node.balance(ANNA) == 10**9
    assert node.balance(node.own) == before - 10**9 - 5000
    assert node.status(signature)["confirmationStatus"] in ("processed", "confirmed")
    assert ledger(node) == [], "What is not final has not moved for good."
    node.pass_blocks(40)
    assert node.status(signature)["confirmationStatus"] == "finalized"
    assert ledger(node) == [("debit", 10**9, "SOL", "key-1"), ("fee", 5000, "SOL", "key-1")]


def test_usdc_opens_the_account_once(node: Client):
    for n in range(2):
        before = node.balance(node.own)
        node.land(node.tx(node.memo(f"k{n}"), node.opens(ANNA), node.usdc(ANNA, 1_500_000)))
        rent = 2_039_280 if n == 0 else 0
        assert before - node.balance(node.own) == 5000 + rent
    node.pass_blocks(40)
    assert ledger(node) == [
        ("debit", 1_500_000, "USDC@solana", "k0"),
        ("fee", 5000 + 2_039_280, "SOL", "k0"),
        ("debit", 1_500_000, "USDC@solana", "k1"),
        ("fee", 5000, "SOL", "k1"),
    ]
    assert {entry["destination"] for entry in node.service.ledger() if entry["kind"] == "debit"} == {
        str(ANNA)
    }


@pytest.mark.parametrize(
    ("parts", "err"),
    [
        (lambda n: [n.sol(ANNA, 10**18)], {"InstructionError": [0, {"Custom": 1}]}),
        (lambda n: [n.sol(ANNA, 890_879)], {"InsufficientFundsForRent": {"account_index": 1}}),
        (lambda n: [n.usdc(ANNA, 1)], {"InstructionError": [0, "InvalidAccountData"]}),
        (lambda n: [n.opens(ANNA), n.usdc(ANNA, 10**17)], {"InstructionError": [1, {"Custom": 1}]}),
        (lambda n: [n.opens(ANNA), n.usdc(ANNA, 1, decimals=9)], {"InstructionError": [1, {"Custom": 18}]}),
    ],
    ids=["too little SOL", "below the rent floor", "no account", "too little USDC", "wrong decimals"],
)
def test_failures_have_the_networks_words_and_cost_their_fee(
    node: Client, parts: Callable[[Client], list[Instruction]], err: object
):
    tx = node.tx(*parts(node))
    error = node.send(tx)["error"]
    assert (error["code"], error["data"]["err"]) == (-32002, err)
    before = node.balance(node.own)
    signature = node.land(tx, skipPreflight=True)
    assert node.status(signature)["err"] == err
    assert node.balance(node.own) == before - 5000
    node.pass_blocks(40)
    assert [entry[:3] for entry in ledger(node)] == [("fee", 5000, "SOL")]


def test_a_frozen_account_takes_nothing(node: Client):
    node.service.post("/_sandbox/freeze", {"address": str(ANNA)})
    error = node.send(node.tx(node.opens(ANNA), node.usdc(ANNA, 1)))["error"]
    assert error["data"]["err"] == {"InstructionError": [1, {"Custom": 17}]}


def test_the_funds_door_sets_what_the_wallet_has(node: Client):
    node.service.post("/_sandbox/funds", {"currency": "SOL", "units": "123456789"})
    assert node.balance(node.own) == 123_456_789
    node.service.post("/_sandbox/funds", {"currency": "USDC@solana", "units": 5})
    options = {"encoding": "jsonParsed"}
    (found,) = node.ask("getTokenAccountsByOwner", str(node.own), {}, options)["value"]
    assert found["account"]["data"]["parsed"]["info"]["tokenAmount"]["amount"] == "5"
    with pytest.raises(RuntimeError, match="Unknown currency"):
        node.service.post("/_sandbox/funds", {"currency": "EUR", "units": 5})


def test_an_airdrop_is_a_transaction(node: Client):
    signature = node.ask("requestAirdrop", str(ANNA), 5 * 10**9)
    node.pass_blocks(1)
    assert node.balance(ANNA) == 5 * 10**9
    node.pass_blocks(40)
    (listed,) = node.ask("getSignaturesForAddress", str(ANNA))
    assert listed["signature"] == signature
    assert ledger(node) == []


# Landing ---------------------------------------------------------------------------------------------------------


def test_the_same_bytes_land_once(node: Client):
    tx = node.tx(node.sol(ANNA, 10**9))
    node.land(tx)
    error = node.send(tx)["error"]
    assert (error["code"], error["data"]["err"]) == (-32002, "AlreadyProcessed")
    node.land(tx, skipPreflight=True)
    assert node.balance(ANNA) == 10**9


def test_a_signature_that_does_not_hold_is_refused(node: Client):
    tx = node.tx(node.sol(ANNA, 10**9))
    forged = VersionedTransaction.populate(tx.message, [Signature.default()])
    assert node.send(forged)["error"]["code"] == -32003


def test_a_simulation_needs_no_signature_and_moves_nothing(node: Client):
    tx = node.tx(node.sol(ANNA, 10**9))
    nobody = VersionedTransaction.populate(tx.message, [Signature.default()])
    told = node.ask("simulateTransaction", packed(nobody), {"encoding": "base64", "sigVerify": False})
    assert told["value"]["err"] is None
    assert told["value"]["unitsConsumed"] > 0
    assert node.balance(ANNA) == 0
    assert node.ask("getFeeForMessage", packed_message(tx))["value"] == 5000


def test_a_dropped_one_never_lands_and_a_late_one_does(node: Client):
    node.service.fault("drop_transaction", times=1)
    dropped = node.land(node.tx(node.memo("a"), node.sol(ANNA, 10**9)))
    node.service.fault("land_late", times=1, value=20)
    late = node.land(node.tx(node.memo("b"), node.sol(ANNA, 10**9)))
    assert node.status(dropped) is node.status(late) is None
    node.pass_blocks(30)
    assert node.status(dropped) is None
    assert node.status(late) is not None


def test_what_lands_later_than_its_hash_lives_never_lands(node: Client):
    node.service.fault("land_late", times=1, value=LIFE + 10)
    signature = node.land(node.tx(node.sol(ANNA, 10**9)))
    node.pass_blocks(LIFE + 20)
    assert node.status(signature) is None
    assert node.balance(ANNA) == 0


def test_a_fork_takes_one_back_and_keeps_the_others(node: Client):
    first = node.land(node.tx(node.memo("a"), node.sol(ANNA, 10**9)))
    tx = node.tx(node.memo("b"), node.sol(ANNA, 2 * 10**9))
    second = node.land(tx)
    third = node.land(node.tx(node.memo("c"), node.sol(ANNA, 3 * 10**9)))
    node.service.post("/_sandbox/rollback", {"signature": second})
    assert node.status(second) is None
    assert node.status(first)
    assert node.status(third)
    assert node.balance(ANNA) == 4 * 10**9
    node.land(tx)
    assert node.balance(ANNA) == 6 * 10**9
    node.pass_blocks(40)
    with pytest.raises(RuntimeError, match="not final"):
        node.service.post("/_sandbox/rollback", {"signature": first})


def test_statuses_are_remembered_for_300_blocks_and_history_for_longer(node: Client):
    signature = node.land(node.tx(node.sol(ANNA, 10**9)))
    node.pass_blocks(310)
    assert node.status(signature, searches=False) is None
    assert node.status(signature)["confirmations"] is None
    node.service.post("/_sandbox/prune", {})
    assert node.status(signature) is None
    assert node.ask("getTransaction", signature, {"maxSupportedTransactionVersion": 0}) is None
    assert node.ask("getFirstAvailableBlock") > 0


def test_a_transaction_is_shown_once_it_is_deep_enough(node: Client):
    signature = node.land(node.tx(node.memo("hello"), node.opens(ANNA), node.usdc(ANNA, 2_000_000)))
    version = {"maxSupportedTransactionVersion": 0}
    assert node.ask("getTransaction", signature, version) is None
    node.pass_blocks(2)
    assert (
        node.ask("getTransaction", signature, {**version, "commitment": "confirmed"})["meta"]["err"] is None
    )
    assert node.refused("getTransaction", signature, {"commitment": "processed"})["code"] == -32602
    node.pass_blocks(40)
    assert node.refused("getTransaction", signature)["code"] == -32015
    meta = node.ask("getTransaction", signature, version)["meta"]
    changes = {one["owner"]: int(one["uiTokenAmount"]["amount"]) for one in meta["postTokenBalances"]}
    assert changes[str(ANNA)] == 2_000_000
    (listed,) = node.ask("getSignaturesForAddress", str(node.own), {"limit": 1})
    assert (listed["memo"], listed["confirmationStatus"]) == ("[5] hello", "finalized")


def test_a_list_goes_page_by_page(node: Client):
    names = [node.land(node.tx(node.memo(str(n)), node.sol(ANNA, 10**9))) for n in range(4)]
    node.pass_blocks(40)
    first = node.ask("getSignaturesForAddress", str(ANNA), {"limit": 2})
    second = node.ask("getSignaturesForAddress", str(ANNA), {"before": first[-1]["signature"]})
    assert [one["signature"] for one in (*first, *second)] == names[::-1]
    newest = node.ask("getSignaturesForAddress", str(ANNA), {"until": names[2]})
    assert [one["signature"] for one in newest] == [names[3]]


def test_a_durable_nonce_outlives_blockhashes_and_is_used_up_by_failure(node: Client):
    nonce = Keypair()
    made = MessageV0.try_compile(
        node.own,
        list(create_nonce_account(node.own, nonce.pubkey(), node.own, 1_500_000)),
        [],
        Hash.from_string(node.blockhash()),
    )
    node.land(VersionedTransaction(made, [node.key, nonce]))

    def value() -> str:
        raw = node.ask("getAccountInfo", str(nonce.pubkey()), {"encoding": "base64"})["value"]["data"][0]
        return str(Hash(base64.b64decode(raw)[40:72]))

    advance = advance_nonce_account(
        AdvanceNonceAccountParams(nonce_pubkey=nonce.pubkey(), authorized_pubkey=node.own)
    )
    first = value()
    node.pass_blocks(5000)
    good = node.tx(advance, node.sol(ANNA, 10**9), blockhash=first)
    node.land(good)
    assert node.balance(ANNA) == 10**9
    second = value()
    assert second != first
    assert node.send(node.tx(advance, node.sol(ANNA, 10**9), node.memo("x"), blockhash=first))["error"]
    node.land(node.tx(advance, node.sol(ANNA, 10**18), blockhash=second), skipPreflight=True)
    assert value() != second


# Errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("getNothing", [], -32601),
        ("getBalance", ["not an address"], -32602),
        ("getBalance", [], -32602),
        ("getSlot", [{"commitment": "soon"}], -32602),
        ("sendTransaction", ["####", {"encoding": "base64"}], -32602),
        ("sendTransaction", ["AAAA", {"encoding": "base64"}], -32602),
        ("getSignatureStatuses", [["x"] * 257], -32602),
        ("getAccountInfo", ["11111111111111111111111111111111", {"minContextSlot": 10**12}], -32016),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_nodes_codes(
    node: Client, method: str, params: list[object], code: int
):
    assert node.refused(method, *params)["code"] == code


def test_several_questions_may_come_at_once(node: Client):
    asked = [{"jsonrpc": "2.0", "id": n, "method": "getHealth"} for n in range(3)]
    answers = requests.post(node.service.url, json=asked, timeout=10).json()
    assert [(one["id"], one["result"]) for one in answers] == [(0, "ok"), (1, "ok"), (2, "ok")]
    assert requests.post(node.service.url, data=b"{", timeout=10).json()["error"]["code"] == -32700


@pytest.mark.parametrize("code", [-32005, -32011, -32016, 429])
def test_a_fault_is_a_nodes_own_error(node: Client, code: int):
    node.service.fault("rpc_error", match={"reference": "getSlot"}, value=code)
    assert node.refused("getSlot")["code"] == code
    assert node.ask("getHealth") == "ok"


def test_a_fault_may_strike_one_node_of_two(node: Client):
    node.service.fault("wrong_cluster", match={"path": "/$"})
    asked = {"jsonrpc": "2.0", "id": 1, "method": "getGenesisHash"}
    names = [
        requests.post(f"{node.service.url}{path}", json=asked, timeout=10).json() for path in ("", "/witness")
    ]
    assert names[0]["result"] == "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG"
    assert names[1]["result"] != names[0]["result"]


# Over restarts ---------------------------------------------------------------------------------------------------


def test_everything_is_there_after_a_restart(tmp_path: Path):
    state = ("--state", str(tmp_path / "state"))
    with running("solana", *state) as service:
        node = Client(service)
        blockhash = node.ask("getLatestBlockhash", {"commitment": "processed"})["value"]["blockhash"]
        first = node.land(node.tx(node.memo("k1"), node.opens(ANNA), node.usdc(ANNA, 1_000_000)))
        node.pass_blocks(40)
        second = node.land(node.tx(node.memo("k2"), node.sol(ANNA, 10**9)))
        service.post("/_sandbox/rollback", {"signature": second})
        service.fault("land_late", times=1, value=100)
        node.send(node.tx(node.memo("k3"), node.sol(ANNA, 3 * 10**9)))
        height = node.ask("getBlockHeight", {"commitment": "processed"})
        own, left, told = node.own, node.balance(node.own), service.ledger()
        assert [entry["key"] for entry in told] == [first, first]
    with running("solana", *state) as service:
        again = Client(service)
        assert (again.own, again.balance(own)) == (own, left)
        assert again.ask("getBlockHeight", {"commitment": "processed"}) >= height
        assert service.ledger() == told
        assert again.status(first)["err"] is None
        assert again.status(second) is None
        assert again.ask("isBlockhashValid", blockhash)["value"] is True
        again.pass_blocks(110)
        assert again.balance(ANNA) == 3 * 10**9, "What was under way lands, what a fork took does not."
        again.pass_blocks(40)
        assert service.ledger()[:2] == told
        assert [entry["reference"] for entry in service.ledger()] == ["k1", "k1", "k3", "k3"]


def test_begins_anew_with_the_same_key(node: Client):
    signature = node.land(node.tx(node.sol(ANNA, 10**9)))
    node.pass_blocks(40)
    node.service.reset()
    again = Client(node.service)
    assert again.own == node.own
    assert again.status(signature) is None
    assert again.balance(again.own) == 100 * 10**9
    assert ledger(again) == []
