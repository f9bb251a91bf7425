"""The payees API: registration link, status, details, release; and the page behind the link."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from sandbox.core import Request, Response, World
from sandbox.payoneer import pages
from sandbox.payoneer.books import ACTIVE, INACTIVE, PENDING, TYPES, Books, Payee
from sandbox.payoneer.notifications import Notifications
from sandbox.payoneer.problems import Problem, at, no_payee, refused
from sandbox.payoneer.processing import Processing
from sandbox.payoneer.settings import Settings

LINK_S = 3600
DECLINED = "The documents could not be verified"


@dataclass(frozen=True, slots=True)
class Sitting:
    """One registration link: for whom, until when, and where they go afterwards."""

    payee_id: str
    session: str
    redirect_url: str
    redirect_s: int
    until: float


class Payees:
    """Handlers; links live in memory only, as sessions do."""

    def __init__(
        self, *, world: World, books: Books, news: Notifications, processing: Processing, settings: Settings
    ) -> None:
        self._world = world
        self._books = books
        self._news = news
        self._processing = processing
        self._settings = settings
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self._sittings: dict[str, Sitting] = {}

    # The API -------------------------------------------------------------------------------------------------

    def link(self, request: Request) -> Response:
        """Answer POST …/payees/registration-link."""
        asked = request.json()
        payee_id = asked.get("payee_id") if isinstance(asked, dict) else None
        if not isinstance(payee_id, str) or not 1 <= len(payee_id) <= 30:
            raise refused(at("payee_id", "payee_id is required, of at most 30 characters", value=payee_id))
        back = asked.get("redirect_url") or ""
        if back and urlsplit(str(back)).scheme not in ("http", "https"):
            raise refused(at("redirect_url", "redirect_url is no address", value=back))
        wait = asked.get("redirect_time") or 0
        if not isinstance(wait, int) or isinstance(wait, bool) or not 0 <= wait <= 60:
            raise refused(at("redirect_time", "redirect_time is a number of seconds", value=wait))
        token = self._world.token(24)
        until = self._world.clock.time() + LINK_S
        self._sittings[token] = Sitting(
            payee_id, str(asked.get("client_session_id") or ""), back, wait, until
        )
        url = f"{self._world.url}/partners/lp.aspx?token={token}"
        return Response.of({"result": {"registration_link": url, "token": token}})

    def status(self, request: Request) -> Response:
        """Answer GET …/payees/{payee_id}/status."""
        payee = self._payee(request)
        reasons = [{"reason_description": payee.reason}] if payee.reason else []
        return Response.of(
            {
                "result": {
                    "account_id": payee.account_id,
                    "status": {
                        "type": TYPES[payee.status],
                        "description": payee.status,
                        "reasons": {"items": reasons},
                    },
                    "registration_date": _day(payee.registered),
                    "payout_method": {"type": payee.method, "currency": self._books.currency},
                }
            }
        )

    def details(self, request: Request) -> Response:
        """Answer GET …/payees/{payee_id}/details."""
        payee = self._payee(request)
        contact = {"first_name": payee.first_name, "last_name": payee.last_name, "email": payee.email}
        return Response.of(
            {
                "result": {
                    "account_id": payee.account_id,
                    "type": "Individual",
                    "contact": contact,
                    "address": {"country": payee.country},
                    "payout_method": {"type": payee.method, "currency": self._books.currency},
                }
            }
        )

    def release(self, request: Request) -> Response:
        """Answer DELETE …/payees/{payee_id}: the payee's id is free again."""
        payee = self._payee(request)
        self._books.remove_payee(payee.id)
        self._processing.payee_changed(payee.id)
        return Response.of({"result": {"payee_id": payee.id, "description": "Released"}})

    def _payee(self, request: Request) -> Payee:
        payee = self._books.payees.get(request.params["payee_id"])
        if payee is None:
            raise no_payee()
        return payee

    # The page ------------------------------------------------------------------------------------------------

    def open(self, request: Request) -> Response:
        """Show the form."""
        sitting = self._sitting(request)
        if sitting is None:
            return pages.gone()
        return pages.ask(sitting.payee_id, action=request.target, given={}, missing=())

    def complete(self, request: Request) -> Response:
        """Take what was filled in, decide, and send the browser back."""
        sitting = self._sitting(request)
        if sitting is None:
            return pages.gone()
        given = {name: value.strip() for name, value in request.form().items()}
        missing = [name for name in pages.FIELDS if not given.get(name)]
        if missing:
            return pages.ask(sitting.payee_id, action=request.target, given=given, missing=missing)
        decision = given.get("decision", ACTIVE)
        self._register(sitting, given, status=decision if decision in TYPES else ACTIVE)
        del self._sittings[request.arg("token") or ""]
        return pages.done(sitting.redirect_url, wait_s=sitting.redirect_s)

    def _sitting(self, request: Request) -> Sitting | None:
        sitting = self._sittings.get(request.arg("token") or "")
        return sitting if sitting is not None and sitting.until > self._world.clock.time() else None

    def _register(self, sitting: Sitting, given: dict[str, str], *, status: str) -> None:
        payee = self._new(sitting.payee_id, status=status)
        payee.session, payee.method = sitting.session, given["method"]
        payee.first_name, payee.last_name = given["first_name"], given["last_name"]
        payee.email, payee.country = given["email"], given["country"].upper()
        self._decided(payee)
        if status == PENDING:
            self._world.clock.call_later(self._settings.later_s, lambda: self._approve(payee))

    def _new(self, payee_id: str, *, status: str) -> Payee:
        """Make a payee; whoever registers again keeps their account."""
        known = self._books.payees.get(payee_id)
        account = known.account_id if known else str(1_000_000 + self._world.rng.randrange(9_000_000))
        payee = Payee(payee_id, account, self._world.clock.time(), status)
        payee.reason = DECLINED if status == INACTIVE else ""
        return payee

    def _approve(self, payee: Payee) -> None:
        if self._books.payees.get(payee.id) is payee and payee.status == PENDING:
            payee.status = ACTIVE
            self._decided(payee)

    def _decided(self, payee: Payee) -> None:
        self._books.keep_payee(payee)
        if payee.status != PENDING:
            self._news.payee(payee)
        self._processing.payee_changed(payee.id)

    def put(self, payee_id: str, status: str) -> dict[str, Any]:
        """Have a payee, without any page, who stands as steering wants them to.

        :raises Problem: when there is no such status.
        """
        if status not in TYPES:
            raise Problem(400, f"Unknown status {status!r}; known: {', '.join(TYPES)}")
        payee = self._books.payees.get(payee_id) or self._new(payee_id, status=status)
        payee.status, payee.reason = status, DECLINED if status == INACTIVE else ""
        self._decided(payee)
        return {"payee_id": payee.id, "account_id": payee.account_id, "status": payee.status}


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")
