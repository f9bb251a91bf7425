"""Calls to a Solana node in its own words (solana.com/docs/rpc, read 2026-11). Nothing is ever sent twice here."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from marketplace_payouts.lib.http import Answer, AnswerUnreadable, HttpClient, HttpError
from marketplace_payouts.lib.http.bodies import json_body
from payouts.providers.base import ProviderUnavailable

FINALIZED: Final = "finalized"
CONFIRMED: Final = "confirmed"
_PAGE: Final = 1000


class NodeRefused(ProviderUnavailable):
    """The node answered, with an error of its own."""

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(f"The node refused ({code}): {message[:300]}")
        self.code, self.data = code, data


@dataclass(frozen=True, slots=True)
class Blockhash:
    """A blockhash, the slot at which it was given, and the last height at which it is good."""

    blockhash: str
    slot: int
    last_height: int


@dataclass(frozen=True, slots=True)
class Account:
    """What lies at an address."""

    lamports: int
    owner: str
    data: bytes
    executable: bool


@dataclass(frozen=True, slots=True)
class Status:
    """Where a transaction stands, as of a slot; `commitment` is empty where the node does not know it."""

    as_of_slot: int
    commitment: str = ""
    err: object = None


@dataclass(frozen=True, slots=True)
class Listed:
    """One transaction of an address, as the list has it."""

    signature: str
    slot: int
    memo: str
    at: int


@dataclass(frozen=True, slots=True)
class Held:
    """What one account of a transaction held, before and after."""

    mint: str
    owner: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Landed:
    """A transaction in a block: its bytes, and what the block did."""

    raw: bytes
    slot: int
    at: int | None
    err: object
    fee: int
    before: Sequence[int]
    after: Sequence[int]
    held: Mapping[int, Held]
    """Place of the account → what it held of a token."""
    loaded: Sequence[str] = ()
    """Accounts that come after those of the message, out of tables of addresses."""


class Node:
    """One node."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http
        self._calls = itertools.count(1)

    def post(self, method: str, params: Sequence[object]) -> Answer:
        """This will make one call and give the answer of whatever status.

        :raises NotSent: when nothing reached the node.
        :raises MaybeReceived: when it may have acted.
        """
        body = {"jsonrpc": "2.0", "id": next(self._calls), "method": method, "params": list(params)}
        return self._http.request("POST", "", body=json_body(body), content_type="application/json")

    def ask(self, method: str, *params: object) -> Any:
        """This will ask a question and give its result.

        :raises NodeRefused: when the node answers with an error of its own.
        :raises ProviderUnavailable: when there is no answer that can be read.
        """
        try:
            answer = self.post(method, params)
            value = answer.json()
        except AnswerUnreadable as error:
            raise ProviderUnavailable(f"The node's answer to {method} cannot be read.") from error
        except HttpError as error:
            raise ProviderUnavailable(f"The node could not be asked: {error}") from error
        if isinstance(value, dict) and isinstance(value.get("error"), dict):
            raise NodeRefused(*read_error(value["error"]))
        if not answer.ok or not isinstance(value, dict) or "result" not in value:
            raise ProviderUnavailable(f"The node answered {answer.status} to {method}, without a result.")
        return value["result"]

    # Time ----------------------------------------------------------------------------------------------------

    def genesis_hash(self) -> str:
        """This will name the node's cluster."""
        return str(self.ask("getGenesisHash"))

    def height(self, commitment: str = FINALIZED) -> int:
        """This will give the block height."""
        return _whole(self.ask("getBlockHeight", {"commitment": commitment}))

    def slot(self, commitment: str = FINALIZED) -> int:
        """This will give the slot."""
        return _whole(self.ask("getSlot", {"commitment": commitment}))

    def first_slot(self) -> int:
        """This will give the first slot that the node remembers."""
        return _whole(self.ask("getFirstAvailableBlock"))

    def time_of(self, slot: int) -> int | None:
        """This will give the time of a slot, where the node knows it."""
        at = self.ask("getBlockTime", slot)
        return None if at is None else _whole(at)

    def blockhash(self) -> Blockhash:
        """This will give a blockhash. Of a confirmed block: a final one would be good for 32 blocks less."""
        result = self.ask("getLatestBlockhash", {"commitment": CONFIRMED})
        value = _part(result, "value")
        return Blockhash(
            blockhash=str(value.get("blockhash")),
            slot=_whole(_part(result, "context").get("slot")),
            last_height=_whole(value.get("lastValidBlockHeight")),
        )

    # Accounts ------------------------------------------------------------------------------------------------

    def accounts(self, *addresses: str) -> list[Account | None]:
        """This will give what lies at addresses, all as of one moment."""
        options = {"encoding": "base64", "commitment": CONFIRMED}
        value = self.ask("getMultipleAccounts", list(addresses), options)
        found = value.get("value") if isinstance(value, dict) else None
        if not isinstance(found, list) or len(found) != len(addresses):
            raise ProviderUnavailable("The node's list of accounts cannot be read.")
        return [_account(one) for one in found]

    def rent_floor(self, size: int) -> int:
        """This will give the lamports that an account of so many bytes must hold."""
        return _whole(self.ask("getMinimumBalanceForRentExemption", size))

    def recent_prices(self, *addresses: str) -> list[int]:
        """This will give what others paid lately for a unit, in millionths of a lamport, to write these accounts."""
        found = self.ask("getRecentPrioritizationFees", list(addresses))
        if not isinstance(found, list):
            raise ProviderUnavailable("The node's list of fees cannot be read.")
        return sorted(_whole(_object(one).get("prioritizationFee")) for one in found)

    # Transactions --------------------------------------------------------------------------------------------

    def simulate(self, raw: bytes) -> Mapping[str, Any]:
        """This will run a transaction that nobody has signed, without sending it."""
        options = {"encoding": "base64", "sigVerify": False, "commitment": CONFIRMED}
        return _part(self.ask("simulateTransaction", base64.b64encode(raw).decode(), options), "value")

    def status(self, signature: str) -> Status:
        """This will say where a transaction stands, looking through all of the node's history."""
        result = self.ask("getSignatureStatuses", [signature], {"searchTransactionHistory": True})
        slot = _whole(_part(result, "context").get("slot"))
        value = result.get("value")
        if not isinstance(value, list) or len(value) != 1:
            raise ProviderUnavailable("The node's list of statuses cannot be read.")
        if value[0] is None:
            return Status(slot)
        one = _object(value[0])
        commitment = one.get("confirmationStatus")
        # Nodes that do not name it say so by counting no confirmations any more.
        final = FINALIZED if one.get("confirmations", 0) is None else "processed"
        return Status(slot, str(commitment or final), one.get("err"))

    def transaction(self, signature: str, *, commitment: str = FINALIZED) -> Landed | None:
        """This will give a transaction that stands at least so deep, or None where the node has none."""
        options = {"encoding": "base64", "commitment": commitment, "maxSupportedTransactionVersion": 0}
        found = self.ask("getTransaction", signature, options)
        return None if found is None else _landed(_object(found))

    def list(self, address: str, *, commitment: str = FINALIZED) -> Iterator[Listed]:
        """This will list what an address took part in, newest first, page by page."""
        before: str | None = None
        while True:
            options: dict[str, object] = {"limit": _PAGE, "commitment": commitment}
            if before is not None:
                options["before"] = before
            page = self.ask("getSignaturesForAddress", address, options)
            if not isinstance(page, list):
                raise ProviderUnavailable("The node's list of transactions cannot be read.")
            yield from (_listed(_object(one)) for one in page)
            if len(page) < _PAGE:
                return
            before = str(page[-1]["signature"])


