"""Before anything is signed: recipients, funds, fees, limits and the cluster; and what it costs in the end."""

from __future__ import annotations

import base64
import json

import pytest

from payouts.providers.base import (
    Accepted,
    BadItem,
    Deferred,
    DestinationError,
    ProviderUnavailable,
    RefusalClass,
    Refused,
    Status,
    Step,
)
from payouts.providers.offering import Receiver
from payouts.providers.solana import codes, messages, recipients
from payouts.providers.solana.node import Account
from payouts.providers.solana.provider import Solana
from tests.providers.contract import progress_of
from tests.providers.solana_world import (
    MINT,
    RENT_OF_A_TOKEN_ACCOUNT,
    blocks,
    final,
    home,
    item,
    made,
    only,
    paid,
    rpc,
    sent,
    wallet,
)
from tests.sandbox_services import SandboxService

SYSTEM = "11111111111111111111111111111111"
SOMEBODY = Receiver("payee-1")


def first(provider: Solana, one: object) -> Step:
    step = provider.next_step(progress_of(one))  # type: ignore[arg-type]
    assert isinstance(step, Step)
    return step


def refused(provider: Solana, one: object) -> Refused:
    outcome = provider.transmit(first(provider, one))
    assert isinstance(outcome, Refused), outcome
    return outcome


def lay(service: SandboxService, address: object, *, owner: str, data: bytes):
    account = {
        "address": str(address),
        "lamports": 5_000_000,
        "owner": owner,
        "data": base64.b64encode(data).decode(),
    }
    service.post("/_sandbox/account", account)


def test_opening_the_payees_account_is_a_cost_of_the_first_payment_only(
    solana: Solana, solana_sandbox: SandboxService
):
    (first_time,) = paid(solana, item()).observations
    (second_time,) = paid(solana, item()).observations
    assert first_time.fee is not None
    assert second_time.fee is not None
    assert first_time.fee.currency == second_time.fee.currency == "SOL"
    # Opening it also takes a little more computing.
    rent = first_time.fee.units - second_time.fee.units
    assert RENT_OF_A_TOKEN_ACCOUNT <= rent < RENT_OF_A_TOKEN_ACCOUNT + 100
    assert 5_000 <= second_time.fee.units < 10_000
    fees = [int(entry["units"]) for entry in solana_sandbox.ledger() if entry["kind"] == "fee"]
    assert fees == [first_time.fee.units, second_time.fee.units]


def test_pays_sol(solana: Solana, solana_sandbox: SandboxService):
    one = item(units=25_000_000, currency="SOL")
    (seen,) = paid(solana, one).observations
    assert seen.amount == one.amount
    assert seen.fee is not None
    assert seen.fee.units < 10_000
    assert rpc(solana_sandbox, "getBalance", str(wallet("anna")))["result"]["value"] == 25_000_000


def test_the_smallest_unit_arrives(solana: Solana, solana_sandbox: SandboxService):
    paid(solana, item(units=1))
    held = rpc(solana_sandbox, "getTokenAccountBalance", str(home("anna")))["result"]["value"]
    assert (held["amount"], held["decimals"]) == ("1", 6)


def test_the_chain_carries_our_number_and_key(solana: Solana, solana_sandbox: SandboxService):
    one = item()
    paid(solana, one)
    own = solana_sandbox.credentials["wallet"]
    (listed,) = rpc(solana_sandbox, "getSignaturesForAddress", own)["result"]
    assert listed["memo"].endswith(f"PO-1 {one.key}")


def test_too_little_sol_to_open_an_account_is_final(solana: Solana):
    answer = refused(solana, item(units=890_879, currency="SOL"))
    assert (answer.code, answer.refusal) == (codes.TOO_LITTLE, RefusalClass.FINAL)
    assert answer.key_is_spent


@pytest.mark.parametrize(
    ("currency", "left", "code"),
    [("USDC@solana", 1_233_999, codes.NO_USDC), ("SOL", 2_000_000, codes.NO_SOL), ("SOL", 0, codes.NO_SOL)],
)
def test_a_shortage_is_ours_and_the_same_try_may_go_later(
    solana: Solana, solana_sandbox: SandboxService, currency: str, left: int, code: str
):
    step = first(solana, item())
    solana_sandbox.post("/_sandbox/funds", {"currency": currency, "units": left})
    answer = solana.transmit(step)
    assert isinstance(answer, Refused)
    assert (answer.code, answer.refusal, answer.key_is_spent) == (code, RefusalClass.OURS, False)
    solana_sandbox.post("/_sandbox/funds", {"currency": currency, "units": 50_000_000_000})
    assert isinstance(solana.transmit(step), Accepted)


