"""A seller who is paid through Wise, and what the stories ask of Wise's own books."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from accounts.models import Payee
from payouts import reconciling, three_books
from payouts.models import Payout, PayoutMethod, Step
from payouts.providers import registry
from payouts.providers.offering import Receiver
from tests.sandbox_services import SandboxService
from tests.stories.books import disagreements
from tests.stories.world import World

IBAN = "DE89370400440532013000"
QUOTE, REQUIREMENTS, TRANSFER = r"/v3/profiles/\d+/quotes$", "/v1/transfer-requirements$", "/v1/transfers$"
FUND = r"/v3/profiles/\d+/transfers/\d+/payments$"


@pytest.fixture
def wise(world: World, wise_sandbox: SandboxService) -> Iterator[SandboxService]:
    """Wise, offered beside PayPal; our token may fund."""
    registry.reset()
    yield wise_sandbox
    registry.reset()


@pytest.fixture
def staffed(wise: SandboxService, monkeypatch: pytest.MonkeyPatch) -> SandboxService:
    """Wise, where our token may not fund: people pay on wise.com."""
    monkeypatch.setenv("WISE_FUNDING", "staff")
    registry.reset()
    return wise


def seller(world: World, holder: str = "Anna Lehmann", *, email: str = "anna@example.com") -> Payee:
    """Have somebody sign up who wants the money on a bank account."""
    payee = world.seller(email, method=False)
    pay_to(world, payee, holder)
    return payee


def pay_to(world: World, payee: Payee, holder: str) -> PayoutMethod:
    """Have the payee paid to a bank account from now on."""
    form = {"accountHolderName": holder, "legalType": "PRIVATE", "IBAN": IBAN}
    receiver = Receiver(str(payee.pk), "DE", ["EUR"])
    given = registry.get("wise").offering.destination(receiver, form)
    fields = {"payee": str(payee.pk), "provider": "wise", "checked": "Called the payee."}
    world.second("method_add", fields, secret=dict(given))
    return PayoutMethod.objects.get(payee=payee, retired_at__isnull=True)


def moved(wise: SandboxService, kind: str = "debit") -> list[int]:
    """What really moved at Wise, one by one."""
    return [int(entry["units"]) for entry in wise.ledger() if entry["kind"] == kind]


def steps(payout: Payout) -> list[tuple[str, str]]:
    """The steps of a payout's batches, with their outcomes."""
    rows = Step.objects.filter(batch__attempts__payout=payout).order_by("batch__created_at", "n")
    return list(rows.values_list("name", "outcome"))


def agreed(world: World, wise: SandboxService) -> None:
    """Wise's ledger, its own list, our postings and Sharetribe's truth agree to the cent, and nobody is alarmed."""
    wrong = disagreements(flex=world.flex, provider=wise)
    assert not wrong, "\n".join(wrong)
    world.assert_promises_hold()
    assert [one.opened for one in reconciling.reconcile_all(now=world.now, only="wise")] == [0]
    assert world.incidents() == []
    assert three_books.check(now=world.now).ok
