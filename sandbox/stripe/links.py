"""Onboarding links with their page, and login links: what a person opens in a browser.

A link works once and for some minutes; a second visit, or a late one, is sent to the refresh URL.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from sandbox.core import Request, Response, Route
from sandbox.stripe import banks, pages, problems, requirements
from sandbox.stripe import params as p
from sandbox.stripe.accounts import Accounts
from sandbox.stripe.desk import Call, Endpoint
from sandbox.stripe.ground import Ground, Part
from sandbox.stripe.params import NOTHING, Form
from sandbox.stripe.store import Data, Record
from sandbox.stripe.verification import Verification

LINK_S = 300
SITTING_S = 3600
"""How long the form may stay open before it is sent."""


def _url(value: object, name: str) -> str:
    parts = urlsplit(value) if isinstance(value, str) else None
    if parts is None or parts.scheme not in ("http", "https") or not parts.netloc:
        raise problems.invalid("Not a valid URL", name, code="url_invalid")
    return str(value)


_FORM = Form(
    {
        "account": p.text,
        "type": p.choice("account_onboarding", "account_update"),
        "refresh_url": _url,
        "return_url": _url,
        "collect": p.choice("currently_due", "eventually_due"),
        "collection_options": p.group(
            fields=p.choice("currently_due", "eventually_due"),
            future_requirements=p.choice("include", "omit"),
        ),
    },
    needs=("account", "type", "refresh_url", "return_url"),
)


class Links(Part):
    """Handlers of both kinds of links, and of the pages behind them."""

    def __init__(self, ground: Ground, *, accounts: Accounts, verification: Verification) -> None:
        super().__init__(ground)
        self._accounts = accounts
        self._verification = verification

    def endpoints(self) -> Iterable[Endpoint]:
        """Give both operations."""
        return [
            Endpoint("POST", "/v1/account_links", _FORM, self.create),
            Endpoint("POST", "/v1/accounts/{id}/login_links", NOTHING, self.create_login),
        ]

    def routes(self) -> Iterable[Route]:
        """Give the pages."""
        return [
            Route("GET", "/setup/s/{account}/{link}", self.open),
            Route("GET", "/setup/e/{account}/{link}", self.show),
            Route("POST", "/setup/e/{account}/{link}", self.take),
            Route("GET", "/express/{account}/{link}", self.log_in),
        ]

    # The API -------------------------------------------------------------------------------------------------

    def create(self, call: Call) -> Data:
        """Make an onboarding link."""
        record = self._accounts.connected(call.params["account"])
        kind = call.params["type"]
        if kind == "account_update" and record.data["controller"]["requirement_collection"] == "stripe":
            raise problems.invalid(
                "You requested an account link of type account_update, but this account's requirements are collected "
                "by Stripe. Use account_onboarding.",
                "type",
            )
        record.hidden["linked"] = True
        self._store.keep(record)
        urls = {name: call.params[name] for name in ("refresh_url", "return_url")}
        link = self._make("setup", record, **urls)
        return {
            "object": "account_link",
            "created": link.data["created"],
            "expires_at": link.data["expires_at"],
            "url": f"{self._world.url}/setup/s/{record.id}/{link.id}",
        }

    def create_login(self, call: Call) -> Data:
        """Make a link into the express dashboard."""
        record = self._accounts.connected(call.path["id"])
        if record.data["controller"]["stripe_dashboard"]["type"] != "express":
            raise problems.invalid(
                f"Cannot create a login link for the account {record.id}, which is not an Express account."
            )
        if not record.data["details_submitted"]:
            raise problems.invalid(
                "Cannot create a login link for an account that has not completed onboarding."
            )
        link = self._make("login", record)
        return {
            "object": "login_link",
            "created": link.data["created"],
            "url": f"{self._world.url}/express/{record.id}/{link.id}",
        }

    def _make(self, kind: str, record: Record, **urls: str) -> Record:
        now = self._store.now()
        data: Data = {
            "id": self._store.new_id("link", 22),
            "created": now,
            "expires_at": now + LINK_S,
            **urls,
        }
        return self._store.add("link", record.id, data, {"kind": kind, "visited": None})

    # The onboarding page -------------------------------------------------------------------------------------

    def open(self, request: Request) -> Response:
        """Open a link for the first and only time."""
        link = self._link(request, "setup")
        if link is None:
            return pages.gone()
        if link.hidden["visited"] is not None or link.data["expires_at"] <= self._store.now():
            return pages.redirect(link.data["refresh_url"])
        link.hidden["visited"] = self._store.now()
        self._store.keep(link)
        return pages.redirect(f"/setup/e/{link.account}/{link.id}")

    def show(self, request: Request) -> Response:
        """Show the form, or go on where nothing is due."""
        sitting = self._sitting(request)
        if isinstance(sitting, Response):
            return sitting
        link, record = sitting
        if record.data["business_type"] is None:
            return pages.choose_kind(record.data, action=request.path)
        if record.data["details_submitted"] and not self._due(record):
            return pages.redirect(link.data["return_url"])
        return self._form(request, record, given={}, missing=())

    def take(self, request: Request) -> Response:
        """Take what was filled in; the browser is sent back once all of it is there, or when it shall be later."""
        sitting = self._sitting(request)
        if isinstance(sitting, Response):
            return sitting
        link, record = sitting
        given = {name: value.strip() for name, value in request.form().items()}
        if given.get("action") == "later":
            return pages.redirect(link.data["return_url"])
        if record.data["business_type"] is None:
            with self._verification.changing(record) as (data, _):
                data["business_type"] = "company" if given.get("business_type") == "company" else "individual"
            return pages.redirect(request.path)
        missing = [
            name for name in self._due(record) if not name.startswith(pages.TERMS) and not given.get(name)
        ]
        missing += [] if given.get(pages.TERMS) else [pages.TERMS]
        if missing:
            return self._form(request, record, given=given, missing=missing)
        self._fulfil(record, given)
        return pages.redirect(link.data["return_url"])

    def _fulfil(self, record: Record, given: dict[str, str]) -> None:
        with self._verification.changing(record) as (data, hidden):
            for name in self._due(record):
                if name.startswith(("individual.", "company.")):
                    requirements.give(hidden["given"], name, given[name])
                elif name.startswith("business_profile."):
                    requirements.give(data, name, given[name])
            if given.get("external_account"):
                wanted = banks.good(record) | {"account_number": given["external_account"]}
                banks.add(self._store, record, wanted, default=True)
            if hidden["extra"]:
                hidden["standing"] = "unverified"  # to be judged once more
            self._verification.fulfil(record)

    def _due(self, record: Record) -> Sequence[str]:
        due: list[str] = record.data["requirements"]["currently_due"]
        return due

    def _form(
        self, request: Request, record: Record, *, given: dict[str, str], missing: Iterable[str]
    ) -> Response:
        return pages.ask(
            record.data,
            self._due(record),
            action=request.path,
            bank=banks.good(record)["account_number"],
            given=given,
            missing=missing,
        )

    def _sitting(self, request: Request) -> tuple[Record, Record] | Response:
        """Find the link that was opened, and its account."""
        link = self._link(request, "setup")
        if link is None or link.hidden["visited"] is None:
            return pages.gone()
        if link.hidden["visited"] + SITTING_S <= self._store.now():
            return pages.redirect(link.data["refresh_url"])
        return link, self._accounts.connected(link.account)

    def _link(self, request: Request, kind: str) -> Record | None:
        link = self._store.get(request.params["link"], "link")
        if link is None or link.hidden["kind"] != kind or link.account != request.params["account"]:
            return None
        account = self._store.get(link.account, "account")
        return link if account is not None and not account.hidden["deauthorized"] else None

    # The express dashboard -----------------------------------------------------------------------------------

    def log_in(self, request: Request) -> Response:
        """Show the dashboard, once."""
        link = self._link(request, "login")
        if link is None or link.hidden["visited"] is not None or link.data["expires_at"] <= self._store.now():
            return pages.gone()
        link.hidden["visited"] = self._store.now()
        self._store.keep(link)
        record = self._accounts.connected(link.account)
        payouts = [one.data for one in reversed(self._store.listed(record.id, "payout"))]
        return pages.dashboard(record.data, self._balances.shown(record.id), payouts[:10])
