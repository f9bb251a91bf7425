"""The methods of a node's JSON-RPC, as Agave answers them (solana.com/docs/rpc, read 2026-11)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from solders.message import MessageV0, from_bytes_versioned
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from sandbox.core import Fault, Request, World
from sandbox.solana import problems, shapes, tokens
from sandbox.solana.bank import Bank, Outcome
from sandbox.solana.chain import DEPTHS, FIRST_HEIGHT, LIFE, Chain, slot_of
from sandbox.solana.faucet import Faucet
from sandbox.solana.history import History, memos_of
from sandbox.solana.params import (
    Params,
    address,
    commitment_of,
    many,
    options_of,
    readable_of,
    text,
    transaction,
    unpacked,
    whole,
)
from sandbox.solana.problems import RpcError

Method = Callable[[Params, Request], Any]
DEVNET: Final = "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG"
_FEES: Final = [{"slot": 0, "prioritizationFee": fee} for fee in (0, 500, 1_000, 1_000, 20_000)]


class Methods:
    """One node's answers."""

    def __init__(self, *, world: World, chain: Chain, bank: Bank, history: History, faucet: Faucet) -> None:
        self._world, self._chain, self._bank = world, chain, bank
        self._history, self._faucet = history, faucet
        self.table: Mapping[str, Method] = {
            "getHealth": lambda _params, _request: "ok",
            "getVersion": lambda _params, _request: {"solana-core": "3.1.0", "feature-set": 1},
            "getGenesisHash": self.genesis_hash,
            "getSlot": lambda params, _request: chain.slot(commitment_of(params, 0)),
            "getBlockHeight": self.block_height,
            "getFirstAvailableBlock": self.first_block,
            "getBlockTime": lambda params, _request: chain.time_of(whole(params, 0)),
            "getLatestBlockhash": self.latest_blockhash,
            "isBlockhashValid": self.is_blockhash_valid,
            "getMinimumBalanceForRentExemption": lambda params, _request: bank.rent_floor(whole(params, 0)),
            "getRecentPrioritizationFees": lambda _params, _request: _FEES,
            "getFeeForMessage": self.fee_for_message,
            "getBalance": self.balance,
            "getAccountInfo": self.account_info,
            "getMultipleAccounts": self.multiple_accounts,
            "getTokenAccountBalance": self.token_balance,
            "getTokenAccountsByOwner": self.token_accounts,
            "requestAirdrop": self.airdrop,
            "simulateTransaction": self.simulate,
            "sendTransaction": self.send,
            "getSignatureStatuses": self.statuses,
            "getSignaturesForAddress": self.signatures_for,
            "getTransaction": self.transaction,
        }

    # Time ----------------------------------------------------------------------------------------------------

    def genesis_hash(self, params: Params, request: Request) -> str:
        """Name the cluster; a fault names another."""
        lie = self._world.faults.take("wrong_cluster", request=request)
        if lie is not None:
            return str(lie.value or DEVNET)
        return self._chain.genesis_hash()

    def block_height(self, params: Params, request: Request) -> int:
        """Give the height, or the slot where a fault wants that lie."""
        commitment = commitment_of(params, 0)
        if self._world.faults.take("height_is_slot", request=request):
            return self._chain.slot(commitment)
        return self._chain.height(commitment)

    def first_block(self, params: Params, request: Request) -> int:
        """Give the first slot that is remembered."""
        first = self._history.first_height
        return 0 if first == FIRST_HEIGHT else slot_of(first)

    def latest_blockhash(self, params: Params, request: Request) -> Any:
        """Give the newest hash, and until which height it is good."""
        height = self._chain.height(commitment_of(params, 0))
        value = {"blockhash": str(self._chain.blockhash(height)), "lastValidBlockHeight": height + LIFE}
        return self._in_context(params, value, place=0)

    def is_blockhash_valid(self, params: Params, request: Request) -> Any:
        """Say whether a hash is good in the newest block."""
        return self._in_context(params, self._chain.is_good(text(params, 0), at=self._chain.height()))

    def fee_for_message(self, params: Params, request: Request) -> Any:
        """Say what a message costs: its signatures, and its units at their price."""
        message = from_bytes_versioned(unpacked(text(params, 0), "base64"))
        nobody = [Signature.default()] * message.header.num_required_signatures
        tx = VersionedTransaction.populate(message, nobody)
        found = self._bank.simulate(tx, is_fresh=True, verifies=False)
        return self._in_context(params, found.fee)

    # Accounts ------------------------------------------------------------------------------------------------

    def balance(self, params: Params, request: Request) -> Any:
        """Say how many lamports an account has."""
        found = self._bank.account(address(text(params, 0)))
        return self._in_context(params, found.lamports if found else 0)

    def account_info(self, params: Params, request: Request) -> Any:
        """Show an account."""
        return self._in_context(params, self._shown(text(params, 0), params))

    def multiple_accounts(self, params: Params, request: Request) -> Any:
        """Show several accounts."""
        return self._in_context(params, [self._shown(one, params) for one in many(params, most=100)])

    def token_balance(self, params: Params, request: Request) -> Any:
        """Show what a token account holds."""
        held = tokens.read(self._bank.account(address(text(params, 0))))
        if held is None:
            raise RpcError(problems.PARAMS, "Invalid param: could not find account")
        return self._in_context(params, shapes.amount(held.units))

    def token_accounts(self, params: Params, request: Request) -> Any:
        """List a wallet's USDC account, if there is one."""
        home = str(tokens.home_of(address(text(params, 0))))
        shown = self._shown(home, params, place=2)
        value = [] if shown is None else [{"pubkey": home, "account": shown}]
        return self._in_context(params, value, place=2)

    def airdrop(self, params: Params, request: Request) -> str:
        """Have the faucet pay."""
        return self._faucet.pay(address(text(params, 0)), "SOL", whole(params, 1))

    # Transactions --------------------------------------------------------------------------------------------

    def simulate(self, params: Params, request: Request) -> Any:
        """Run a transaction without sending it."""
        options = options_of(params, 1)
        verifies, replaces = bool(options.get("sigVerify")), bool(options.get("replaceRecentBlockhash"))
        if verifies and replaces:
            raise RpcError(problems.PARAMS, "sigVerify may not be used with replaceRecentBlockhash")
        outcome = self._tried(transaction(params), request, verifies=verifies, replaces=replaces)
        return self._in_context(params, _simulated(outcome))

    def send(self, params: Params, request: Request) -> str:
        """Take a transaction, unless the preflight refuses it; whether it lands is another matter."""
        tx = transaction(params)
        if not all(tx.verify_with_results()):
            raise RpcError(problems.NO_SIGNATURE, "Transaction signature verification failure")
        if not options_of(params, 1).get("skipPreflight"):
            outcome = self._tried(tx, request, verifies=True)
            if outcome.err is not None:
                message = f"Transaction simulation failed: {_sentence(outcome.err)}"
                raise RpcError(problems.PREFLIGHT, message, _simulated(outcome))
        if not self._fault("drop_transaction", tx, request):
            late = self._fault("land_late", tx, request)
            self._history.take(tx, late=int(late.value or 20) if late else 0)
        return str(tx.signatures[0])

    def _tried(
        self, tx: VersionedTransaction, request: Request, *, verifies: bool, replaces: bool = False
    ) -> Outcome:
        if self._history.is_known(tx):
            return Outcome(err="AlreadyProcessed")
        if self._fault("blockhash_unknown", tx, request):
            return Outcome(err="BlockhashNotFound")
        for kind, code in (("insufficient_funds", 1), ("refuse", 17)):
            if self._fault(kind, tx, request):
                return Outcome(err={"InstructionError": [len(tx.message.instructions) - 1, {"Custom": code}]})
        is_fresh = replaces or self._history.is_fresh(tx, at=self._chain.height())
        return self._bank.simulate(tx, is_fresh=is_fresh, verifies=verifies)

    def _fault(self, kind: str, tx: VersionedTransaction, request: Request) -> Fault | None:
        return self._world.faults.take(kind, references=names_of(tx), request=request)

    def statuses(self, params: Params, request: Request) -> Any:
        """Say where transactions stand."""
        searches = bool(options_of(params, 1).get("searchTransactionHistory"))
        value = [self._history.status_of(one, searches=searches) for one in many(params, most=256)]
        return {"context": self._context("processed"), "value": value}

    def signatures_for(self, params: Params, request: Request) -> list[dict[str, Any]]:
        """List what an address took part in, newest first."""
        options, commitment = options_of(params, 1), readable_of(params, 1)
        found: list[dict[str, Any]] = []
        is_below = options.get("before") is None
        for one in self._history.about(address(text(params, 0)), commitment=commitment):
            if one.signature == options.get("until"):
                break
            if is_below:
                found.append(shapes.listed(one, depth=self._history.depth_of(one)))
            is_below = is_below or one.signature == options.get("before")
        return found[: min(int(options.get("limit") or 1000), 1000)]

    def transaction(self, params: Params, request: Request) -> Any:
        """Show a transaction that stands deep enough."""
        options, depth = options_of(params, 1), DEPTHS[readable_of(params, 1)]
        landed = self._history.find(text(params, 0))
        if landed is None or self._history.depth_of(landed) < depth:
            return None
        if isinstance(landed.tx.message, MessageV0) and options.get("maxSupportedTransactionVersion") is None:
            raise RpcError(
                problems.VERSION,
                "Transaction version (0) is not supported by the requesting client. Please try the request again "
                'with the following configuration parameter: "maxSupportedTransactionVersion": 0',
            )
        return shapes.transaction(landed, encoding=str(options.get("encoding", "json")))

    # Parts ---------------------------------------------------------------------------------------------------

    def _shown(self, said: str, params: Params, *, place: int = 1) -> Any:
        found = self._bank.account(address(said))
        return shapes.account(found, encoding=str(options_of(params, place).get("encoding", "base64")))

    def _context(self, commitment: str) -> dict[str, Any]:
        return {"slot": self._chain.slot(commitment), "apiVersion": "3.1.0"}

    def _in_context(self, params: Params, value: Any, *, place: int = 1) -> dict[str, Any]:
        context = self._context(commitment_of(params, place))
        wanted = options_of(params, place).get("minContextSlot")
        if isinstance(wanted, int) and wanted > context["slot"]:
            raise RpcError(problems.MIN_SLOT, data={"contextSlot": context["slot"]})
        return {"context": context, "value": value}


def names_of(tx: VersionedTransaction) -> set[str]:
    """Give what a fault may call a transaction by: its signature, its accounts, and each word of its memos."""
    words = [word for memo in memos_of(tx) for word in memo.decode("utf-8", "replace").split()]
    return {str(tx.signatures[0]), *(str(key) for key in tx.message.account_keys), *words}


def _simulated(outcome: Outcome) -> dict[str, Any]:
    return {
        "err": outcome.err,
        "logs": outcome.logs,
        "accounts": None,
        "unitsConsumed": outcome.units,
        "returnData": None,
        "innerInstructions": None,
        "replacementBlockhash": None,
    }


def _sentence(err: Any) -> str:
    said = {
        "BlockhashNotFound": "Blockhash not found",
        "AlreadyProcessed": "This transaction has already been processed",
        "AccountNotFound": "Attempt to debit an account but found no record of a prior credit.",
    }
    if isinstance(err, str):
        return said.get(err, err)
    if isinstance(err, dict) and "InstructionError" in err:
        place, inner = err["InstructionError"]
        what = f"custom program error: {inner['Custom']:#x}" if isinstance(inner, dict) else str(inner)
        return f"Error processing Instruction {place}: {what}"
    return str(err)
