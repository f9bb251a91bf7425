"""The accounts API, and the platform's own account."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.stripe import account_shapes, banks, problems, requirements
from sandbox.stripe import params as p
from sandbox.stripe.desk import Call, Endpoint
from sandbox.stripe.ground import Ground, Part
from sandbox.stripe.params import NOTHING, Form, Params, merged, paged
from sandbox.stripe.problems import Problem
from sandbox.stripe.store import Data, Record
from sandbox.stripe.verification import Verification


class Accounts(Part):
    """Handlers."""

    def __init__(self, ground: Ground, *, verification: Verification, country: str) -> None:
        super().__init__(ground)
        self._verification = verification
        self._country = country

    def endpoints(self) -> Iterable[Endpoint]:
        """Give all operations on accounts."""
        root = "/v1/accounts"
        one = f"{root}/{{id}}"
        reject = Form(
            {"reason": p.choice("fraud", "terms_of_service", "other")},
            needs=("reason",),
            undone="payouts_action",
        )
        return [
            Endpoint("GET", "/v1/account", NOTHING, self.show_own),
            Endpoint("GET", root, paged(), self.list),
            Endpoint("POST", root, account_shapes.CREATE, self.create),
            Endpoint("GET", one, NOTHING, self.show),
            Endpoint("POST", one, account_shapes.MODIFY, self.modify),
            Endpoint("DELETE", one, NOTHING, self.delete),
            Endpoint("POST", f"{one}/reject", reject, self.reject),
        ]

    def start(self) -> None:
        """Have the platform's own account, unless the state file held it."""
        if self._store.get(self._platform) is not None:
            return
        data = account_shapes.new_account(
            identity=self._platform,
            created=self._store.now(),
            country=self._country,
            controller={"type": "account"},
            kind="standard",
        )
        data |= {
            "business_type": "company",
            "capabilities": {"card_payments": "active", "transfers": "active"},
            "charges_enabled": True,
            "details_submitted": True,
            "email": "platform@example.com",
            "payouts_enabled": True,
        }
        data["settings"]["dashboard"]["display_name"] = "The platform"
        data["settings"]["payouts"]["schedule"] = {"delay_days": 2, "interval": "manual"}
        self._store.add("account", "", data, {"platform": True})

    # Accounts ------------------------------------------------------------------------------------------------

    def show_own(self, call: Call) -> Data:
        """Show the account that the call is about: the platform, without Stripe-Account."""
        record = self._store.get(call.account, "account")
        if record is None:
            raise problems.no_access(call.account)
        return self._shows.show(record)

    def show(self, call: Call) -> Data:
        """Show one; to strangers' eyes there is none."""
        return self._shows.show(self.get(call.path["id"]))

    def list(self, call: Call) -> Data:
        """List the connected accounts."""
        return self._lists.page(
            kind="account",
            account=self._platform,
            params=call.params,
            url="/v1/accounts",
            fits=lambda record: not record.hidden["deauthorized"],
        )

    def get(self, identity: str) -> Record:
        """Find an account, the platform's own among them.

        :raises Problem: when it is not there, or took our access away.
        """
        record = self._store.get(identity, "account")
        if record is None or record.hidden.get("deauthorized"):
            raise problems.no_access(identity)
        return record

    def connected(self, identity: str) -> Record:
        """Find an account that is not the platform's own."""
        record = self.get(identity)
        if record.hidden.get("platform"):
            raise problems.invalid("You cannot do this to your own account.")
        return record

    def create(self, call: Call) -> Data:
        """Make an account."""
        params = call.params
        fault = self._world.faults.take("refuse", request=call.request) if self._world.faults else None
        if fault is not None:
            raise Problem(fault.status or 400, "Steered to be refused.", code=str(fault.value))
        controller = account_shapes.controller_of(params)
        if controller["stripe_dashboard"]["type"] == "none" and not params.get("capabilities"):
            raise problems.missing("capabilities")
        data = account_shapes.new_account(
            identity=self._store.new_id("acct", 16),
            created=self._store.now(),
            country=params.get("country", self._country),
            controller=controller,
            kind=params.get("type") or ("none" if "controller" in params else "standard"),
        )
        hidden: Data = {
            "requested": {},
            "given": {},
            "standing": "unverified",
            "extra": [],
            "linked": False,
            "deauthorized": False,
        }
        if controller["stripe_dashboard"]["type"] == "full":
            hidden["requested"] = dict.fromkeys(account_shapes.CAPABILITIES, self._store.now())
        self._check_terms(data, params)
        record = self._store.add("account", self._platform, data, hidden)
        with self._verification.changing(record):
            self._take_in(record, params)
        return self._shows.show(record)

    def modify(self, call: Call) -> Data:
        """Change an account, as far as its kind lets the platform."""
        record = self.connected(call.path["id"])
        self._check_terms(record.data, call.params)
        self._check_own(record, call.params)
        with self._verification.changing(record):
            self._take_in(record, call.params)
        return self._shows.show(record)

    def _check_terms(self, data: Data, params: Params) -> None:
        if "tos_acceptance" in params and data["controller"]["requirement_collection"] == "stripe":
            raise problems.invalid(
                "You cannot accept the Terms of Service on behalf of Standard and Express connected accounts.",
                "tos_acceptance",
            )

    def _check_own(self, record: Record, params: Params) -> None:
        """Once a link was made, only the account's owner says who they are, where Stripe collects it."""
        if (
            not record.hidden["linked"]
            or record.data["controller"]["requirement_collection"] == "application"
        ):
            return
        for name in ("business_type", "company", "individual"):
            if name in params:
                raise Problem(
                    403,
                    "This application does not have the required permissions for the parameter "
                    f"'{name}' on account '{record.id}'.",
                    param=name,
                )

    def _take_in(self, record: Record, params: Params) -> None:
        data, hidden = record.data, record.hidden
        for name in ("business_type", "default_currency", "email"):
            if name in params:
                data[name] = params[name] or None
        data["business_profile"] |= params.get("business_profile") or {}
        data["metadata"] = merged(data["metadata"], params.get("metadata"))
        terms = params.get("tos_acceptance") or {}
        data["tos_acceptance"] |= {
            name: terms[name] for name in ("date", "ip", "user_agent") if name in terms
        }
        wanted, payouts = (params.get("settings") or {}).get("payouts") or {}, data["settings"]["payouts"]
        schedule = wanted.pop("schedule", None) or {}
        payouts["schedule"] |= {name: value for name, value in schedule.items() if value != "minimum"}
        payouts |= wanted
        for name in ("individual", "company"):
            _merge(hidden["given"].setdefault(name, {}), params.get(name) or {})
        hidden["extra"] = [
            extra for extra in hidden["extra"] if not _is_given(hidden["given"], extra["field"])
        ]
        self.request(record, params.get("capabilities") or {})
        if params.get("external_account"):
            banks.add(self._store, record, params["external_account"])

    def request(self, record: Record, asked: Data) -> None:
        """Ask for capabilities, or give them back; call it while `changing`."""
        requested = record.hidden["requested"]
        for name, wish in asked.items():
            if wish.get("requested"):
                requested.setdefault(name, self._store.now())
            else:
                requested.pop(name, None)

    def delete(self, call: Call) -> Data:
        """Delete an account that the platform answers for."""
        record = self.connected(call.path["id"])
        if record.data["controller"]["stripe_dashboard"]["type"] == "full":
            raise Problem(
                403, f"You cannot delete account {record.id}: it has access to the Stripe Dashboard."
            )
        self._store.remove(record)
        return {"id": record.id, "object": "account", "deleted": True}

    def reject(self, call: Call) -> Data:
        """Refuse to work with an account any longer."""
        record = self.connected(call.path["id"])
        self._verification.decide(record, f"rejected.{call.params['reason']}")
        return self._shows.show(record)


def _merge(into: Data, given: Data) -> None:
    for name, value in given.items():
        if isinstance(value, dict):
            _merge(into.setdefault(name, {}), value)
        else:
            into[name] = value


def _is_given(given: Data, path: str) -> bool:
    return bool(requirements.at(given, path))
