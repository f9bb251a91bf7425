"""Who offers something first gets an account at Stripe, only where that is set up and Stripe serves them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import stripe
from django.core.cache import cache

from flexsync import first_listings, identity, poller
from flexsync.models import FlexEvent
from marketplace_payouts.lib import crash_points
from marketplace_payouts.lib.clock import utc_now
from payments.models import FirstListing, Seller
from tests.sandbox_services import SandboxService


@pytest.fixture(autouse=True)
def _switched_on(
    flex_sandbox: SandboxService, stripe_sandbox: SandboxService, settings: Any, transactional_db: None
) -> None:
    cache.clear()
    settings.STRIPE_SELLERS = settings.STRIPE_SELLERS | {"at_first_listing": True}
    identity.confirm()


@pytest.fixture
def accounts(stripe_sandbox: SandboxService) -> Any:
    """Lists the accounts at Stripe."""
    client = stripe.StripeClient(
        stripe_sandbox.credentials["secret_key"],
        base_addresses={"api": stripe_sandbox.url},
        http_client=stripe.RequestsClient(),
    )
    return lambda: [one.to_dict() for one in client.v1.accounts.list({"limit": 100}).data]


def offer(flex: SandboxService, *, country: Any = "DE", times: int = 1, **listing: Any) -> str:
    """Have somebody sign up and offer something; gives the user's id."""
    public = {} if country is None else {"country": country}
    user = flex.post("/_sandbox/users", {"profile": {"publicData": public}})["id"]
    for _ in range(times):
        flex.post("/_sandbox/listings", {"author": user, **listing})
    return str(user)


def hear() -> None:
    poller.poll(limit_seconds=0, now=utc_now())


def work(**later: float) -> int:
    return first_listings.open_accounts(limit=10, now=utc_now() + timedelta(seconds=1, **later))


def test_one_account_for_the_first_listing(flex_sandbox, accounts):
    user = offer(flex_sandbox, times=3, country="de")
    hear()
    assert accounts() == []
    assert work() == 1
    [account] = accounts()
    assert (account["country"], account["metadata"]["sharetribe_user_id"]) == ("DE", user)
    assert account["email"].endswith("@example.com")
    row = FirstListing.objects.get()
    assert (row.outcome, row.next_at) == ("An account was made.", None)
    # Another listing is not the first any more.
    flex_sandbox.post("/_sandbox/listings", {"author": user})
    hear()
    assert work() == 0
    assert Seller.objects.get().user.payee.flex_user_id == row.flex_user_id


@pytest.mark.parametrize("country", [None, "VN", "Germany", 49, ""])
def test_never_where_stripe_does_not_serve_or_nobody_knows(flex_sandbox, accounts, country):
    offer(flex_sandbox, country=country)
    hear()
    assert work() == 1
    assert accounts() == []
    assert not Seller.objects.exists()
    assert FirstListing.objects.get().outcome.startswith("Nothing: ")


def test_the_country_may_stand_elsewhere(flex_sandbox, accounts, settings):
    settings.STRIPE_SELLERS = settings.STRIPE_SELLERS | {"country_field": "protectedData.address.country"}
    profile = {"protectedData": {"address": {"country": "FR"}}}
    user = flex_sandbox.post("/_sandbox/users", {"profile": profile})["id"]
    flex_sandbox.post("/_sandbox/listings", {"author": user})
    hear()
    work()
    assert [one["country"] for one in accounts()] == ["FR"]


def test_what_has_no_price_is_not_sellable(flex_sandbox):
    offer(flex_sandbox, price=0)
    hear()
    assert not FirstListing.objects.exists()


def test_off_nothing_is_heard_of_listings(flex_sandbox, accounts, settings):
    settings.STRIPE_SELLERS = settings.STRIPE_SELLERS | {"at_first_listing": False}
    offer(flex_sandbox)
    hear()
    assert not FirstListing.objects.exists()
    assert not FlexEvent.objects.filter(event_type__startswith="listing/").exists()
    assert work() == 0


def test_of_a_listing_nothing_private_is_kept(flex_sandbox):
    offer(flex_sandbox, title="A very private title", publicData={"about": "kept nowhere"})
    hear()
    kept = str(list(FlexEvent.objects.filter(event_type="listing/created").values_list("payload", flat=True)))
    assert "published" in kept
    assert "private" not in kept
    assert "kept nowhere" not in kept


def test_hearing_it_twice_and_at_the_end_of_the_overlap_changes_nothing(flex_sandbox, accounts):
    offer(flex_sandbox)
    hear()
    work()
    flex_sandbox.fault("event_duplicate", times=1)
    offer(flex_sandbox, country="VN")
    hear()
    hear()
    work()
    assert len(accounts()) == 1
    assert FirstListing.objects.count() == 2


def test_while_either_side_is_away_it_is_tried_again(flex_sandbox, stripe_sandbox, accounts):
    offer(flex_sandbox)
    hear()
    fault = stripe_sandbox.fault("error_before", status=503, match={"method": "POST"})
    assert work() == 0
    row = FirstListing.objects.get()
    assert row.tries == 1
    assert row.outcome
    assert row.next_at is not None
    stripe_sandbox.delete(f"/_sandbox/faults/{fault}")
    assert work(minutes=2) == 1
    assert len(accounts()) == 1


def test_one_that_cannot_be_decided_is_given_up(flex_sandbox, stripe_sandbox):
    offer(flex_sandbox)
    hear()
    stripe_sandbox.fault("error_before", status=503, match={"method": "POST"})
    FirstListing.objects.update(tries=11)
    assert work() == 1
    assert FirstListing.objects.get().next_at is None


@pytest.mark.parametrize(
    "point", sorted(one for one in crash_points.POINTS if one.startswith(("stripe_first.", "stripe_make.")))
)
def test_whoever_dies_anywhere_makes_no_second_one(flex_sandbox, accounts, point):
    class Died(BaseException):
        pass

    def hook(name: str) -> None:
        if name == point:
            raise Died

    offer(flex_sandbox)
    hear()
    crash_points.install(hook)
    try:
        with pytest.raises(Died):
            work()
    finally:
        crash_points.install(None)
    work(minutes=6)
    assert len(accounts()) == 1
    assert FirstListing.objects.get().next_at is None
