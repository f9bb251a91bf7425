"""The finance team in a story: they carry files to the bank, look whether it has them, and bring its statements."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from accounts.models import Payee, User
from payouts import reconciling, requests
from payouts.bank_files import handing_out, uploading
from payouts.models import BankFile, Payout, Request
from tests.providers.bank_file.courier import BankService
from tests.providers.bank_file.papers import ANNA, LINH
from tests.stories.books import disagreements
from tests.stories.world import World

ACCOUNTS: Final[Mapping[str, Mapping[str, str]]] = {
    "anna": ANNA,
    "linh": LINH,
    "ece": {
        "country": "TR",
        "holder": "Ece Yıldız",
        "iban": "TR330006100519786457841326",
        "bic": "TCZBTR2A",
        "city": "İzmir",
    },
}


class Finance:
    """What people do with files and statements; Alice carries, Bob looks and seconds."""

    def __init__(self, world: World, service: BankService) -> None:
        self.world, self.service = world, service
        self.first_day = (world.now - timedelta(days=5)).date()

    def seller(self, name: str = "anna") -> Payee:
        """Let somebody be paid to their bank account."""
        payee = self.world.seller(f"{name}@example.com", method=False)
        fields = {"payee": str(payee.pk), "provider": "bank_file", "checked": "Called the payee."}
        self.world.second("method_add", fields, secret=dict(ACCOUNTS[name]))
        return payee

    def sent(self, *names: str) -> list[Payout]:
        """Have sellers' sales approved and sent; gives their payouts, which stand in one file."""
        for name in names or ("anna",):
            self.world.sale(self.seller(name))
        self.world.decide()
        self.world.approve()
        self.world.send()
        return list(Payout.objects.order_by("pk"))

    def download(self, file: BankFile | None = None, *, form: str = "xml", by: User | None = None) -> bytes:
        """Download a file."""
        wanted = file or BankFile.objects.get()
        return handing_out.download(
            by=by or self.world.alice, file_id=wanted.pk, form=form, reason="Upload.", now=self.world.now
        ).body

    def upload(self, *, form: str = "xml", times: int = 1) -> None:
        """Download the file, upload it so often, and have another person look whether the bank has it."""
        body = self.download(form=form)
        for _ in range(times):
            answer = self.service.upload(body)
            assert answer.status_code == 201, answer.text
        file = BankFile.objects.get()
        handing_out.confirm(by=self.world.bob, file_id=file.pk, reason="Looked.", now=self.world.now)

    def bring(self, form: str = "camt053") -> Request:
        """Bring the statement of all days: one uploads it, another seconds, and it is worked off."""
        asked = self.ask(self.statement(form))
        requests.second(request_id=asked.pk, by=self.world.bob, now=self.world.now)
        self.work()
        return asked

    def statement(self, form: str = "camt053") -> bytes:
        """Download the statement of all days, and of some before them."""
        return self.service.statement(form, first=self.first_day)

    def ask(self, body: bytes) -> Request:
        """Upload a statement."""
        return uploading.upload(
            by=self.world.alice,
            name="statement",
            body=body,
            reason="Daily.",
            first_day=self.first_day,
            now=self.world.now,
        )

    def work(self) -> None:
        """Let the workers do what a statement makes them do."""
        reconciling.reconcile_all(now=self.world.now, only="bank_file")
        self.world.hear_back()

    def moved(self, kind: str = "debit") -> list[int]:
        """What really moved at the bank."""
        return [int(entry["units"]) for entry in self.service.ledger() if entry["kind"] == kind]

    def agreed(self) -> None:
        """The bank's ledger, our postings and Sharetribe's truth agree, to the cent."""
        wrong = disagreements(flex=self.world.flex, provider=self.service)
        assert not wrong, "\n".join(wrong)
        self.world.assert_promises_hold()
