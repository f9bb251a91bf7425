"""Carries files to the sandbox's bank and brings its statements, as people do; for tests without a database."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any, Final
from uuid import UUID

import requests

from payouts.providers.bank_file import pain001
from payouts.providers.bank_file.bank_statements import BankStatement, Entry
from payouts.providers.bank_file.desk import Coverage, DeskFile
from payouts.providers.bank_file.provider import BankFile
from payouts.providers.bank_file.reading import read_statement
from payouts.providers.bank_file.settings import BankFileSettings
from payouts.providers.base import Accepted, Outcome, Step
from tests.sandbox_services import SandboxService, running

_HEX: Final = 32


class BankService(SandboxService):
    """The bank, under the name of the provider that it serves, with our keys as we write them."""

    @classmethod
    def of(cls, service: SandboxService) -> BankService:
        """Take over a running bank."""
        return cls(name="bank_file", url=service.url, credentials=service.credentials)

    def environment(self) -> dict[str, str]:
        """Name the product's settings."""
        names = {
            "name": "DEBTOR_NAME",
            "account": "DEBTOR_ACCOUNT",
            "bic": "DEBTOR_BIC",
            "currency": "CURRENCY",
        }
        return {f"BANK_FILE_{names[key]}": value for key, value in self.credentials.items()}

    def ledger(self) -> list[dict[str, Any]]:
        """List the money that really moved, by our keys."""
        return [{**entry, "reference": _key(entry["reference"])} for entry in super().ledger()]

    def upload(self, body: bytes) -> requests.Response:
        """Upload a file, as at the bank's own pages."""
        return self._session.post(f"{self.url}/files", data=body, timeout=10)

    def statement(
        self, form: str = "camt053", *, first: date | None = None, last: date | None = None
    ) -> bytes:
        """Download a statement, of all days where none are named."""
        days: Mapping[str, str] = {
            name: day.isoformat() for name, day in (("from", first), ("to", last)) if day is not None
        }
        answer = self._session.get(f"{self.url}/statements/{form}", params=days, timeout=10)
        answer.raise_for_status()
        return answer.content


@contextmanager
def bank() -> Iterator[BankService]:
    """Run a bank."""
    with running("bank") as service:
        found = BankService.of(service)
        try:
            yield found
        finally:
            found.close()


class MemoryDesk:
    """A desk that forgets when the test ends; each look at it brings the bank's newest statement."""

    def __init__(self, service: BankService, settings: BankFileSettings) -> None:
        self._service, self._settings = service, settings
        self._bodies: dict[str, bytes] = {}

    def lay(self, body: bytes) -> None:
        """Keep a committed file, as the engine does before it is transmitted."""
        self._bodies[pain001.read(body).message_id] = body

    def take(self, message_id: str) -> int:
        """Number a file by its place."""
        return 1 + list(self._bodies).index(message_id)

    def file(self, message_id: str) -> DeskFile | None:
        """Give a file."""
        body = self._bodies.get(message_id)
        return None if body is None else DeskFile(message_id, self.take(message_id), body, "uploaded")

    def file_of(self, item_key: str) -> DeskFile | None:
        """Give the file that a payment stands in."""
        for message_id, body in self._bodies.items():
            if any(one.key == item_key for one in pain001.read(body).payments):
                return self.file(message_id)
        return None

    def entries_of(self, item_keys: Collection[str], message_id: str) -> Sequence[Entry]:
        """Give entries of payments or a file."""
        return [
            one for one in self._entries() if one.item_key in item_keys or message_id == one.message_id != ""
        ]

    def entries_since(self, day: date) -> Sequence[Entry]:
        """Give entries since a day."""
        return [one for one in self._entries() if one.booked_on >= day]

    def coverage(self) -> Coverage | None:
        """Say that all is covered."""
        statement = self._statement()
        return Coverage(date(2020, 1, 1), statement.last_day, statement.closing, statement.last_day)

    def _entries(self) -> Iterable[Entry]:
        return sorted(self._statement().entries, key=lambda one: (one.booked_on, one.reference))

    def _statement(self) -> BankStatement:
        return read_statement(self._service.statement(), self._settings)


class Couriered(BankFile):
    """The provider, with somebody who uploads each file as soon as it lies on the desk."""

    def __init__(self, settings: BankFileSettings, service: BankService) -> None:
        self.desk = MemoryDesk(service, settings)
        super().__init__(settings, desk=self.desk)
        self._service = service

    def transmit(self, step: Step) -> Outcome:
        """Lay the file down, and have it uploaded."""
        self.desk.lay(step.body)
        outcome = super().transmit(step)
        if isinstance(outcome, Accepted):
            self._service.upload(step.body)
        return outcome


def _key(end_to_end: str) -> str:
    return str(UUID(end_to_end)) if len(end_to_end) == _HEX else end_to_end
