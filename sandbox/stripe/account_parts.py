"""The parts of a connected account that have an API of their own: capabilities and bank accounts."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.stripe import account_shapes, banks, problems
from sandbox.stripe import params as p
from sandbox.stripe.accounts import Accounts
from sandbox.stripe.desk import Call, Endpoint
from sandbox.stripe.ground import Ground, Part
from sandbox.stripe.params import NOTHING, Form, inner_page, merged
from sandbox.stripe.showing import list_of
from sandbox.stripe.store import Data, Record
from sandbox.stripe.verification import Verification

_OF_BANK = Form(
    {
        "external_account": banks.details,
        "metadata": p.metadata,
        "default_for_currency": p.flag,
    },
    needs=("external_account",),
)
_OF_CHANGE = Form(
    {
        "account_holder_name": p.text,
        "account_holder_type": p.text,
        "default_for_currency": p.flag,
        "metadata": p.metadata,
    },
    undone="account_type address_city address_country address_line1 address_line2 address_state address_zip documents "
    "exp_month exp_year name",
)


class AccountParts(Part):
    """Handlers of both."""

    def __init__(self, ground: Ground, *, accounts: Accounts, verification: Verification) -> None:
        super().__init__(ground)
        self._accounts = accounts
        self._verification = verification

    def endpoints(self) -> Iterable[Endpoint]:
        """Give all operations on capabilities and bank accounts."""
        capabilities = "/v1/accounts/{id}/capabilities"
        external = "/v1/accounts/{id}/external_accounts"
        return [
            Endpoint("GET", capabilities, NOTHING, self.list_capabilities),
            Endpoint("GET", f"{capabilities}/{{capability}}", NOTHING, self.show_capability),
            Endpoint(
                "POST", f"{capabilities}/{{capability}}", Form({"requested": p.flag}), self.modify_capability
            ),
            Endpoint("GET", external, inner_page(object=p.text), self.list_banks),
            Endpoint("POST", external, _OF_BANK, self.create_bank),
            Endpoint("GET", f"{external}/{{bank}}", NOTHING, self.show_bank),
            Endpoint("POST", f"{external}/{{bank}}", _OF_CHANGE, self.modify_bank),
            Endpoint("DELETE", f"{external}/{{bank}}", NOTHING, self.delete_bank),
        ]

    # Capabilities --------------------------------------------------------------------------------------------

    def list_capabilities(self, call: Call) -> Data:
        """List those that were ever asked for."""
        record = self._accounts.connected(call.path["id"])
        shown = [self._verification.capability(record, name) for name in sorted(record.hidden["requested"])]
        return list_of(shown, f"/v1/accounts/{record.id}/capabilities")

    def show_capability(self, call: Call) -> Data:
        """Show one."""
        record, name = self._capability(call)
        return self._verification.capability(record, name)

    def modify_capability(self, call: Call) -> Data:
        """Ask for one, or give it back."""
        record, name = self._capability(call)
        with self._verification.changing(record):
            if "requested" in call.params:
                self._accounts.request(record, {name: call.params})
        return self._verification.capability(record, name)

    def _capability(self, call: Call) -> tuple[Record, str]:
        record, name = self._accounts.connected(call.path["id"]), call.path["capability"]
        if name not in account_shapes.CAPABILITIES:
            raise problems.absent("capability", name)
        return record, name

    # Bank accounts -------------------------------------------------------------------------------------------

    def list_banks(self, call: Call) -> Data:
        """List the bank accounts of an account."""
        record = self._accounts.connected(call.path["id"])
        return self._lists.page(
            kind="bank_account",
            account=record.id,
            params=call.params,
            url=f"/v1/accounts/{record.id}/external_accounts",
        )

    def create_bank(self, call: Call) -> Data:
        """Add one."""
        record = self._accounts.connected(call.path["id"])
        wanted = {**call.params["external_account"], "metadata": merged({}, call.params.get("metadata"))}
        with self._verification.changing(record):
            bank = banks.add(self._store, record, wanted, default=call.params.get("default_for_currency"))
        self._events.tell("account.external_account.created", bank)
        return self._shows.show(bank)

    def show_bank(self, call: Call) -> Data:
        """Show one."""
        return self._shows.show(self._bank(call)[1])

    def modify_bank(self, call: Call) -> Data:
        """Change the name, or make it the default."""
        _, bank = self._bank(call)
        for name in ("account_holder_name", "account_holder_type"):
            if name in call.params:
                bank.data[name] = call.params[name] or None
        bank.data["metadata"] = merged(bank.data["metadata"], call.params.get("metadata"))
        if call.params.get("default_for_currency"):
            for other in self._store.where("bank_account", "account", bank.account):
                other.hidden["default"] = other is bank
                self._store.keep(other)
        self._store.keep(bank)
        self._events.tell("account.external_account.updated", bank)
        return self._shows.show(bank)

    def delete_bank(self, call: Call) -> Data:
        """Forget one."""
        record, bank = self._bank(call)
        if bank.hidden["default"] and len(self._store.where("bank_account", "account", record.id)) > 1:
            raise problems.invalid(
                "You cannot delete the default external account for your default currency. Please make another "
                "external account the default using the `default_for_currency` param, and then delete this one."
            )
        shown = self._shows.show(bank)
        with self._verification.changing(record):
            self._store.remove(bank)
        self._events.tell_of(
            "account.external_account.deleted", shown, account=record.id, references=[bank.id, record.id]
        )
        return {"id": bank.id, "object": "bank_account", "deleted": True}

    def _bank(self, call: Call) -> tuple[Record, Record]:
        record = self._accounts.connected(call.path["id"])
        bank = self._store.get(call.path["bank"], "bank_account")
        if bank is None or bank.account != record.id:
            raise problems.absent("external account", call.path["bank"])
        return record, bank
