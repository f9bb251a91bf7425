"""The service: transfers are created, then funded; it repeats whatever it is told twice, and pays twice for it."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from sandbox.core import BadRequest, Parcel, Request, Response, Route, Service, World

EXPONENTS = {"EUR": 2, "USD": 2, "JPY": 0}
START_FUNDS = 1_000_000_00
SETTLE_S = 2.0
"""A transfer is listed only after so many seconds of the sandbox's time."""
PACE_S = 0.02
RETRIES = (1.0, 5.0, 30.0)
FATES = {
    "late": ("processing", ""),
    "bad": ("failed", "ACCOUNT_CLOSED"),
    "bounce": ("paid", ""),  # and then returned
}


@dataclass
class Transfer:
    """One transfer; `funded` counts how often it was funded, which is how often its money left."""

    id: str
    reference: str
    account: str
    currency: str
    units: int
    created: float
    status: str = "created"
    reason: str = ""
    funded: int = 0
    funded_at: float | None = None
    returned: int = 0

    def shown(self) -> dict[str, Any]:
        """Show it as the service does."""
        shown = asdict(self)
        for name in ("created", "funded_at", "funded"):
            shown.pop(name)
        return {**shown, "units": str(self.units), "returned": str(self.returned)}


class TwoStepService(Service):
    """Create, fund, list."""

    name, port = "twostep", 8899
    kinds = {
        "slow_funding": "Funding is done, but is listed only after another settle time.",
        "boast": "The event is rightly signed, and says that it is paid, whatever became of it.",
    }
    unsupported = frozenset({"webhook_early"})

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.transfers: dict[str, Transfer] = {}
        self.funds = dict.fromkeys(EXPONENTS, START_FUNDS)
        self.fates: dict[str, str] = {}
        self.movements: list[dict[str, Any]] = []

    def credentials(self) -> dict[str, str]:
        """Give the token and the secret of the webhooks."""
        return {name: self.world.credential(name) for name in ("token", "webhook_secret")}

    def routes(self) -> Iterable[Route]:
        """Give the doors."""
        return [
            Route("POST", "/transfers", self.create),
            Route("GET", "/transfers", self.list),
            Route("GET", "/transfers/{id}", self.show),
            Route("POST", "/transfers/{id}/fund", self.fund),
            Route("GET", "/balance", self.balance),
            Route("GET", "/movements", self.list_movements),
        ]

    # Doors ---------------------------------------------------------------------------------------------------

    def create(self, request: Request) -> Response:
        """Make a transfer, each time a new one, whatever its reference."""
        refusal = self._unknown_caller(request)
        if refusal is not None:
            return refusal
        asked = request.json()
        units, currency = str(asked.get("units", "")), asked.get("currency")
        if currency not in EXPONENTS or not units.isdigit() or not int(units):
            return Response.of({"code": "BAD_AMOUNT"}, status=422)
        account = str(asked.get("account", ""))
        if not account or account.startswith("invalid"):
            return Response.of({"code": "BAD_ACCOUNT"}, status=422)
        transfer = Transfer(
            self.world.token(8), str(asked.get("reference", "")), account, currency, int(units), self._now()
        )
        self.transfers[transfer.id] = transfer
        self._keep(transfer)
        return Response.of(transfer.shown(), status=201)

    def fund(self, request: Request) -> Response:
        """Take the money and send it off, as often as asked."""
        refusal = self._unknown_caller(request)
        if refusal is not None:
            return refusal
        transfer = self.transfers.get(request.params["id"])
        if transfer is None:
            return Response.of({"code": "NO_SUCH_TRANSFER"}, status=404)
        poor = self.world.faults.take("insufficient_funds", references={transfer.reference}, request=request)
        if poor is not None or transfer.units > self.funds[transfer.currency]:
            return Response.of({"status": "rejected", "code": "INSUFFICIENT_FUNDS"})
        self.funds[transfer.currency] -= transfer.units
        self._move(transfer, "debit", transfer.units)
        transfer.funded += 1
        transfer.funded_at = self._now()
        if self.world.faults.take("slow_funding", references={transfer.reference}, request=request):
            transfer.funded_at += SETTLE_S
        transfer.status = "processing"
        self._keep(transfer)
        self.world.clock.call_later(PACE_S, lambda: self._arrive(transfer))
        return Response.of({"status": "funded", "transfer": transfer.shown()})

    def list(self, request: Request) -> Response:
        """List what has settled under a reference; everything newer is not there yet."""
        refusal = self._unknown_caller(request)
        if refusal is not None:
            return refusal
        as_of = self._now() - SETTLE_S
        reference = request.arg("reference")
        found = [
            self._as_listed(transfer, as_of)
            for transfer in self.transfers.values()
            if reference in (None, transfer.reference) and transfer.created <= as_of
        ]
        return Response.of({"as_of": as_of, "transfers": found})

    def show(self, request: Request) -> Response:
        """Show one transfer as it is now."""
        refusal = self._unknown_caller(request)
        if refusal is not None:
            return refusal
        transfer = self.transfers.get(request.params["id"])
        if transfer is None:
            return Response.of({"code": "NO_SUCH_TRANSFER"}, status=404)
        return Response.of(transfer.shown())

    def balance(self, request: Request) -> Response:
        """Show the balances."""
        refusal = self._unknown_caller(request)
        if refusal is not None:
            return refusal
        units = {currency: str(units) for currency, units in self.funds.items()}
        return Response.of({"as_of": self._now(), "available": units})

    def list_movements(self, request: Request) -> Response:
        """List the movements on the account; this list is true at once."""
        refusal = self._unknown_caller(request)
        if refusal is not None:
            return refusal
        return Response.of({"as_of": self._now(), "movements": self.movements})

    # What happens --------------------------------------------------------------------------------------------

    def _arrive(self, transfer: Transfer) -> None:
        fate = self.fates.get(transfer.reference) or self.fates.get(transfer.id)
        prefix, plus, _ = transfer.account.partition("+")
        status, reason = (fate, "") if fate else FATES.get(prefix, ("paid", "")) if plus else ("paid", "")
        if self.world.faults.take("refuse", references={transfer.reference, transfer.id}):
            status, reason = FATES["bad"]
        self._turn(transfer, status, reason)
        if status == "paid" and (prefix == "bounce" or self._is_to_return(transfer)):
            self.world.clock.call_later(PACE_S, lambda: self._turn(transfer, "returned", "ACCOUNT_CLOSED"))

    def _is_to_return(self, transfer: Transfer) -> bool:
        return self.world.faults.take("return", references={transfer.reference, transfer.id}) is not None

    def _turn(self, transfer: Transfer, status: str, reason: str) -> None:
        if status in ("failed", "returned") and transfer.funded:
            back = transfer.units * transfer.funded - transfer.returned
            self.funds[transfer.currency] += back
            transfer.returned += back
            self._move(transfer, "return", back)
        transfer.status, transfer.reason = status, reason
        self._keep(transfer)
        self._tell(transfer)

    def _move(self, transfer: Transfer, kind: Any, units: int) -> None:
        self.world.ledger.record(
            reference=transfer.reference,
            key=transfer.id,
            destination=transfer.account,
            currency=transfer.currency,
            units=units,
            kind=kind,
        )
        movement = {
            "id": f"m{len(self.movements) + 1}",
            "at": self._now(),
            "transfer": transfer.id,
            "reference": transfer.reference,
            "account": transfer.account,
            "currency": transfer.currency,
            "units": str(units),
            "kind": kind,
        }
        self.movements.append(movement)
        self.world.journal.write("movement", movement)

    def _tell(self, transfer: Transfer) -> None:
        if self.world.webhook_url is None:
            return
        event_id, shown = self.world.token(8), transfer.shown()
        if self.world.faults.take("boast", references={transfer.reference, transfer.id}):
            shown["status"] = "paid"
        true = json.dumps({"event": event_id, "transfer": shown}).encode()
        lie = json.dumps({"event": event_id, "transfer": {**shown, "status": "paid"}}).encode()

        def write(forged: bool) -> tuple[bytes, dict[str, str]]:
            return (
                (lie, sign("wrong", lie))
                if forged
                else (true, sign(self.credentials()["webhook_secret"], true))
            )

        self.world.courier.send(
            Parcel(
                url=self.world.webhook_url,
                subject=transfer.status,
                references={transfer.id, transfer.reference},
                write=write,
                done=lambda ok: None,
                retries=RETRIES,
            )
        )

    def _as_listed(self, transfer: Transfer, as_of: float) -> dict[str, Any]:
        """Show it as it was: a funding that has not settled is not seen."""
        shown = transfer.shown()
        if transfer.funded_at is not None and transfer.funded_at > as_of:
            shown["status"] = "created"
        return shown

    def _unknown_caller(self, request: Request) -> Response | None:
        if request.headers.get("authorization") == f"Bearer {self.credentials()['token']}":
            return None
        return Response.of({"code": "WHO_ARE_YOU"}, status=401)

    def _now(self) -> float:
        return self.world.clock.time()

    def _keep(self, transfer: Transfer) -> None:
        self.world.journal.write("transfer", asdict(transfer))

    # What the core asks --------------------------------------------------------------------------------------

    def restore(self, kind: str, fact: Any) -> None:
        """Take one fact back."""
        if kind == "transfer":
            self.transfers[fact["id"]] = Transfer(**fact)
        elif kind == "movement":
            self.movements.append(fact)
            sign = 1 if fact["kind"] == "return" else -1
            self.funds[fact["currency"]] += sign * int(fact["units"])

    def start(self) -> None:
        """Go on with what was on its way."""
        for transfer in self.transfers.values():
            if transfer.status == "processing":
                self.world.clock.call_later(PACE_S, lambda one=transfer: self._arrive(one))  # type: ignore[misc]

    def reset(self) -> None:
        """Forget everything."""
        self.transfers.clear()
        self.movements.clear()
        self.fates.clear()
        self.funds = dict.fromkeys(EXPONENTS, START_FUNDS)

    def falsify(self, request: Request, response: Response) -> Response:
        """Tell another amount than the true one."""
        body = json.loads(response.body)
        for one in [body, body.get("transfer"), *body.get("transfers", [])]:
            if isinstance(one, dict) and "units" in one:
                one["units"] = "1" + one["units"]
        return Response.of(body, status=response.status)

    def aliases(self, request: Request) -> Iterable[str]:
        """Give the reference of the transfer in the path."""
        parts = request.path.split("/")
        transfer = self.transfers.get(parts[2]) if len(parts) > 2 else None
        return () if transfer is None else (transfer.reference, transfer.account)

    def set_fate(self, *, reference: str, status: str) -> int:
        """Decide what becomes of a transfer, by its id or reference."""
        if status not in ("processing", "paid", "failed", "returned", "exotic"):
            raise BadRequest(f"Unknown status {status!r}")
        self.fates[reference] = status
        known = [
            one for one in self.transfers.values() if reference in (one.id, one.reference) and one.funded
        ]
        for transfer in known:
            self._turn(transfer, status, "")
        return len(known)

    def set_funds(self, *, currency: str, units: int) -> None:
        """Set what the account holds."""
        if currency not in self.funds:
            raise BadRequest(f"Unknown currency {currency!r}")
        self.funds[currency] = units


def sign(secret: str, body: bytes) -> dict[str, str]:
    """Sign a body as the service does."""
    return {"X-Signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


SERVICE = TwoStepService
