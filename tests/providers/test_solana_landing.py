"""What becomes of signed bytes: landed, late, dropped, taken back by a fork, and what proves that they never landed."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest

from payouts.providers.base import (
    Absent,
    Accepted,
    CannotTell,
    Deferred,
    Found,
    Key,
    ProviderUnavailable,
    ReferenceVanished,
    Status,
    Unknown,
)
from payouts.providers.solana.provider import Solana
from payouts.providers.solana.steps import Ticket
from tests.providers.contract import debits, debits_soon, key_of
from tests.providers.solana_world import blocks, final, item, made, only, paid, prepared, sent
from tests.sandbox_services import SandboxService

OVER = 150 + 32 + 64 + 5
"""Blocks after which nothing that was signed can land, and that is final."""


def signature_of(key: str) -> str:
    ticket = Ticket.read(key)
    assert ticket is not None
    return ticket.signature


def test_the_same_progress_gives_the_same_signed_bytes(solana: Solana):
    progress, step = prepared(solana, item())
    assert solana.next_step(progress) == step
    assert step.moves_money
    assert signature_of(step.key) in str(step.key)


def test_two_equal_payments_to_one_payee_are_two(solana: Solana, solana_sandbox: SandboxService):
    first, second = (sent(solana, item(units=5_000_000))[1] for _ in range(2))
    assert signature_of(first.key) != signature_of(second.key)
    final(solana, first)
    final(solana, second)
    assert [entry["units"] for entry in debits(solana_sandbox)] == ["5000000", "5000000"]


def test_the_same_bytes_pay_once_however_often_they_are_sent(solana: Solana, solana_sandbox: SandboxService):
    _, step = sent(solana, item())
    assert isinstance(solana.transmit(step), Accepted)
    final(solana, step)
    assert isinstance(solana.transmit(step), Accepted)
    blocks(solana_sandbox, 40)
    assert len(debits(solana_sandbox)) == 1


def test_what_was_answered_by_nobody_and_landed_is_found(solana: Solana, solana_sandbox: SandboxService):
    one = item()
    progress, step = prepared(solana, one)
    solana_sandbox.fault("drop_after", match=only("sendTransaction"), times=1)
    assert isinstance(solana.transmit(step), Unknown)
    assert debits_soon(solana_sandbox, 1)
    found = solana.find(key_of(step, progress))
    assert isinstance(found, Found)
    (seen,) = found.view.observations
    assert (seen.item_key, seen.amount, seen.status) == (one.key, one.amount, Status.PAID)
    assert found.view.reference == step.key


def test_what_is_confirmed_is_found_as_under_way(solana: Solana, solana_sandbox: SandboxService):
    one = item()
    progress, step = sent(solana, one)
    blocks(solana_sandbox, 3)
    found = solana.find(key_of(step, progress))
    assert isinstance(found, Found)
    (seen,) = found.view.observations
    assert (seen.status, seen.amount) == (Status.PROCESSING, one.amount)
    assert not found.view.closed


def test_a_dropped_transaction_is_absent_only_once_nothing_can_land(
    solana: Solana, solana_sandbox: SandboxService
):
    solana_sandbox.fault("drop_transaction", times=1)
    progress, step = sent(solana, item())
    key = key_of(step, progress)
    assert isinstance(solana.find(key), CannotTell)
    assert solana.fetch(step.key).observations[0].status is Status.PROCESSING
    blocks(solana_sandbox, 151)
    assert isinstance(solana.find(key), CannotTell)
    blocks(solana_sandbox, OVER - 151)
    absent = solana.find(key)
    assert isinstance(absent, Absent)
    assert absent.authoritative
    with pytest.raises(ReferenceVanished):
        solana.fetch(step.key)
    assert isinstance(solana.transmit(step), Unknown)
    assert not debits(solana_sandbox)


def test_a_new_signature_pays_what_certainly_never_landed(solana: Solana, solana_sandbox: SandboxService):
    solana_sandbox.fault("drop_transaction", times=1)
    one = item()
    _, lost = sent(solana, one)
    blocks(solana_sandbox, OVER)
    _, again = sent(solana, one)
    assert signature_of(again.key) != signature_of(lost.key)
    final(solana, again)
    assert len(debits(solana_sandbox)) == 1


def test_a_late_landing_is_waited_for(solana: Solana, solana_sandbox: SandboxService):
    solana_sandbox.fault("land_late", times=1, value=120)
    progress, step = sent(solana, item())
    blocks(solana_sandbox, 100)
    assert isinstance(solana.find(key_of(step, progress)), CannotTell)
    blocks(solana_sandbox, 60)
    assert isinstance(solana.find(key_of(step, progress)), Found)
    assert final(solana, step).observations[0].status is Status.PAID


def test_a_fork_takes_back_what_was_only_confirmed(solana: Solana, solana_sandbox: SandboxService):
    progress, step = sent(solana, item())
    blocks(solana_sandbox, 10)
    view = solana.fetch(step.key)
    assert (view.raw_status, view.observations[0].status) == ("confirmed", Status.PROCESSING)
    solana_sandbox.post("/_sandbox/rollback", {"signature": signature_of(step.key)})
    assert solana.fetch(step.key).observations[0].status is Status.PROCESSING
    assert isinstance(solana.find(key_of(step, progress)), CannotTell)
    # Sent again, the same bytes land in the new fork.
    assert isinstance(solana.transmit(step), Accepted)
    final(solana, step)
    assert len(debits(solana_sandbox)) == 1


def test_what_a_fork_took_and_nobody_sent_again_is_absent(solana: Solana, solana_sandbox: SandboxService):
    progress, step = sent(solana, item())
    blocks(solana_sandbox, 10)
    solana_sandbox.post("/_sandbox/rollback", {"signature": signature_of(step.key)})
    blocks(solana_sandbox, OVER)
    absent = solana.find(key_of(step, progress))
    assert isinstance(absent, Absent)
    assert absent.authoritative
    assert not debits(solana_sandbox)


def test_a_node_that_gives_slots_for_heights_proves_nothing(solana: Solana, solana_sandbox: SandboxService):
    solana_sandbox.fault("drop_transaction", times=1)
    progress, step = sent(solana, item())
    solana_sandbox.fault("height_is_slot")
    told = solana.find(key_of(step, progress))
    assert isinstance(told, CannotTell)
    assert "cannot be a height" in told.reason
    with pytest.raises(ProviderUnavailable) as caught:
        solana.fetch(step.key)
    assert not isinstance(caught.value, ReferenceVanished)


def test_a_node_that_forgot_the_signing_proves_nothing(solana: Solana, solana_sandbox: SandboxService):
    solana_sandbox.fault("drop_transaction", times=1)
    progress, step = sent(solana, item())
    blocks(solana_sandbox, OVER)
    solana_sandbox.post("/_sandbox/prune", {})
    told = solana.find(key_of(step, progress))
    assert isinstance(told, CannotTell)
    assert "history" in told.reason


@pytest.mark.parametrize(
    "method",
    ["getSlot", "getBlockHeight", "getSignatureStatuses", "getFirstAvailableBlock", "getTransaction"],
)
@pytest.mark.parametrize("code", [-32005, -32011])
def test_a_node_that_refuses_any_question_proves_nothing(
    solana: Solana, solana_sandbox: SandboxService, method: str, code: int
):
    solana_sandbox.fault("drop_transaction", times=1)
    progress, step = sent(solana, item())
    blocks(solana_sandbox, OVER)
    solana_sandbox.fault("rpc_error", match=only(method), value=code)
    assert isinstance(solana.find(key_of(step, progress)), CannotTell)


def test_both_nodes_must_prove_an_absence(solana_sandbox: SandboxService):
    provider = made(solana_sandbox, SOLANA_WITNESS_RPC_URL=f"{solana_sandbox.url}/witness")
    solana_sandbox.fault("drop_transaction", times=1)
    progress, step = sent(provider, item())
    blocks(solana_sandbox, OVER)
    fault = solana_sandbox.fault("rpc_error", match={"path": "/witness"})
    assert isinstance(provider.find(key_of(step, progress)), CannotTell)
    solana_sandbox.delete(f"/_sandbox/faults/{fault}")
    absent = provider.find(key_of(step, progress))
    assert isinstance(absent, Absent)
    assert absent.authoritative


def test_another_transaction_with_our_memo_is_no_absence(solana: Solana, solana_sandbox: SandboxService):
    one = item()
    solana_sandbox.fault("drop_transaction", times=1)
    progress, lost = sent(solana, one)
    # Of the same blockhash the bytes would be the same, and so would be the signature.
    blocks(solana_sandbox, 2)
    sent(solana, one)
    blocks(solana_sandbox, OVER)
    told = solana.find(key_of(lost, progress))
    assert isinstance(told, CannotTell)
    assert "memo" in told.reason


def test_nothing_is_there_before_anything_was_signed(solana: Solana):
    now = datetime.now(UTC)
    absent = solana.find(Key("batch:prepare", "batch", ["item"], now, now))
    assert isinstance(absent, Absent)
    assert absent.authoritative


@pytest.mark.parametrize("code", [-32005, -32016, 429])
def test_what_a_node_does_not_take_goes_out_later(solana: Solana, solana_sandbox: SandboxService, code: int):
    _, step = prepared(solana, item())
    solana_sandbox.fault("rpc_error", match=only("sendTransaction"), times=1, value=code)
    assert isinstance(solana.transmit(step), Deferred)
    assert isinstance(solana.transmit(step), Accepted)


@pytest.mark.parametrize("code", [-32603, -32002, -32003, -32011])
def test_any_other_refusal_of_signed_bytes_proves_nothing(
    solana: Solana, solana_sandbox: SandboxService, code: int
):
    _, step = prepared(solana, item())
    solana_sandbox.fault("rpc_error", match=only("sendTransaction"), times=1, value=code)
    assert isinstance(solana.transmit(step), Unknown)


@pytest.mark.parametrize("kind", ["refuse", "insufficient_funds", "blockhash_unknown"])
def test_a_refusal_by_the_preflight_proves_nothing(solana: Solana, solana_sandbox: SandboxService, kind: str):
    _, step = prepared(solana, item())
    solana_sandbox.fault(kind, match=only("sendTransaction"), times=1)
    assert isinstance(solana.transmit(step), Unknown)
    assert isinstance(solana.transmit(step), Accepted)


def test_bytes_that_are_not_what_their_key_names_are_not_sent(solana: Solana, solana_sandbox: SandboxService):
    _, step = prepared(solana, item())
    _, other = prepared(solana, item("bert"))
    swapped = type(step)(step.name, step.key, other.body, moves_money=True, path=step.path)
    before = solana_sandbox.requests()["total"]
    assert isinstance(solana.transmit(swapped), Unknown)
    assert solana_sandbox.requests()["total"] == before


def test_exactly_the_kept_bytes_leave(solana: Solana, solana_sandbox: SandboxService):
    _, step = sent(solana, item())
    asked = [json.loads(one["body"]) for one in solana_sandbox.requests()["requests"]]
    (call,) = [one for one in asked if one["method"] == "sendTransaction"]
    assert base64.b64decode(call["params"][0]) == step.body


def test_amounts_that_a_node_invents_are_told_as_they_are(solana: Solana, solana_sandbox: SandboxService):
    one = item()
    view = paid(solana, one)
    solana_sandbox.fault("wrong_echo", match=only("getTransaction"), times=1)
    told = solana.fetch(view.reference).observations[0]
    assert told.amount != one.amount
    assert told.destination == one.destination["address"]
