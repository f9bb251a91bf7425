"""Stripe Connect holds the contract, and everything that Stripe alone does, against its sandbox."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from unittest.mock import ANY

import pytest
import stripe

from marketplace_payouts.lib.money import Money
from payouts.providers.base import (
    Absent,
    Accepted,
    AlreadyExists,
    BadItem,
    CannotTell,
    Deferred,
    DestinationError,
    Found,
    Hint,
    Item,
    Leg,
    NotCancellable,
    PayoutProvider,
    ProviderError,
    RefusalClass,
    Refused,
    Status,
    Step,
    Unknown,
)
from payouts.providers.offering import Hosted, HostedState, Link, Receiver, Registration
from payouts.providers.stripe.offering import StripeOffering
from payouts.providers.stripe.provider import Stripe, StripeSettings
from tests.providers.contract import (
    ProviderContract,
    debits,
    key_of,
    pay,
    progress_of,
    until,
)
from tests.sandbox_services import SandboxService

CREATE = {"method": "POST", "path": "/v1/transfers$"}
KEY = "sk_test_" + "0" * 24
STRANGER = "acct_1Nobody00000000"


class AtStripe:
    """The platform as its owner sees it, and its sellers."""

    def __init__(self, service: SandboxService) -> None:
        self.service = service
        self.books = stripe.StripeClient(
            service.credentials["secret_key"],
            base_addresses={"api": service.url},
            http_client=stripe.RequestsClient(),
        )

    def seller(self, email: str = "anna@example.com", *, country: str = "DE", fate: str = "verified") -> str:
        """Have somebody onboarded; gives the account."""
        terms: Any = {
            "email": email,
            "country": country,
            "controller": {
                "fees": {"payer": "application"},
                "losses": {"payments": "application"},
                "stripe_dashboard": {"type": "express"},
            },
            "capabilities": {"transfers": {"requested": True}},
        }
        account = self.books.v1.accounts.create(terms).id
        self.service.post("/_sandbox/fate", {"reference": account, "status": fate})
        return account


@pytest.fixture
def at_stripe(stripe_sandbox: SandboxService) -> AtStripe:
    """Stripe, where money is in a bank within a moment."""
    stripe_sandbox.post("/_sandbox/settings", {"payout_s": 0.02, "arrival_s": 0.02})
    return AtStripe(stripe_sandbox)


@pytest.fixture
def payer(at_stripe: AtStripe) -> Stripe:
    """The provider, set up for its sandbox."""
    provider = Stripe.from_environ({**at_stripe.service.environment(), "STRIPE_PAYOUTS": "1"})
    assert provider is not None
    return provider


def item_for(account: str, units: int = 1234, currency: str = "EUR") -> Item:
    return Item(str(uuid.uuid4()), Money(units, currency), {"account": account}, "PO-1")


def step_for(provider: Stripe, item: Item) -> Step:
    step = provider.next_step(progress_of(item))
    assert isinstance(step, Step)
    return step


class TestStripe(ProviderContract):
    settings = ("STRIPE_SECRET_KEY",)
    module = "payouts.providers.stripe.provider"
    first_path = "/v1/transfers"
    account: ClassVar[str]

    @pytest.fixture
    def provider(self, payer: Stripe, at_stripe: AtStripe) -> Stripe:
        type(self).account = at_stripe.seller()
        return payer

    @pytest.fixture
    def service(self, stripe_sandbox: SandboxService) -> SandboxService:
        return stripe_sandbox

    def given(self, name: str) -> Mapping[str, str]:
        return {"account": f" {self.account} "}

    def bad_destinations(self) -> Sequence[Mapping[str, str]]:
        return [
            {},
            {"account": ""},
            {"account": "anna@example.com"},
            {"account": "acct_../../x"},
            {"account": "cus_1234567890"},
            {"account": STRANGER, "email": "anna@example.com"},
        ]

    def unreachable(self) -> PayoutProvider:
        return Stripe(StripeSettings(base_url="http://127.0.0.1:9", secret_key=KEY))

    def test_says_what_is_missing_when_set_up_by_half(self, provider: PayoutProvider):
        """A key is no half of it: buyers and sellers need one too."""
        assert Stripe.from_environ({"STRIPE_SECRET_KEY": KEY}) is None
        with pytest.raises(ProviderError, match="STRIPE_SECRET_KEY"):
            Stripe.from_environ({"STRIPE_PAYOUTS": "1"})


# Settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ({"STRIPE_SECRET_KEY": "pk_test_" + "0" * 24}, "not of the form"),
        ({"STRIPE_SECRET_KEY": "sk_live_" + "0" * 24}, "a live key"),
        ({"STRIPE_SECRET_KEY": KEY, "ENVIRONMENT": "live"}, "a test key"),
        ({"STRIPE_SECRET_KEY": KEY, "STRIPE_API_HOST": "https://stripe.example"}, "STRIPE_API_HOST"),
    ],
)
def test_settings_that_make_no_sense_are_refused(env: dict[str, str], says: str):
    with pytest.raises(ProviderError, match=says):
        Stripe.from_environ({"STRIPE_PAYOUTS": "1", **env})


def test_the_key_is_in_no_representation():
    assert KEY not in repr(StripeSettings(secret_key=KEY))


# The transfer -----------------------------------------------------------------------------------------------------


def test_the_money_is_paid_as_soon_as_it_is_the_sellers(payer: Stripe, at_stripe: AtStripe):
    item = item_for(at_stripe.seller())
    outcome = payer.transmit(step_for(payer, item))
    assert isinstance(outcome, Accepted)
    assert outcome.paid_now
    assert outcome.item_references == {item.key: outcome.reference}
    made = at_stripe.books.v1.transfers.retrieve(outcome.reference)
    assert (made.amount, made.currency, made.transfer_group) == (1234, "eur", item.key)
    assert made.description == "PO-1"
    assert made.source_transaction is None


@pytest.mark.parametrize(
    ("units", "currency", "wire"), [(1250, "JPY", 1250), (125_000, "HUF", 125_000), (1250, "USD", 1250)]
)
def test_amounts_are_whole_numbers_of_what_stripe_counts(
    payer: Stripe, at_stripe: AtStripe, units: int, currency: str, wire: int
):
    item = item_for(at_stripe.seller(), units, currency)
    reference = pay(payer, progress_of(item))
    assert at_stripe.books.v1.transfers.retrieve(reference).amount == wire
    assert payer.fetch(reference).observations[0].amount == item.amount


def test_a_bank_takes_whole_forints_only(payer: Stripe):
    assert payer.capabilities.exponents["HUF"] == 0
    with pytest.raises(BadItem, match="0 decimals"):
        payer.next_step(progress_of(item_for(STRANGER, 125_050, "HUF")))


def test_one_transfer_at_a_time(payer: Stripe):
    with pytest.raises(ProviderError, match="one transfer"):
        payer.next_step(progress_of(item_for(STRANGER), item_for(STRANGER)))


def test_nothing_can_be_withdrawn(payer: Stripe):
    assert isinstance(payer.cancel("tr_1"), NotCancellable)


# What is refused --------------------------------------------------------------------------------------------------


def refusal(payer: Stripe, item: Item) -> Refused:
    outcome = payer.transmit(step_for(payer, item))
    assert isinstance(outcome, Refused), outcome
    return outcome


def test_a_shortage_is_ours_and_is_kept_under_the_key(payer: Stripe, at_stripe: AtStripe):
    account = at_stripe.seller()
    at_stripe.service.post("/_sandbox/funds", {"currency": "EUR", "units": 100})
    step = step_for(payer, item_for(account))
    short = payer.transmit(step)
    assert isinstance(short, Refused)
    assert (short.code, short.refusal) == ("balance_insufficient", RefusalClass.OURS)
    assert short.key_is_spent
    assert short.settles_earlier
    # That is why: with money there, the same key still gives the same answer.
    at_stripe.service.post("/_sandbox/funds", {"currency": "EUR", "units": 1_000_000})
    assert isinstance(payer.transmit(step), Refused)
    assert not debits(at_stripe.service)


def test_an_account_that_may_not_receive_is_the_payees_to_mend(payer: Stripe, at_stripe: AtStripe):
    refused = refusal(payer, item_for(at_stripe.seller(fate="restricted")))
    assert refused.refusal is RefusalClass.PAYEE
    assert not refused.settles_earlier


def test_an_account_that_left_is_the_payees_to_mend(payer: Stripe, at_stripe: AtStripe):
    account = at_stripe.seller()
    at_stripe.service.post("/_sandbox/fate", {"reference": account, "status": "deauthorized"})
    assert refusal(payer, item_for(account)).refusal is RefusalClass.PAYEE


def test_an_account_in_a_region_kept_apart_is_final(payer: Stripe, at_stripe: AtStripe):
    refused = refusal(payer, item_for(at_stripe.seller(country="JP")))
    assert (refused.code, refused.refusal) == ("invalid:destination", RefusalClass.FINAL)


def test_a_reason_that_nobody_knows_proves_nothing(payer: Stripe, at_stripe: AtStripe):
    item = item_for(at_stripe.seller())
    at_stripe.service.fault("refuse", match=CREATE, value="some_new_code", times=1)
    outcome = payer.transmit(step_for(payer, item))
    assert isinstance(outcome, Unknown)
    assert "some_new_code" in outcome.reason


@pytest.mark.parametrize("kind", ["lock_timeout", "rate_limit"])
def test_what_was_not_begun_may_be_sent_again(payer: Stripe, at_stripe: AtStripe, kind: str):
    step = step_for(payer, item_for(at_stripe.seller()))
    at_stripe.service.fault(kind, match=CREATE, times=1)
    assert isinstance(payer.transmit(step), Deferred)
    assert isinstance(payer.transmit(step), Accepted)


def test_a_request_under_way_with_the_same_key_proves_nothing(payer: Stripe, at_stripe: AtStripe):
    step = step_for(payer, item_for(at_stripe.seller()))
    at_stripe.service.fault("conflict", match=CREATE, times=1)
    assert isinstance(payer.transmit(step), Unknown)


def test_a_key_that_was_rolled_is_ours_to_mend(at_stripe: AtStripe):
    other = Stripe(StripeSettings(base_url=at_stripe.service.url, secret_key="sk_test_" + "x" * 24))
    outcome = other.transmit(step_for(other, item_for(STRANGER)))
    assert isinstance(outcome, Deferred)
    assert outcome.ours
    assert not other.check().ok


def test_the_same_key_for_something_else_is_a_used_key(payer: Stripe, at_stripe: AtStripe):
    account = at_stripe.seller()
    step = step_for(payer, item_for(account))
    assert isinstance(payer.transmit(step), Accepted)
    other = step_for(payer, item_for(account, 99))
    assert payer.transmit(Step(other.name, step.key, other.body, moves_money=True, path=other.path)) == (
        AlreadyExists("", raw=ANY)
    )
    assert len(debits(at_stripe.service)) == 1


# Asking by our key ------------------------------------------------------------------------------------------------


def test_a_transfer_whose_answer_was_lost_is_found_at_once(payer: Stripe, at_stripe: AtStripe):
    progress = progress_of(item_for(at_stripe.seller()))
    step = payer.next_step(progress)
    assert isinstance(step, Step)
    at_stripe.service.fault("drop_after", match=CREATE, times=1)
    assert isinstance(payer.transmit(step), Unknown)
    found = payer.find(key_of(step, progress))
    assert isinstance(found, Found)
    assert found.view.batch_key == progress.batch_key
    assert found.view.observations[0].item_key == progress.items[0].key


def test_a_failure_of_stripes_that_is_kept_hides_no_transfer(payer: Stripe, at_stripe: AtStripe):
    """The same key would give the 500 again and again; the group tells that the money left."""
    progress = progress_of(item_for(at_stripe.seller()))
    step = payer.next_step(progress)
    assert isinstance(step, Step)
    at_stripe.service.fault("sticky_error", match=CREATE, times=1, when="after")
    assert isinstance(payer.transmit(step), Unknown)
    assert isinstance(payer.transmit(step), Unknown)
    assert isinstance(payer.find(key_of(step, progress)), Found)
    assert len(debits(at_stripe.service)) == 1


def test_after_a_day_the_group_still_tells(payer: Stripe, at_stripe: AtStripe):
    progress = progress_of(item_for(at_stripe.seller()))
    step = payer.next_step(progress)
    assert isinstance(step, Step)
    payer.transmit(step)
    at_stripe.service.advance(2 * 86_400)
    long_ago = datetime.now(UTC) - timedelta(days=2)
    assert isinstance(payer.find(key_of(step, progress, sent_at=long_ago)), Found)
    assert isinstance(payer.transmit(step), Accepted)
    # The key is forgotten: this is why the engine never sends so late. Two transfers of a group are nobody's.
    assert len(debits(at_stripe.service)) == 2
    assert isinstance(payer.find(key_of(step, progress, sent_at=long_ago)), CannotTell)


def test_absence_is_proven_once_no_request_can_be_under_way(payer: Stripe, at_stripe: AtStripe):
    progress = progress_of(item_for(at_stripe.seller()))
    step = payer.next_step(progress)
    assert isinstance(step, Step)
    now = datetime.now(UTC)
    at_once = payer.find(key_of(step, progress, sent_at=now))
    later = payer.find(key_of(step, progress, sent_at=now - timedelta(hours=1)))
    assert isinstance(at_once, Absent)
    assert not at_once.authoritative
    assert isinstance(later, Absent)
    assert later.authoritative


def test_an_unreadable_list_proves_nothing(payer: Stripe, at_stripe: AtStripe):
    progress = progress_of(item_for(at_stripe.seller()))
    step = payer.next_step(progress)
    assert isinstance(step, Step)
    at_stripe.service.fault("error_before", match={"method": "GET"}, times=1)
    assert isinstance(payer.find(key_of(step, progress)), CannotTell)


# To the bank ------------------------------------------------------------------------------------------------------


def leg(payer: Stripe, reference: str, wanted: Leg) -> tuple[str, str, str]:
    """Wait for a leg; gives the raw status, what carries the money, and why it failed."""

    def there(view: Any) -> bool:
        onward = view.observations[0].onward
        return onward is not None and onward.leg is wanted

    (seen,) = until(lambda: payer.fetch(reference), there).observations
    assert seen.status is Status.PAID
    assert seen.onward is not None
    return seen.raw_status, seen.onward.reference, seen.onward.message


def test_the_bank_is_a_fact_of_its_own(payer: Stripe, at_stripe: AtStripe):
    at_stripe.service.post("/_sandbox/settings", {"payout_s": 0.3, "arrival_s": 0.3})
    reference = pay(payer, progress_of(item_for(at_stripe.seller())))
    (first,) = payer.fetch(reference).observations
    assert (first.status, first.raw_status, first.onward) == (Status.PAID, "transferred", None)
    assert leg(payer, reference, Leg.UNDER_WAY)[0].startswith("transferred, bank ")
    assert leg(payer, reference, Leg.ARRIVED)[0] == "transferred, bank paid"


def test_a_bank_that_sends_it_back_after_it_had_said_paid(payer: Stripe, at_stripe: AtStripe):
    reference = pay(payer, progress_of(item_for(at_stripe.seller("returned+anna@example.com"))))
    raw, failed, why = leg(payer, reference, Leg.FAILED)
    assert raw == "transferred, bank failed"
    assert "account_closed: The bank account has been closed." in why
    (seen,) = payer.fetch(reference).observations
    assert seen.returned is None
    assert failed.startswith("po_")


def test_what_the_bank_sent_back_is_followed_to_the_next_one(payer: Stripe, at_stripe: AtStripe):
    account = at_stripe.seller("failed+anna@example.com")
    reference = pay(payer, progress_of(item_for(account)))
    _, failed, _ = leg(payer, reference, Leg.FAILED)
    at_stripe.service.post("/_sandbox/fate", {"reference": account, "status": "paid"})
    bank: Any = {
        "object": "bank_account",
        "country": "DE",
        "currency": "eur",
        "account_number": "DE89370400440532013000",
    }
    at_stripe.books.v1.accounts.external_accounts.create(account, {"external_account": bank})
    _, arrived, _ = leg(payer, reference, Leg.ARRIVED)
    assert arrived != failed


def test_an_account_that_left_tells_nothing_of_its_bank(payer: Stripe, at_stripe: AtStripe):
    account = at_stripe.seller()
    reference = pay(payer, progress_of(item_for(account)))
    at_stripe.service.post("/_sandbox/fate", {"reference": account, "status": "deauthorized"})
    (seen,) = payer.fetch(reference).observations
    assert (seen.status, seen.raw_status, seen.onward) == (Status.PAID, "transferred", None)


# Back to us -------------------------------------------------------------------------------------------------------


def test_reversals_in_parts_add_up(payer: Stripe, at_stripe: AtStripe):
    item = item_for(at_stripe.seller())
    reference = pay(payer, progress_of(item))
    back = []
    for units in (234, 1000):
        at_stripe.service.post("/_sandbox/reversal", {"reference": reference, "units": units})
        (seen,) = payer.fetch(reference).observations
        assert seen.status is Status.RETURNED
        assert seen.returned is not None
        back.append((seen.returned.units, seen.raw_status, seen.return_reference))
    assert [one[:2] for one in back] == [(234, "reversed in part"), (1234, "reversed")]
    assert back[0][2] != back[1][2]
    now = datetime.now(UTC)
    lines = payer.statement(since=now - timedelta(hours=1), until=now + timedelta(minutes=1)).lines
    returns = [(one.item_key, one.amount.units) for one in lines if one.kind == "return"]
    assert returns == [(item.key, 234), (item.key, 1000)]


# Books ------------------------------------------------------------------------------------------------------------


def statement_of(payer: Stripe) -> list[tuple[str, int, bool]]:
    now = datetime.now(UTC)
    statement = payer.statement(since=now - timedelta(hours=1), until=now + timedelta(minutes=1))
    assert statement.complete_until < now
    return [(one.kind, one.amount.units, bool(one.item_key)) for one in statement.lines]


def test_what_the_owner_moves_is_the_owners(payer: Stripe, at_stripe: AtStripe):
    payment: Any = {
        "amount": 5_000,
        "currency": "usd",
        "confirm": True,
        "payment_method": "pm_card_bypassPending",
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
    }
    at_stripe.books.v1.payment_intents.create(payment)
    at_stripe.service.post("/_sandbox/funds", {"currency": "USD", "units": 100_004_125})
    pay(payer, progress_of(item_for(at_stripe.seller(), 900, "USD")))
    assert statement_of(payer) == [
        ("top_up", 5_000, False),
        ("fee", 175, False),
        ("withdrawal", 700, False),
        ("debit", 900, True),
    ]


def test_a_payment_that_sharetribe_passes_on_is_no_payment_of_ours(payer: Stripe, at_stripe: AtStripe):
    payment: Any = {
        "amount": 5_000,
        "currency": "usd",
        "confirm": True,
        "payment_method": "pm_card_bypassPending",
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
    }
    charge = at_stripe.books.v1.payment_intents.create(payment).latest_charge
    account = at_stripe.seller()
    passed_on: Any = {
        "amount": 4_000,
        "currency": "usd",
        "destination": account,
        "source_transaction": charge,
    }
    at_stripe.books.v1.transfers.create(passed_on)
    at_stripe.books.v1.transfers.create({"amount": 50, "currency": "usd", "destination": account})
    # What leaves our own balance without our name is foreign, and is to stop us.
    assert statement_of(payer)[2:] == [("withdrawal", 4_000, False), ("debit", 50, False)]


def test_a_connection_test_names_what_a_webhook_does_not_tell(payer: Stripe):
    report = payer.check()
    assert report.account.startswith("acct_")
    assert report.account.endswith(" US")
    assert any("register_stripe_webhooks" in sentence for sentence in report.missing)


# Events -----------------------------------------------------------------------------------------------------------


def event(kind: str, about: dict[str, Any], account: str = "") -> dict[str, Any]:
    return {
        "id": "evt_1",
        "type": kind,
        "data": {"object": about},
        **({"account": account} if account else {}),
    }


def test_events_point_at_what_is_to_be_read_again(payer: Stripe):
    ours = {"id": "tr_1", "metadata": {"payout_item": "i1", "payout_batch": "b1"}}
    assert payer.hints_of(event("transfer.reversed", ours)) == [
        Hint("evt_1", "transfer.reversed", batch_reference="tr_1", batch_key="b1", item_key="i1")
    ]
    assert payer.hints_of(event("payout.failed", {"id": "po_1"}, "acct_1")) == [
        Hint("evt_1", "payout.failed", destination="acct_1")
    ]


@pytest.mark.parametrize(
    "told",
    [
        event("transfer.created", {"id": "tr_1", "metadata": {}}),
        event("transfer.created", {"id": "tr_1", "metadata": {"payout_item": "i1"}}, "acct_1"),
        event("payout.paid", {"id": "po_1"}),
        event("account.updated", {"id": "acct_1"}, "acct_1"),
        {"id": "evt_1", "type": "transfer.created", "data": None},
        {},
    ],
)
def test_events_about_nothing_of_ours_point_nowhere(payer: Stripe, told: dict[str, Any]):
    assert payer.hints_of(told) == []


# What payees are offered ------------------------------------------------------------------------------------------


def receiver(
    state: HostedState = HostedState.READY, country: str = "DE", currencies: Sequence[str] = ("EUR",)
) -> Receiver:
    there = Registration(
        account="acct_1Anna000000000" if state is not HostedState.NOT_STARTED else "",
        country="DE" if state is not HostedState.NOT_STARTED else "",
        state=state,
        sentence="How it stands.",
        open=lambda back: Link(f"https://connect.example/{back}"),
    )
    return Receiver("p1", country, currencies, {"stripe": there})


def test_a_verified_seller_is_paid_into_their_own_account():
    offering = StripeOffering()
    assert offering.refusal(receiver()) == ""
    assert offering.destination(receiver(), {}) == {"account": "acct_1Anna000000000"}


@pytest.mark.parametrize("state", [HostedState.NOT_STARTED, HostedState.PENDING, HostedState.DECLINED])
def test_who_is_not_verified_sees_how_far_they_are(state: HostedState):
    offering = StripeOffering()
    asked = offering.requirements(receiver(state), {})
    assert isinstance(asked, Hosted)
    assert (asked.state, asked.sentence) == (state, "How it stands.")
    assert asked.open("back").url == "https://connect.example/back"
    with pytest.raises(DestinationError, match="How it stands"):
        offering.destination(receiver(state), {})


def test_nobody_types_an_account():
    with pytest.raises(DestinationError, match="give nothing here"):
        StripeOffering().destination(receiver(), {"account": STRANGER})


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (receiver(HostedState.NOT_STARTED, "VN"), "nobody in your country"),
        (receiver(HostedState.READY, "FR"), "is in DE"),
        (receiver(currencies=["VND", "NGN"]), "does not pay out in VND, NGN"),
    ],
)
def test_refuses_when_it_is_chosen_what_it_could_not_pay(asked: Receiver, why: str):
    assert why in StripeOffering().refusal(asked)


def test_serves_the_countries_that_the_marketplace_chose():
    assert StripeOffering(countries=["FR"]).refusal(receiver(HostedState.NOT_STARTED, "DE"))
    assert not StripeOffering(countries=["FR"]).refusal(receiver(HostedState.NOT_STARTED, "FR"))


def test_what_is_rounded_off_is_said_before():
    terms = StripeOffering().terms(receiver(), currency="HUF", amount=Money(125_050, "HUF"))
    assert (terms.fee, terms.amount) == (Money.zero("HUF"), Money(125_000, "HUF"))
    unknown = StripeOffering().terms(receiver(), currency="VND", amount=None)
    assert unknown.amount is None
    assert "VND" in unknown.amount_note
