"""Solana put together: JSON-RPC at the door, our wallet, and what steering may do."""

from __future__ import annotations

import atexit
import base64
import binascii
import json
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar, Final

from solders.account import Account
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from sandbox.core import BadRequest, Request, Response, Route, Service, World
from sandbox.core.steering import fields_of
from sandbox.solana import history as past
from sandbox.solana import problems, tokens
from sandbox.solana.bank import Bank
from sandbox.solana.chain import Chain
from sandbox.solana.faucet import Faucet
from sandbox.solana.history import History
from sandbox.solana.methods import Methods
from sandbox.solana.problems import RpcError
from sandbox.solana.truth import Truth

START_LAMPORTS: Final = 100 * 10**9
START_USDC: Final = 1_000_000 * 10**6
_WEBHOOKS: Final = (
    "webhook_lose webhook_double webhook_replay webhook_reorder webhook_forge webhook_early webhook_late"
)


class Solana(Service):
    """One chain, seen through its nodes, and one wallet of ours on it."""

    name, port = "solana", 8806
    kinds: ClassVar = {
        "drop_transaction": "sendTransaction names the signature, and the transaction never reaches a block.",
        "land_late": "The transaction lands `value` blocks (else 20) later.",
        "blockhash_unknown": "The node lags: it does not know the transaction's blockhash yet.",
        "height_is_slot": "getBlockHeight answers the slot, which is far ahead.",
        "wrong_cluster": "getGenesisHash names another cluster: `value`, else devnet.",
        "rpc_error": "The JSON-RPC error `value` (else -32005) without the work done.",
    }
    # Nothing calls us from a chain, and what arrived does not come back.
    unsupported = frozenset({*_WEBHOOKS.split(), "return"})

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.key = Keypair.from_base58_string(world.credential("key", lambda: _new_key(world)))
        self.chain = Chain(world, block_s=int(os.environ.get("SANDBOX_SOLANA_BLOCK_MS", "100")) / 1000)
        self._set_up()
        self._is_restored = False

    def _set_up(self) -> None:
        world, chain = self.world, self.chain
        self.bank = Bank()
        truth = Truth(world=world, wallet=self.wallet)
        self.history = History(world=world, chain=chain, bank=self.bank, truth=truth)
        self.faucet = Faucet(chain=chain, bank=self.bank, history=self.history)
        self.methods = Methods(
            world=world, chain=chain, bank=self.bank, history=self.history, faucet=self.faucet
        )
        self.faucet.fill()
        self.bank.put(tokens.USDC, tokens.mint_account())
        self.bank.put(self.wallet, tokens.plain(START_LAMPORTS))
        self.bank.put(tokens.home_of(self.wallet), _holding(self.wallet, START_USDC))

    @property
    def wallet(self) -> Pubkey:
        """Give our address."""
        return self.key.pubkey()

    def credentials(self) -> dict[str, str]:
        """Give what the product's settings need; the key is in a file, as a production would have it."""
        path = _write_key(self.key, self.world.journal.beside("key.json"))
        return {"signer": f"file:{path}", "wallet": str(self.wallet), "network": "sandbox"}

    def routes(self) -> Iterable[Route]:
        """Give the nodes' doors."""
        return [Route("POST", "/", self._answer), Route("POST", "/witness", self._answer)]

    # JSON-RPC ------------------------------------------------------------------------------------------------

    def _answer(self, request: Request) -> Response:
        self.history.catch_up()
        try:
            asked = json.loads(request.body)
        except ValueError:
            return Response.of(_failed(None, RpcError(problems.PARSE, "Parse error")))
        if isinstance(asked, list):
            return Response.of([self._one(one, request) for one in asked])
        return Response.of(self._one(asked, request))

    def _one(self, asked: Any, request: Request) -> dict[str, Any]:
        if not isinstance(asked, dict) or asked.get("jsonrpc") != "2.0":
            return _failed(None, RpcError(problems.REQUEST, "Invalid request"))
        name, params = asked.get("method"), asked.get("params", [])
        try:
            if (fault := self.world.faults.take("rpc_error", request=request)) is not None:
                raise RpcError(int(fault.value or problems.UNHEALTHY))
            method = self.methods.table.get(str(name))
            if method is None:
                raise RpcError(problems.METHOD, "Method not found")
            if not isinstance(params, list):
                raise RpcError(problems.PARAMS, "`params` should be an array")
            result = method(params, request)
        except RpcError as error:
            return _failed(asked.get("id"), error)
        return {"jsonrpc": "2.0", "result": result, "id": asked.get("id")}

    def error(self, request: Request, *, status: int, why: str) -> Response:
        """Give an error as the providers of nodes do."""
        return Response.of(_failed(None, RpcError(problems.INTERNAL, why)), status=status)

    def rate_limited(self, request: Request, *, seconds: float) -> Response:
        """Give the 429 of the providers of nodes."""
        headers = {"Retry-After": str(max(1, round(seconds)))}
        return Response.of(_failed(None, RpcError(429)), status=429, headers=headers)

    def falsify(self, request: Request, response: Response) -> Response:
        """Tell another signature, or other amounts, than the true ones."""
        body = json.loads(response.body)
        if isinstance(body.get("result"), str):
            body["result"] = body["result"][::-1]
        else:
            _lie(body.get("result"))
        return Response.of(body, status=response.status)

    # Steering ------------------------------------------------------------------------------------------------

    def steering(self) -> Iterable[Route]:
        """Give Solana's own steering."""
        doors: tuple[tuple[str, Callable[[Request], Response]], ...] = (
            ("blocks", self._pass_blocks),
            ("rollback", self._roll_back),
            ("freeze", self._freeze),
            ("account", self._write_account),
            ("airdrop", self._airdrop),
            ("prune", self._prune),
        )
        return [Route("POST", f"/_sandbox/{name}", handler) for name, handler in doors]

    def _pass_blocks(self, request: Request) -> Response:
        (count,) = fields_of(request, count=int)
        if not 0 < count <= 10**6:
            raise BadRequest("`count` must be from 1 to a million")
        self.chain.pass_blocks(count)
        self.history.catch_up()
        return Response.of({"height": self.chain.height(), "slot": self.chain.slot()})

    def _roll_back(self, request: Request) -> Response:
        (signature,) = fields_of(request, signature=str)
        self.history.catch_up()
        if not self.history.roll_back(signature):
            raise BadRequest(f"{signature} stands in no block that is not final")
        return Response(204)

    def _freeze(self, request: Request) -> Response:
        (said,) = fields_of(request, address=str)
        home = tokens.home_of(_address(said))
        held = tokens.read(self.bank.account(home)) or tokens.Tokens(tokens.USDC, _address(said), 0, 0)
        self._put(home, tokens.account_of(held._replace(state=tokens.FROZEN)))
        return Response.of({"account": str(home)})

    def _write_account(self, request: Request) -> Response:
        said, lamports, owner, data = fields_of(request, address=str, lamports=int, owner=str, data=str)
        try:
            raw = base64.b64decode(data, validate=True)
        except binascii.Error:
            raise BadRequest("`data` must be base64") from None
        self._put(_address(said), tokens.plain(lamports, raw, _address(owner)))
        return Response(204)

    def _airdrop(self, request: Request) -> Response:
        said, currency, units = fields_of(request, address=str, currency=str, units=int)
        return Response.of({"signature": self.faucet.pay(_address(said), currency, units)})

    def _prune(self, request: Request) -> Response:
        self.history.prune()
        return Response(204)

    def set_funds(self, *, currency: str, units: int) -> None:
        """Set what our wallet holds."""
        if currency == "SOL":
            self._put(self.wallet, tokens.plain(units))
        elif currency == "USDC@solana":
            self._put(tokens.home_of(self.wallet), _holding(self.wallet, units))
        else:
            raise BadRequest(f"Unknown currency {currency!r}; known: SOL, USDC@solana")

    def _put(self, address: Pubkey, account: Account) -> None:
        self.bank.put(address, account)
        self.world.journal.write("account", [str(address), past.written(account)])

    # What the core asks --------------------------------------------------------------------------------------

    def restore(self, kind: str, fact: Any) -> None:
        """Take back one fact."""
        if kind == "chain":
            self.chain.restore(fact)
            self._is_restored = True
        elif kind == "account":
            address, written = fact
            account = past.read_back(written)
            self.bank.put(Pubkey.from_string(address), account)
        else:
            self.history.restore(kind, fact)

    def start(self) -> None:
        """Go on where the state file ended."""
        if not self._is_restored:
            self.chain.begin()
        self.history.resume()

    def reset(self) -> None:
        """Begin a new chain, with the same key."""
        self._is_restored = False
        self.chain.begin()
        self._set_up()

    def aliases(self, request: Request) -> Iterable[str]:
        """Give the words of the memo of the transaction that a call names."""
        for signature, landed in self.history.landed.items():
            if signature.encode() in request.body:
                yield from (
                    word.decode("utf-8", "replace") for memo in landed.memos() for word in memo.split()
                )