def test_sol_is_paid_down_to_the_reserve_and_no_further(solana: Solana, solana_sandbox: SandboxService):
    solana_sandbox.post("/_sandbox/funds", {"currency": "SOL", "units": 1_000_000_000})
    assert refused(solana, item(units=960_000_000, currency="SOL")).code == codes.NO_SOL
    assert isinstance(solana.transmit(first(solana, item(units=940_000_000, currency="SOL"))), Accepted)
    assert {b.available.currency: b.available.units for b in solana.balances()}["SOL"] == 950_000_000


def test_a_frozen_account_is_the_payees_to_mend(solana: Solana, solana_sandbox: SandboxService):
    solana_sandbox.post("/_sandbox/freeze", {"address": str(wallet("anna"))})
    answer = refused(solana, item())
    assert (answer.code, answer.refusal) == (codes.FROZEN, RefusalClass.PAYEE)


def test_our_own_frozen_account_is_ours(solana: Solana, solana_sandbox: SandboxService):
    solana_sandbox.post("/_sandbox/freeze", {"address": solana_sandbox.credentials["wallet"]})
    answer = refused(solana, item())
    assert (answer.code, answer.refusal, answer.key_is_spent) == (
        codes.OUR_ACCOUNT_FROZEN,
        RefusalClass.OURS,
        False,
    )


def test_what_fails_in_a_block_costs_its_fee_and_is_told(solana: Solana, solana_sandbox: SandboxService):
    one = item()
    solana_sandbox.fault("land_late", times=1, value=30)
    _, step = sent(solana, one)
    solana_sandbox.post("/_sandbox/freeze", {"address": str(wallet("anna"))})
    blocks(solana_sandbox, 40)
    (seen,) = final(solana, step).observations
    assert (seen.status, seen.amount, seen.item_key) == (Status.FAILED, one.amount, one.key)
    assert seen.refusal is not None
    assert (seen.refusal.code, seen.refusal.refusal) == (codes.FROZEN, RefusalClass.PAYEE)
    assert seen.fee is not None
    assert [(entry["kind"], int(entry["units"])) for entry in solana_sandbox.ledger()] == [
        ("fee", seen.fee.units)
    ]


@pytest.mark.parametrize(
    ("owner", "data"),
    [
        (str(messages.TOKEN), b"\0" * 165),
        (str(messages.TOKEN_2022), b"\0" * 170),
        (str(messages.TOKEN), b"\0" * 82),
        ("SQDS4ep65T869zMMBKyuUq6aD6EgTu8psMjkvj52pCf", b"\1" * 40),
        (SYSTEM, b"\1" * 80),
    ],
    ids=["token account", "Token-2022 account", "mint", "multisig", "nonce"],
)
@pytest.mark.parametrize("currency", ["USDC@solana", "SOL"])
def test_what_is_no_wallet_is_refused_at_entry_and_again_before_paying(
    solana: Solana, solana_sandbox: SandboxService, owner: str, data: bytes, currency: str
):
    values = {"address": str(wallet("anna"))}
    assert solana.offering.destination(SOMEBODY, values) == values
    lay(solana_sandbox, wallet("anna"), owner=owner, data=data)
    with pytest.raises(DestinationError) as caught:
        solana.offering.destination(SOMEBODY, values)
    assert caught.value.field == "address"
    answer = refused(solana, item(units=50_000_000, currency=currency))
    assert (answer.code, answer.refusal) == (codes.NOT_A_WALLET, RefusalClass.PAYEE)
    assert not solana_sandbox.ledger()


def test_a_program_is_no_wallet():
    program = Account(1, "BPFLoader2111111111111111111111111111111111", b"", executable=True)
    assert "program" in recipients.why_not(program)


def test_an_account_that_was_given_away_is_refused(solana: Solana, solana_sandbox: SandboxService):
    stranger = bytes(MINT) + bytes(wallet("mallory")) + b"\0" * 44 + b"\1" + b"\0" * 56
    lay(solana_sandbox, home("anna"), owner=str(messages.TOKEN), data=stranger)
    with pytest.raises(DestinationError, match="given away"):
        solana.offering.destination(SOMEBODY, {"address": str(wallet("anna"))})
    assert refused(solana, item()).code == codes.NOT_A_WALLET


def test_our_own_wallet_is_paid_by_nobody(solana: Solana, solana_sandbox: SandboxService):
    own = {"address": solana_sandbox.credentials["wallet"]}
    for read in (solana.read_destination, lambda given: solana.offering.destination(SOMEBODY, given)):
        with pytest.raises(DestinationError, match="our own"):
            read(own)


