"""Shows records as Stripe does: lists inside of resources, and `expand`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from sandbox.stripe import problems
from sandbox.stripe.store import Data, Record, Store

_EXPANDABLE = """
account balance_transaction charge customer default_payment_method default_source destination destination_payment
destination_payment_refund failure_balance_transaction latest_charge on_behalf_of original_payout payment_intent
payment_method reversed_by source source_refund source_transaction source_transfer source_transfer_reversal transfer
transfer_reversal
"""
EXPANDABLE = frozenset(_EXPANDABLE.split())
"""Fields that hold an id and can hold the resource itself."""

INCLUDABLE = {"customer": ("sources", "subscriptions", "tax_ids")}
"""Lists that are shown only to those who ask for them; nothing here ever puts anything into them."""

DEEPEST = 4
INNER_PAGE = 10


def list_of(data: Sequence[Data], url: str, *, has_more: bool = False) -> Data:
    """Make a list object."""
    return {"object": "list", "data": list(data), "has_more": has_more, "url": url}


class Shows:
    """Shows records; the owner of a kind may register how it is shown."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._inner: dict[str, Callable[[Record], Data]] = {
            "transfer": self._reversals,
            "charge": self._refunds,
            "account": self._external_accounts,
            "event": lambda record: {"data": json.loads(record.hidden["told"])},
        }

    def show(self, record: Record) -> Data:
        """Give a resource as it is answered."""
        inner = self._inner.get(record.kind)
        return {**record.data, **inner(record)} if inner is not None else dict(record.data)

    def _reversals(self, record: Record) -> Data:
        found = self._store.where("transfer_reversal", "transfer", record.id)
        return {"reversals": self._listed(found, f"/v1/transfers/{record.id}/reversals")}

    def _refunds(self, record: Record) -> Data:
        found = self._store.where("refund", "charge", record.id)
        return {"refunds": self._listed(found, f"/v1/charges/{record.id}/refunds")}

    def _external_accounts(self, record: Record) -> Data:
        found = self._store.where("bank_account", "account", record.id)
        return {"external_accounts": self._listed(found, f"/v1/accounts/{record.id}/external_accounts")}

    def _listed(self, records: Sequence[Record], url: str) -> Data:
        newest = [self.show(record) for record in reversed(records[-INNER_PAGE:])]
        return list_of(newest, url, has_more=len(records) > INNER_PAGE)

    # Expanding -----------------------------------------------------------------------------------------------

    def expand(self, shown: Data, paths: Sequence[str]) -> None:
        """Put resources in the place of their ids.

        :raises Problem: for a path that leads nowhere.
        """
        for path in paths:
            steps = path.split(".")
            if len(steps) > DEEPEST:
                raise problems.invalid(
                    f"You cannot expand more than {DEEPEST} levels of a property ({path}).", "expand"
                )
            if shown.get("object") in ("list", "search_result") and steps[0] != "data":
                raise problems.invalid(
                    f"This property cannot be expanded ({path}). You may want to try expanding 'data.{path}' instead."
                )
            self._walk(shown, steps, path)

    def _walk(self, shown: Any, steps: Sequence[str], path: str) -> None:
        if not steps or shown is None:
            return
        if isinstance(shown, list):
            for one in shown:
                self._walk(one, steps, path)
            return
        if not isinstance(shown, dict):
            raise problems.invalid(f"This property cannot be expanded ({path}).")
        self._walk(self._opened(shown, steps[0], path), steps[1:], path)

    def _opened(self, shown: Data, step: str, path: str) -> Any:
        """Give what stands at one step, itself instead of its id."""
        if step in INCLUDABLE.get(str(shown.get("object")), ()):
            url = f"/v1/customers/{shown['id']}/{step}"
            return shown.setdefault(step, list_of((), url))
        if step not in shown:
            if step in EXPANDABLE and f"source.{step}" in path:
                return None  # sources are of many kinds, and what one of them has may be asked of all
            raise problems.invalid(f"This property cannot be expanded ({path}).")
        value = shown[step]
        if isinstance(value, dict):
            # A part of the record itself: what is put into it is for this answer alone.
            shown[step] = dict(value)
            return shown[step]
        if not isinstance(value, str):
            return value
        if step not in EXPANDABLE:
            raise problems.invalid(f"This property cannot be expanded ({path}).")
        found = self._store.get(value)
        if found is not None:
            shown[step] = self.show(found)
        return shown[step]