def _failed(call: Any, error: RpcError) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "error": error.shown(), "id": call}


def _address(said: str) -> Pubkey:
    try:
        return Pubkey.from_string(said)
    except ValueError:
        raise BadRequest(f"{said!r} is no address") from None


def _holding(owner: Pubkey, units: int) -> Account:
    return tokens.account_of(tokens.Tokens(tokens.USDC, owner, units, tokens.INITIALIZED))


def _lie(value: Any) -> None:
    """Put a digit before every amount of a token, and a lamport onto every balance."""
    if isinstance(value, list):
        for one in value:
            _lie(one)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name == "amount":
                value[name] = f"1{inner}"
            elif name in ("postBalances", "lamports"):
                value[name] = [one + 1 for one in inner] if isinstance(inner, list) else inner + 1
            else:
                _lie(inner)


def _new_key(world: World) -> str:
    return str(Keypair.from_seed(bytes.fromhex(world.token(32))))


def _write_key(key: Keypair, lasting: Path | None) -> Path:
    """Put the key into the given file, else into a temporary one that goes with the process."""
    if lasting is not None:
        lasting.touch(mode=0o600)
        lasting.write_text(key.to_json())
        return lasting
    number, name = tempfile.mkstemp(prefix="sandbox-solana-", suffix=".json")
    with os.fdopen(number, "w") as file:
        file.write(key.to_json())
    path = Path(name)
    atexit.register(path.unlink, missing_ok=True)
    return path