def test_a_highest_fee_that_is_too_low_is_ours_to_mend(solana_sandbox: SandboxService):
    provider = made(solana_sandbox, SOLANA_MAX_FEE="0.000004")
    answer = refused(provider, item())
    assert (answer.code, answer.refusal, answer.key_is_spent) == (
        codes.FEE_TOO_HIGH,
        RefusalClass.OURS,
        False,
    )


def test_the_price_of_computing_is_no_more_than_the_highest_fee_leaves(solana_sandbox: SandboxService):
    provider = made(solana_sandbox, SOLANA_MAX_FEE="0.002044285")
    (seen,) = paid(provider, item()).observations
    assert seen.fee is not None
    assert seen.fee.units <= 2_044_285


def test_an_amount_above_the_limit_is_never_signed(solana_sandbox: SandboxService):
    provider = made(solana_sandbox, SOLANA_PAYOUT_LIMIT="1.5 USDC@solana")
    assert provider.capabilities.caps == {"USDC@solana": 1_500_000}
    with pytest.raises(BadItem, match="SOLANA_PAYOUT_LIMIT"):
        provider.next_step(progress_of(item(units=1_500_001)))


def test_a_node_of_another_cluster_is_never_paid_through(solana: Solana, solana_sandbox: SandboxService):
    solana_sandbox.fault("wrong_cluster")
    answer = solana.transmit(first(solana, item()))
    assert isinstance(answer, Deferred)
    assert answer.ours
    assert "SOLANA_NETWORK" in answer.reason
    for read in (
        solana.balances,
        lambda: solana.offering.destination(SOMEBODY, {"address": str(wallet("a"))}),
    ):
        with pytest.raises(ProviderUnavailable):
            read()
    report = solana.check()
    assert not report.ok
    assert any("SOLANA_NETWORK" in sentence for sentence in report.missing)


def test_the_witness_must_be_of_the_cluster_too(solana_sandbox: SandboxService):
    provider = made(solana_sandbox, SOLANA_WITNESS_RPC_URL=f"{solana_sandbox.url}/witness")
    solana_sandbox.fault("wrong_cluster", match={"path": "/witness"})
    assert isinstance(provider.transmit(first(provider, item())), Deferred)


@pytest.mark.parametrize("kind", ["drop_after", "html_body", "truncated_body", "error_after", "rate_limit"])
@pytest.mark.parametrize("method", ["getMultipleAccounts", "getLatestBlockhash", "simulateTransaction"])
def test_a_preparation_that_was_not_heard_is_made_again(
    solana: Solana, solana_sandbox: SandboxService, kind: str, method: str
):
    step = first(solana, item())
    solana_sandbox.fault(kind, match=only(method), times=1)
    assert isinstance(solana.transmit(step), Deferred)
    assert isinstance(solana.transmit(step), Accepted)
    assert not solana_sandbox.ledger()


@pytest.mark.parametrize(
    ("kind", "code", "refusal"),
    [("refuse", codes.FROZEN, RefusalClass.PAYEE), ("insufficient_funds", "token.0x1", RefusalClass.OURS)],
)
def test_the_simulation_refuses_with_the_programs_word(
    solana: Solana, solana_sandbox: SandboxService, kind: str, code: str, refusal: RefusalClass
):
    solana_sandbox.fault(kind, match=only("simulateTransaction"), times=1)
    answer = refused(solana, item())
    assert (answer.code, answer.refusal) == (code, refusal)


def test_nothing_is_signed_by_the_word_of_a_node_that_lies_about_heights(
    solana: Solana, solana_sandbox: SandboxService
):
    solana_sandbox.fault("height_is_slot")
    answer = solana.transmit(first(solana, item()))
    assert isinstance(answer, Deferred)
    assert "cannot be so" in answer.reason


def test_the_preparation_says_nothing_of_the_payee_in_its_facts(solana: Solana):
    answer = solana.transmit(first(solana, item()))
    assert isinstance(answer, Accepted)
    assert str(wallet("anna")) not in json.dumps(dict(answer.facts))


def test_the_offer(solana: Solana):
    assert solana.offering.refusal(Receiver("p", currencies=["EUR"]))
    assert not solana.offering.refusal(Receiver("p", currencies=["EUR", "USDC@solana"]))
    terms = solana.offering.terms(SOMEBODY, currency="USDC@solana", amount=item().amount)
    assert (terms.amount, terms.fee) == (item().amount, item().amount - item().amount)
    assert solana.offering.terms(SOMEBODY, currency="EUR", amount=None).fee is None
    form = solana.offering.requirements(SOMEBODY, {"address": "x"})
    assert [field.name for field in form.fields] == ["address"]
