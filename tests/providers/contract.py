"""What every provider must hold, whatever its service is like: its test inherits `ProviderContract`.

A subclass says how its service is reached and what it calls things; the tests below say what the engine relies on.
"""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from marketplace_payouts.lib.currencies import EXPONENTS
from marketplace_payouts.lib.money import Money
from payouts.providers.base import (
    Absent,
    Accepted,
    AlreadyExists,
    Answer,
    BadWebhook,
    BatchView,
    Deferred,
    DestinationError,
    Done,
    Item,
    Key,
    Outcome,
    PayoutProvider,
    Progress,
    ProviderError,
    ProviderUnavailable,
    RawWebhook,
    ReferenceVanished,
    Status,
    Step,
    Unknown,
)
from tests.sandbox_services import SandboxService

SETTLED = frozenset({Status.PAID, Status.FAILED, Status.RETURNED, Status.AWAITING_PAYEE, Status.ON_HOLD})


def progress_of(*items: Item, answers: Sequence[Answer] = (), batch_key: str = "") -> Progress:
    """Make what `next_step` looks at."""
    currency = items[0].amount.currency if items else "EUR"
    key = batch_key or str(uuid.uuid4())
    return Progress(
        batch_key=key, currency=currency, items=list(items), answers=list(answers), at=datetime.now(UTC)
    )


def answered(step: Step, outcome: Outcome) -> Answer:
    """Make the record that the engine keeps of an outcome."""
    match outcome:
        case Accepted():
            return Answer(step.name, "accepted", outcome.reference, outcome.facts)
        case AlreadyExists():
            return Answer(step.name, "already_exists", outcome.reference, {})
        case _:
            return Answer(step.name, type(outcome).__name__.lower(), "", {})


def pay(provider: PayoutProvider, progress: Progress) -> str:
    """Take all steps as the engine would when everything goes well, and give the reference."""
    answers = list(progress.answers)
    for _ in range(10):
        step = provider.next_step(replace(progress, answers=answers))
        if isinstance(step, Done):
            return step.reference
        outcome = provider.transmit(step)
        assert isinstance(outcome, Accepted), outcome
        answers.append(answered(step, outcome))
    raise AssertionError("The steps do not end.")


def money_step(provider: PayoutProvider, progress: Progress) -> Step:
    """Take all steps before the one that moves money, and give that one untransmitted."""
    answers: list[Answer] = []
    for _ in range(10):
        step = provider.next_step(replace(progress, answers=answers))
        assert isinstance(step, Step)
        if step.moves_money:
            return step
        answers.append(answered(step, provider.transmit(step)))
    raise AssertionError("No step moves money.")


def until(
    read: Callable[[], BatchView], good: Callable[[BatchView], bool], *, within: float = 10.0
) -> BatchView:
    """Read until it is as wanted."""
    end = time.monotonic() + within
    while not good(view := read()):
        assert time.monotonic() < end, view
        time.sleep(0.01)
    return view


def settled(view: BatchView) -> bool:
    """Say whether the provider has decided about every item."""
    return bool(view.observations) and all(one.status in SETTLED for one in view.observations)


def key_of(step: Step, progress: Progress, *, sent_at: datetime | None = None) -> Key:
    """Make what a provider is asked by."""
    at = sent_at or datetime.now(UTC)
    return Key(step.key, progress.batch_key, [item.key for item in progress.items], at, at)


def debits(service: SandboxService) -> list[dict[str, Any]]:
    """List the money that really left."""
    return [entry for entry in service.ledger() if entry["kind"] == "debit"]


