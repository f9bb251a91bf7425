"""What tests of Wise share: people with bank accounts, and their payments."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from marketplace_payouts.lib.money import Money
from payouts.providers.base import Answer, Item, Progress, Step
from payouts.providers.offering import Receiver
from payouts.providers.wise.provider import Wise
from tests.providers.contract import answered, progress_of
from tests.sandbox_services import SandboxService

PAYEE = Receiver("payee-1", "DE", ["EUR"])
AMERICAN = Receiver("payee-2", "US", ["USD"])
FORM = {"legalType": "PRIVATE", "IBAN": "DE89370400440532013000"}
TRANSFERS = r"/v1/transfers$"
FUND = r"/v3/profiles/\d+/transfers/\d+/payments$"


def account(wise: Wise, holder: str = "Anna Lehmann") -> Mapping[str, str]:
    """Have somebody fill in Wise's form."""
    return wise.offering.destination(PAYEE, {**FORM, "accountHolderName": holder})


def payment(wise: Wise, holder: str = "Anna Lehmann", *, units: int = 9000) -> Progress:
    """Make a payment to somebody."""
    amount = Money(units, "EUR")
    return progress_of(Item(str(uuid.uuid4()), amount, account(wise, holder), "PO-7K3M-9Q2"))


def step_named(wise: Wise, progress: Progress, name: str) -> tuple[Step, list[Answer]]:
    """Take all steps before the one of this name, and give that one untransmitted, with the answers so far."""
    answers: list[Answer] = []
    for _ in range(10):
        step = wise.next_step(Progress(progress.batch_key, progress.currency, progress.items, answers))
        assert isinstance(step, Step)
        if step.name == name:
            return step, answers
        answers.append(answered(step, wise.transmit(step)))
    raise AssertionError(f"No step is called {name}.")


def transfer_of(service: SandboxService, progress: Progress) -> str:
    """Give Wise's id of the transfer under our key."""
    found = [entry["key"] for entry in service.ledger() if entry["reference"] == progress.items[0].key]
    return str(found[0])