def read_error(error: Mapping[str, Any]) -> tuple[int, str, object]:
    """This will take a node's error apart: code, message, data."""
    code = error.get("code")
    return code if isinstance(code, int) else 0, str(error.get("message", "")), error.get("data")


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ProviderUnavailable("The node gave something else than a whole number.")
    return value


def _object(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ProviderUnavailable("The node gave something else than an object.")
    return value


def _part(value: object, name: str) -> Mapping[str, Any]:
    return _object(_object(value).get(name))


def _bytes(value: object) -> bytes:
    if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and value[1] == "base64":
        try:
            return base64.b64decode(value[0], validate=True)
        except ValueError:
            pass
    raise ProviderUnavailable("The node gave bytes that cannot be read.")


def _account(value: object) -> Account | None:
    if value is None:
        return None
    one = _object(value)
    return Account(
        lamports=_whole(one.get("lamports")),
        owner=str(one.get("owner")),
        data=_bytes(one.get("data")),
        executable=one.get("executable") is True,
    )


def _listed(one: Mapping[str, Any]) -> Listed:
    return Listed(
        signature=str(one.get("signature")),
        slot=_whole(one.get("slot")),
        memo=str(one.get("memo") or ""),
        at=_whole(one.get("blockTime") or 0),
    )


def _landed(one: Mapping[str, Any]) -> Landed:
    meta = _part(one, "meta")
    before, after = ([_whole(n) for n in _list(meta.get(f"{when}Balances"))] for when in ("pre", "post"))
    held = _held(meta)
    if len(before) != len(after) or max(held, default=0) >= max(len(before), 1):
        raise ProviderUnavailable("The node's balances do not belong together.")
    return Landed(
        raw=_bytes(one.get("transaction")),
        slot=_whole(one.get("slot")),
        at=None if one.get("blockTime") is None else _whole(one["blockTime"]),
        err=meta.get("err"),
        fee=_whole(meta.get("fee")),
        before=before,
        after=after,
        held=held,
        loaded=_loaded(meta.get("loadedAddresses")),
    )


def _loaded(value: object) -> list[str]:
    if value is None:
        return []
    tables = _object(value)
    return [str(one) for name in ("writable", "readonly") for one in _list(tables.get(name) or [])]


def _held(meta: Mapping[str, Any]) -> dict[int, Held]:
    found: dict[int, Held] = {}
    for name in ("preTokenBalances", "postTokenBalances"):
        for value in _list(meta.get(name)):
            one = _object(value)
            place = _whole(one.get("accountIndex"))
            amount = str(_part(one, "uiTokenAmount").get("amount"))
            if not (amount.isascii() and amount.isdecimal()):
                raise ProviderUnavailable("The node's balances of tokens cannot be read.")
            known = found.get(place)
            before = int(amount) if name.startswith("pre") else known.before if known else 0
            after = int(amount) if name.startswith("post") else 0
            found[place] = Held(str(one.get("mint")), str(one.get("owner")), before, after)
    return found


def _list(value: object) -> Sequence[Any]:
    if not isinstance(value, list):
        raise ProviderUnavailable("The node gave something else than a list.")
    return value