class ProviderContract:
    """Inherit, give the fixtures `provider` and `service` (reset before each test), and fill in the rest."""

    currency: ClassVar[str] = "EUR"
    settings: ClassVar[Sequence[str]]
    """The settings that only make sense together."""
    module: ClassVar[str]
    first_path: ClassVar[str]
    """Path of the first step, for faults."""
    read_by: ClassVar[str] = "GET"
    """HTTP's method of the readings, for faults."""

    def given(self, name: str) -> Mapping[str, str]:
        """Give what a payee of this name would fill in, not yet normalised."""
        raise NotImplementedError

    def bad_destinations(self) -> Sequence[Mapping[str, str]]:
        """Give what cannot be paid to."""
        raise NotImplementedError

    def unreachable(self) -> PayoutProvider:
        """Give the provider, pointed at a port where nobody listens."""
        raise NotImplementedError

    def echoed(self, provider: PayoutProvider, progress: Progress) -> Step:
        """Give the step whose answer says what was sent, untransmitted."""
        step = provider.next_step(progress)
        assert isinstance(step, Step)
        return step

    def freshen(self, service: SandboxService) -> None:
        """Bring reports that lag up to date."""

    def item(self, provider: PayoutProvider, name: str = "anna", *, units: int = 1234) -> Item:
        """Make an item to pay."""
        destination = provider.read_destination(self.given(name))
        return Item(str(uuid.uuid4()), Money(units, self.currency), destination, "PO-1")

    # Declared ------------------------------------------------------------------------------------------------

    def test_declares_what_can_be_true(self, provider: PayoutProvider):
        can = provider.capabilities
        assert can.items_per_batch >= 1
        assert can.concurrency >= 1
        assert can.calls_per_second > 0
        assert can.poll_every > timedelta(0)
        assert can.return_window > timedelta(0)
        assert can.dedupes == (can.key_window > timedelta(0))
        assert set(can.exponents) <= set(EXPONENTS)
        assert provider.name.isidentifier()
        assert provider.label

    def test_knows_neither_django_nor_the_database(self):
        code = (
            f"import sys; import {self.module}; "
            "found = {n.partition('.')[0] for n in sys.modules} & {'django', 'psycopg', 'accounts', 'flexsync'}; "
            "sys.exit(f'it imports {found}' if found or 'payouts.models' in sys.modules else 0)"
        )
        subprocess.run([sys.executable, "-c", code], check=True)

    def test_is_not_offered_without_settings(self, provider: PayoutProvider):
        assert type(provider).from_environ({}) is None

    def test_says_what_is_missing_when_set_up_by_half(self, provider: PayoutProvider):
        for name in self.settings:
            rest = {other: "x" for other in self.settings if other != name}
            with pytest.raises(ProviderError, match=name):
                type(provider).from_environ(rest)

    # Steps ---------------------------------------------------------------------------------------------------

    def test_next_step_is_pure(self, provider: PayoutProvider):
        progress = progress_of(self.item(provider))
        step = provider.next_step(progress)
        assert isinstance(step, Step)
        assert step == provider.next_step(progress) == self.unreachable().next_step(progress)
        assert step.body
        assert step.key

    def test_each_batch_has_keys_of_its_own(self, provider: PayoutProvider):
        item = self.item(provider)
        first, second = (provider.next_step(progress_of(item)) for _ in range(2))
        assert isinstance(first, Step)
        assert isinstance(second, Step)
        assert first.key != second.key

    def test_refuses_a_currency_that_it_does_not_know(self, provider: PayoutProvider):
        unknown = next(code for code in sorted(EXPONENTS) if code not in provider.capabilities.exponents)
        item = Item("k1", Money(100, unknown), provider.read_destination(self.given("anna")))
        with pytest.raises(ProviderError):
            provider.next_step(progress_of(item))

    # Outcomes ------------------------------------------------------------------------------------------------

    def test_pays_and_tells_what_became_of_it(self, provider: PayoutProvider, service: SandboxService):
        item = self.item(provider)
        reference = pay(provider, progress_of(item))
        view = until(lambda: provider.fetch(reference), settled)
        (observed,) = view.observations
        assert observed.status is Status.PAID
        assert observed.item_key == item.key
        assert observed.amount == item.amount
        assert observed.destination == provider.destination_echo(item.destination)
        assert view.closed
        assert observed.raw_status
        assert provider.fetch_item(observed.reference).status is Status.PAID
        (debit,) = debits(service)
        assert (debit["reference"], debit["currency"]) == (item.key, self.currency)

    @pytest.mark.parametrize("kind", ["drop_after", "error_after", "html_body", "truncated_body"])
    def test_a_lost_answer_is_unknown(self, provider: PayoutProvider, service: SandboxService, kind: str):
        step = money_step(provider, progress_of(self.item(provider)))
        service.fault(kind, match={"path": step.path, "method": "POST"}, times=1)
        assert isinstance(provider.transmit(step), Unknown)
        assert len(debits_soon(service, 1)) == 1

    @pytest.mark.parametrize("kind", ["drop_before", "error_before"])
    def test_a_failure_that_proves_nothing_is_unknown(
        self, provider: PayoutProvider, service: SandboxService, kind: str
    ):
        step = money_step(provider, progress_of(self.item(provider)))
        service.fault(kind, match={"path": step.path, "method": "POST"}, times=1)
        assert isinstance(provider.transmit(step), Unknown)
        assert not debits(service)

    def test_a_wrong_echo_is_never_accepted(self, provider: PayoutProvider, service: SandboxService):
        step = self.echoed(provider, progress_of(self.item(provider)))
        service.fault("wrong_echo", match={"path": step.path, "method": "POST"}, times=1)
        assert isinstance(provider.transmit(step), Unknown)

    def test_what_was_not_sent_may_be_sent_later(self, provider: PayoutProvider):
        step = provider.next_step(progress_of(self.item(provider)))
        assert isinstance(step, Step)
        assert isinstance(self.unreachable().transmit(step), Deferred)

    def test_being_slowed_down_is_no_failure(self, provider: PayoutProvider, service: SandboxService):
        step = money_step(provider, progress_of(self.item(provider)))
        service.fault("rate_limit", match={"path": step.path}, times=1)
        assert isinstance(provider.transmit(step), Deferred)
        assert isinstance(provider.transmit(step), Accepted)

    def test_dedupes_as_declared(self, provider: PayoutProvider, service: SandboxService):
        step = money_step(provider, progress_of(self.item(provider)))
        first, second = provider.transmit(step), provider.transmit(step)
        assert isinstance(first, Accepted)
        if provider.capabilities.dedupes:
            assert isinstance(second, AlreadyExists | Accepted)
            assert second.reference in {first.reference, ""}
        wanted = 1 if provider.capabilities.dedupes else 2
        assert len(debits_soon(service, wanted)) == wanted

    def test_absence_proves_nothing_at_once(self, provider: PayoutProvider, service: SandboxService):
        progress = progress_of(self.item(provider))
        step = money_step(provider, progress)
        service.fault("drop_after", match={"path": step.path, "method": "POST"}, times=1)
        provider.transmit(step)
        found = provider.find(key_of(step, progress))
        assert not (isinstance(found, Absent) and found.authoritative)

    # Reading -------------------------------------------------------------------------------------------------

    def test_a_reference_that_is_nobodys_has_vanished(self, provider: PayoutProvider):
        for read in (provider.fetch, provider.fetch_item):
            with pytest.raises(ReferenceVanished):
                read("NOSUCHTHING")

    def test_an_unreachable_service_is_unavailable(self):
        provider = self.unreachable()
        now = datetime.now(UTC)
        for read in (
            lambda: provider.fetch("SOMETHING"),
            lambda: provider.fetch_item("SOMETHING"),
            provider.balances,
            lambda: provider.statement(since=now - timedelta(days=1), until=now),
        ):
            with pytest.raises(ProviderUnavailable):
                read()
        assert not provider.check().ok

    @pytest.mark.parametrize("kind", ["html_body", "truncated_body", "error_before", "drop_before"])
    def test_nonsense_is_unavailable(self, provider: PayoutProvider, service: SandboxService, kind: str):
        reference = pay(provider, progress_of(self.item(provider)))
        service.fault(kind, match={"method": self.read_by}, times=1)
        with pytest.raises(ProviderUnavailable):
            provider.fetch(reference)

    def test_a_returned_amount_is_cumulative(self, provider: PayoutProvider, service: SandboxService):
        if not provider.capabilities.returns:
            # Then there is no such thing at the service either.
            assert "return" not in {one["kind"] for one in service.get("/_sandbox/kinds")["kinds"]}
            return
        item = self.item(provider)
        service.fault("return", match={"reference": item.key}, times=1)
        reference = pay(provider, progress_of(item))
        view = until(
            lambda: provider.fetch(reference),
            lambda seen: any(one.status is Status.RETURNED for one in seen.observations),
        )
        (observed,) = view.observations
        assert observed.returned == item.amount
        assert observed.return_reference

    def test_reads_balances_and_statement(self, provider: PayoutProvider, service: SandboxService):
        item = self.item(provider)
        reference = pay(provider, progress_of(item))
        until(lambda: provider.fetch(reference), settled)
        self.freshen(service)
        now = datetime.now(UTC)
        statement = provider.statement(since=now - timedelta(hours=1), until=now + timedelta(hours=1))
        (debit,) = [line for line in statement.lines if line.kind == "debit"]
        assert (debit.item_key, debit.amount) == (item.key, item.amount)
        assert debit.destination == provider.destination_echo(item.destination)
        assert self.currency in {balance.available.currency for balance in provider.balances()}

    def test_a_connection_test_moves_nothing(self, provider: PayoutProvider, service: SandboxService):
        report = provider.check()
        assert report.ok
        assert report.account
        assert not service.ledger()

    def test_a_webhook_without_a_signature_is_refused(self, provider: PayoutProvider):
        with pytest.raises(BadWebhook):
            provider.read_webhook(RawWebhook({}, b"{}", datetime.now(UTC)))

    # Destinations --------------------------------------------------------------------------------------------

    def test_a_normalised_destination_stays_as_it_is(self, provider: PayoutProvider):
        normal = provider.read_destination(self.given("anna"))
        assert provider.read_destination(normal) == normal

    def test_a_mask_hides_the_destination(self, provider: PayoutProvider):
        normal = provider.read_destination(self.given("anna-of-the-hills"))
        masked = provider.mask(normal)
        assert masked
        assert not any(value in masked for value in normal.values())
        assert "anna-of-the-hills" not in masked

    def test_refuses_destinations_that_cannot_be_paid(self, provider: PayoutProvider):
        for given in self.bad_destinations():
            with pytest.raises(DestinationError):
                provider.read_destination(given)


def debits_soon(service: SandboxService, count: int) -> list[dict[str, Any]]:
    """List the money that left, once at least so much has, or half a second has passed."""
    end = time.monotonic() + 5
    while len(debits(service)) < count and time.monotonic() < end:
        time.sleep(0.01)
    return debits(service)
