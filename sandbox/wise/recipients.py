"""Recipients: accounts that can be paid into, made once and never changed."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sandbox.core import Request, Response
from sandbox.wise import forms, views
from sandbox.wise.books import Books, Recipient
from sandbox.wise.numbers import DECIMALS, answer, read
from sandbox.wise.problems import Problem

_MOST = 20


class Recipients:
    """The doors of recipients."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def create(self, request: Request) -> Response:
        """Make a recipient, each time a new one, with the hash that equal ones share."""
        asked = read(request)
        currency = asked.get("currency")
        if currency not in DECIMALS:
            raise Problem(400, "NOT_VALID", "Please choose a currency that we pay out in", path="currency")
        kind, details = str(asked.get("type", "")), asked.get("details")
        if not isinstance(details, dict):
            raise Problem(400, "NOT_VALID", "Please give the details of the account", path="details")
        forms.check(currency, kind, asked)
        holder = str(asked["accountHolderName"])
        refused = self._books.world.faults.take("name_mismatch", request=request)
        recipient = Recipient(
            id=self._books.next_id(),
            profile=int(asked.get("profile") or self._books.personal),
            currency=currency,
            type=kind,
            holder=holder,
            details=details,
            hash=_hash(currency, kind, holder, details),
            outcome="SUCCESS" if refused is None else str(refused.value or "FAILURE"),
        )
        self._books.keep(recipient)
        return answer(views.recipient(recipient, self._books))

    def list_v1(self, request: Request) -> Response:
        """List all active ones of a currency."""
        currency = request.arg("currency")
        found = [
            one for one in self._books.recipients.values() if one.active and currency in (None, one.currency)
        ]
        return answer([views.recipient_v1(one, self._books) for one in found])

    def list(self, request: Request) -> Response:
        """List, at most twenty at a time, from `seekPosition` on."""
        currency, kind, profile = request.arg("currency"), request.arg("type"), request.arg("profile")
        downwards = request.arg("sort") == "id,desc"
        seek = int(request.arg("seekPosition") or 0)
        size = min(int(request.arg("size") or 10), _MOST)
        wanted = [
            one
            for one in sorted(self._books.recipients.values(), key=lambda one: one.id, reverse=downwards)
            if one.active
            and currency in (None, one.currency)
            and kind in (None, one.type)
            and profile in (None, str(one.profile))
            and (not seek or (one.id < seek if downwards else one.id > seek))
        ]
        page = wanted[:size]
        body = {
            "content": [views.recipient(one, self._books) for one in page],
            "sort": {"empty": False, "sorted": True, "unsorted": False},
            "size": size,
            "seekPositionForCurrent": seek,
            "seekPositionForNext": page[-1].id if len(wanted) > size else 0,
        }
        return answer(body)

    def show_v1(self, request: Request) -> Response:
        """Show one, without its hash."""
        return answer(views.recipient_v1(self.of_path(request), self._books))

    def show(self, request: Request) -> Response:
        """Show one, with its hash."""
        recipient = self.of_path(request)
        shown = views.recipient(recipient, self._books)
        names = {str(recipient.id)}
        if self._books.world.faults.take("recipient_changed", references=names, request=request):
            shown["hash"] = hashlib.sha256(recipient.hash.encode()).hexdigest()
        return answer(shown)

    def remove(self, request: Request) -> Response:
        """Put one out of use."""
        recipient = self.of_path(request)
        recipient.active = False
        self._books.keep(recipient)
        return answer(views.recipient(recipient, self._books))

    def of_path(self, request: Request) -> Recipient:
        """Find the recipient of a path.

        :raises Problem: when there is none.
        """
        text = request.params["account"]
        recipient = self._books.recipients.get(int(text)) if text.isdecimal() else None
        if recipient is None:
            raise Problem(404, "account.not-found", "There is no such recipient")
        return recipient


def _hash(currency: str, kind: str, holder: str, details: dict[str, Any]) -> str:
    text = json.dumps([currency, kind, holder, details], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
