"""Batch groups: up to a thousand transfers of one source currency, funded by one call, all or none."""

from __future__ import annotations

from typing import Any

from sandbox.core import Request, Response
from sandbox.wise import views
from sandbox.wise.books import CANCELLED, WAITING, Books, Group, Transfer
from sandbox.wise.funding import Funding
from sandbox.wise.numbers import answer, read
from sandbox.wise.problems import Problem
from sandbox.wise.processing import Processing
from sandbox.wise.quotes import Quotes
from sandbox.wise.transfers import Transfers

MOST = 1000
_LONGEST_NAME = 100


class Groups:
    """The doors of batch groups."""

    def __init__(
        self, books: Books, *, quotes: Quotes, transfers: Transfers, funding: Funding, processing: Processing
    ) -> None:
        self._books = books
        self._quotes = quotes
        self._transfers = transfers
        self._funding = funding
        self._processing = processing

    def create(self, request: Request) -> Response:
        """Open a group."""
        asked, name = read(request), str(read(request).get("name", ""))
        if not 0 < len(name) <= _LONGEST_NAME:
            raise Problem(422, "NOT_VALID", "A name has up to 100 characters", path="name")
        group = Group(
            self._books.new_uuid(), self._quotes.profile(request), name, str(asked.get("sourceCurrency"))
        )
        self._books.keep(group)
        return answer(views.group(group), status=201)

    def show(self, request: Request) -> Response:
        """Show a group."""
        return answer(views.group(self._of_path(request)))

    def add(self, request: Request) -> Response:
        """Make a transfer of the group."""
        group = self._of_path(request)
        if group.status != "NEW" or len(group.transfers) >= MOST:
            raise Problem(422, "batch-group.closed", "Nothing can be added to the group any more")
        transfer = self._transfers.make(request, group=group.id)
        if transfer.source != group.source:
            raise Problem(422, "NOT_VALID", "The group has another currency", path="quoteUuid")
        if transfer.id not in group.transfers:
            group.transfers.append(transfer.id)
            self._change(group)
        return answer(views.transfer(transfer, self._books))

    def change(self, request: Request) -> Response:
        """Complete or cancel a group, if the caller has seen its present version."""
        group, asked = self._of_path(request), read(request)
        if asked.get("version") != group.version:
            raise Problem(409, "batch-group.version", "The group has changed meanwhile", path="version")
        wanted = asked.get("status")
        if wanted == "COMPLETED" and group.status == "NEW":
            group.status = "COMPLETED"
        elif wanted == "CANCELLED" and not group.paid:
            group.status = "CANCELLED"
            for transfer in self._members(group):
                if transfer.status == WAITING:
                    self._processing.turn(transfer, CANCELLED)
        else:
            raise Problem(422, "batch-group.invalid-state", f"Cannot go from {group.status} to {wanted}")
        self._change(group)
        return answer(views.group(group))

    def fund(self, request: Request) -> Response:
        """Fund all transfers of a completed group, or none."""
        group = self._of_path(request)
        if read(request).get("type") != "BALANCE":
            raise Problem(422, "NOT_SUPPORTED", "Only BALANCE is supported", path="type")
        self._funding.authenticate(request, {group.id})
        members = [one for one in self._members(group) if one.status == WAITING]
        if group.status != "COMPLETED" or group.paid or not members:
            raise Problem(422, "batch-group.invalid-state", "The group is in an invalid state")
        why = self._funding.refusal(members, request)
        if why:
            raise Problem(422, why, "The group could not be funded")
        for transfer in members:
            self._processing.fund(transfer)
        group.paid = True
        self._change(group)
        return answer(self._payment(group))

    def _payment(self, group: Group) -> dict[str, Any]:
        return {
            "id": group.id,
            "name": group.name,
            "fileName": None,
            "alreadyPaid": group.paid,
            "shortId": int(group.id[:8], 16),
            "userId": self._books.user,
            "profileId": group.profile,
            "sourceCurrency": group.source,
            "status": group.status,
            "groupType": "API",
            "transferIds": list(group.transfers),
        }

    def _members(self, group: Group) -> list[Transfer]:
        return [self._books.transfers[one] for one in group.transfers]

    def _change(self, group: Group) -> None:
        group.version += 1
        self._books.keep(group)

    def _of_path(self, request: Request) -> Group:
        group = self._books.groups.get(request.params["group"])
        if group is None or group.profile != self._quotes.profile(request):
            raise Problem(404, "batch-group.not-found", "There is no such group")
        return group
