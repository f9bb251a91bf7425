"""Steering of Stripe's own: what Stripe, banks, buyers and sellers do by themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sandbox.core import BadRequest, Request, Response, Route
from sandbox.core.steering import fields_of
from sandbox.core.webhooks import is_loopback
from sandbox.stripe.fates import STATUSES
from sandbox.stripe.ground import Ground, Part
from sandbox.stripe.hooks import Hooks
from sandbox.stripe.names import own_names
from sandbox.stripe.paying import Paying
from sandbox.stripe.paying_out import PayingOut
from sandbox.stripe.reversals import Reversals
from sandbox.stripe.store import Data, Record
from sandbox.stripe.verification import Verification


class Doors(Part):
    """Handlers below /_sandbox/, and what decides fates."""

    def __init__(
        self,
        ground: Ground,
        *,
        hooks: Hooks,
        verification: Verification,
        paying: Paying,
        paying_out: PayingOut,
        reversals: Reversals,
    ) -> None:
        super().__init__(ground)
        self._hooks = hooks
        self._verification = verification
        self._paying = paying
        self._paying_out = paying_out
        self._reversals = reversals

    def routes(self) -> Iterable[Route]:
        """Give all doors."""
        doors: tuple[tuple[str, Callable[[Request], Response]], ...] = (
            ("webhook", self.point),
            ("require", self.require),
            ("refund", self.refund),
            ("dispute", self.dispute),
            ("reversal", self.reverse),
            ("payout", self.pay_out),
            ("events", self.tell),
            ("thin", self.thin),
        )
        return [Route("POST", f"/_sandbox/{name}", handler) for name, handler in doors]

    # Fates ---------------------------------------------------------------------------------------------------

    def decide(self, reference: str, status: str) -> int:
        """Decide by any name, at once and for what is still to come; give how many it changed at once.

        :raises BadRequest: when there is no such status.
        """
        named = self._named(reference)
        # An account is turned once: what its owner mends afterwards is judged anew.
        here = {record.kind for record in named if record.kind == "account"}
        self._fates.decree(reference, status, but=here)
        return sum(self._turn(record, status) for record in named)

    def _turn(self, record: Record, status: str) -> bool:
        if status not in STATUSES.get(record.kind, ()) or record.hidden.get("platform"):
            return False
        match record.kind:
            case "account":
                self._verification.decide(record, status)
                return True
            case "payout":
                return self._paying_out.turn(record, "failed" if status == "returned" else status)
            case "transfer":
                return self._reversals.give_back(record)
        return self._paying.decide(record, status)

    def _named(self, reference: str, kind: str | None = None) -> list[Record]:
        """Find everything whose own name this is."""
        known = self._store.get(reference)
        if known is not None and kind in (None, known.kind):
            return [known]
        return [
            record
            for record in self._store.everything()
            if record.kind in STATUSES and kind in (None, record.kind) and reference in own_names(record)
        ]

    def _one(self, reference: str, kind: str) -> Record:
        found = self._named(reference, kind)
        if not found or found[0].hidden.get("platform"):
            raise BadRequest(f"There is no {kind.replace('_', ' ')} {reference!r}")
        return found[0]

    # Doors ---------------------------------------------------------------------------------------------------

    def point(self, request: Request) -> Response:
        """Send all events, the platform's and Connect's, to {"url"}, under the secret of the credentials."""
        (url,) = fields_of(request, url=str)
        if not is_loopback(url):
            raise BadRequest("`url` must be plain http on loopback")
        own, connect = self._hooks.point(url)
        return Response.of(
            {"platform": own.id, "connect": connect.id, "secret": self._hooks.secret, "url": url}
        )

    def require(self, request: Request) -> Response:
        """Have Stripe ask an account {"reference"} for {"fields"}, at the latest in {"seconds"}."""
        reference, fields, seconds = fields_of(request, reference=str, fields=list, seconds=float)
        if not fields or not all(isinstance(name, str) and name for name in fields):
            raise BadRequest('`fields` are names of requirements, such as "individual.verification.document"')
        if seconds < 0:
            raise BadRequest("`seconds` must not be negative")
        record = self._one(reference, "account")
        self._verification.require(record, fields, seconds=seconds)
        return Response.of(record.data["requirements"])

    def refund(self, request: Request) -> Response:
        """Give back {"units"} of the payment {"reference"}, as somebody would in the Dashboard."""
        reference, units = fields_of(request, reference=str, units=int)
        refund = self._paying.refund(self._one(reference, "payment_intent"), units)
        if refund is None:
            raise BadRequest(f"{reference!r} has not {units} units that could be refunded")
        return Response.of(self._shows.show(refund))

    def dispute(self, request: Request) -> Response:
        """Have the buyer's bank take {"units"} of the payment {"reference"} back, for a {"reason"}."""
        reference, units, reason = fields_of(request, reference=str, units=int, reason=str)
        dispute = self._paying.dispute(self._one(reference, "payment_intent"), units, reason)
        if dispute is None:
            raise BadRequest(f"{reference!r} has not {units} units that could be disputed")
        return Response.of(self._shows.show(dispute))

    def reverse(self, request: Request) -> Response:
        """Reverse {"units"} of the transfer {"reference"}, as somebody would in the Dashboard."""
        reference, units = fields_of(request, reference=str, units=int)
        record = self._one(reference, "transfer")
        if not self._reversals.give_back(record, units):
            raise BadRequest(f"{reference!r} has not {units} units that could be reversed")
        return Response.of(self._shows.show(record))

    def pay_out(self, request: Request) -> Response:
        """Pay out all that the account {"reference"} has in one {"currency"}, without waiting for it."""
        reference, code = fields_of(request, reference=str, currency=str)
        payout = self._paying_out.pay_now(self._one(reference, "account").id, code.lower())
        if payout is None:
            raise BadRequest(f"{reference!r} has nothing in {code} that could be paid out")
        return Response.of(self._shows.show(payout))

    def tell(self, request: Request) -> Response:
        """Tell that {"type"} happened to {"object"}, at the account {"account"}; both may be anything."""
        kind, told, account = fields_of(request, type=str, object=dict, account=str)
        record = self._events.tell_of(kind, told, account=account or self._platform, references=_texts(told))
        return Response.of(self._shows.show(record))

    def thin(self, request: Request) -> Response:
        """Send a thin event of a {"type"} about {"reference"} to every endpoint, as destinations get it."""
        kind, reference = fields_of(request, type=str, reference=str)
        record = self._store.get(reference)
        related: Data | None = None
        if record is not None:
            related = {"id": record.id, "type": record.kind, "url": f"/v1/{record.kind}s/{record.id}"}
        endpoints = self._store.listed(self._platform, "webhook_endpoint")
        if not endpoints:
            raise BadRequest("Nobody listens")
        context = reference if record is not None and record.kind == "account" else None
        return Response.of(
            self._events.thin(kind=kind, related=related, account=context, endpoints=endpoints)
        )


def _texts(value: Data) -> list[Any]:
    return [inner for inner in value.values() if isinstance(inner, str)]
