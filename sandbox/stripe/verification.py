"""The life of a connected account: what is due, Stripe's judgement, and what it takes away again."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sandbox.stripe import account_shapes, banks, requirements
from sandbox.stripe.ground import Ground, Part
from sandbox.stripe.names import names_of
from sandbox.stripe.store import Data, Record

_WHEN_RESTRICTED = "individual.verification.document"


class Verification(Part):
    """Judges accounts whenever they change."""

    def __init__(self, ground: Ground) -> None:
        super().__init__(ground)
        self.after_change: Callable[[str], None] = lambda account: None
        """What follows when an account has changed."""

    def start(self) -> None:
        """Go on with what the state file left undecided."""
        for record in self._store.all("account"):
            if record.hidden.get("standing") == "pending":
                self._judge_later(record)
            for extra in record.hidden.get("extra", ()):
                self._look_again_at(record, extra["deadline"])

    @contextmanager
    def changing(self, record: Record) -> Iterator[tuple[Data, dict[str, Any]]]:
        """Change an account within: afterwards it is judged, kept, and told of if it is another than before."""
        before = copy.deepcopy(self._shows.show(record))
        yield record.data, record.hidden
        self._assess(record)
        self._store.keep(record)
        self._tell(record, before)
        self.after_change(record.id)

    def _tell(self, record: Record, before: Data) -> None:
        if self._shows.show(record) == before:
            return
        self._events.tell("account.updated", record, before=before)
        for name, status in record.data["capabilities"].items():
            if before["capabilities"].get(name) != status:
                shown = self.capability(record, name)
                self._events.tell_of(
                    "capability.updated",
                    shown,
                    account=record.id,
                    references=names_of(record, self._store),
                    previous={"status": before["capabilities"].get(name, "unrequested")},
                )

    def capability(self, record: Record, name: str) -> Data:
        """Show one capability of an account."""
        requested: dict[str, int] = record.hidden["requested"]
        return account_shapes.capability(record.data, name, requested_at=requested.get(name))

    # Judging -------------------------------------------------------------------------------------------------

    def _assess(self, record: Record) -> None:
        """Bring an account in line with what is known of it."""
        data, hidden = record.data, record.hidden
        lacks = requirements.lacking(
            data, hidden["given"], has_bank=banks.bank_of(self._store, record.id) is not None
        )
        if not lacks and hidden["standing"] == "unverified":
            hidden["standing"] = "pending"
            self._judge_later(record)
        data["details_submitted"] = data["details_submitted"] or not lacks
        standing = requirements.assess(
            lacks=lacks, extra=hidden["extra"], standing=hidden["standing"], now=self._store.now()
        )
        data["requirements"] = standing.requirements
        state = "active" if standing.able else "pending" if standing.pending else "inactive"
        data["capabilities"] = dict.fromkeys(hidden["requested"], state)
        fit = data["details_submitted"] and standing.disabled_reason is None
        data["charges_enabled"] = (
            data["details_submitted"] and data["capabilities"].get("card_payments") == "active"
        )
        data["payouts_enabled"] = fit

    def _judge_later(self, record: Record) -> None:
        self._world.clock.call_later(self._settings.judging_s, lambda: self._judge(record))

    def _judge(self, record: Record) -> None:
        """Decide of an account that has given everything."""
        if record.hidden["standing"] != "pending" or self._store.get(record.id) is not record:
            return
        fate = self._fates.of("account", names_of(record, self._store)) or "verified"
        if fate not in ("pending", "deauthorized"):
            self.decide(record, fate)

    def decide(self, record: Record, fate: str) -> None:
        """Have Stripe think this of an account, whatever it has given."""
        if fate == "deauthorized":
            self._deauthorize(record)
            return
        with self.changing(record) as (_, hidden):
            if fate in ("verified", "restricted", "pending"):
                self.fulfil(record)
                hidden["standing"] = "pending" if fate == "pending" else "verified"
                if fate == "restricted":
                    hidden["extra"] = [{"field": _WHEN_RESTRICTED, "deadline": self._store.now()}]
            else:
                hidden["standing"] = "rejected.other" if fate == "rejected" else fate

    def fulfil(self, record: Record) -> None:
        """Give all that is due; call it while `changing`."""
        if banks.bank_of(self._store, record.id) is None:
            banks.add(self._store, record, banks.good(record))
        requirements.complete(record.data, record.hidden["given"], moment=self._store.now())
        record.hidden["extra"] = []
        record.data["details_submitted"] = True

    def require(self, record: Record, fields: list[str], *, seconds: float) -> None:
        """Ask for more, until a deadline; after it the account is restricted."""
        deadline = self._store.now() + int(seconds)
        with self.changing(record) as (_, hidden):
            hidden["extra"] = [*hidden["extra"], *({"field": name, "deadline": deadline} for name in fields)]
        self._look_again_at(record, deadline)

    def _look_again_at(self, record: Record, moment: int) -> None:
        def look() -> None:
            with self.changing(record):
                pass

        if moment > self._store.now():
            self._world.clock.call_at(float(moment), look)

    def _deauthorize(self, record: Record) -> None:
        """Have the account's owner take our access away."""
        record.hidden["deauthorized"] = True
        self._store.keep(record)
        self._events.tell_of(
            "account.application.deauthorized",
            {"id": "ca_sandbox", "object": "application", "name": "The platform"},
            account=record.id,
            references=names_of(record, self._store),
        )
