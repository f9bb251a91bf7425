"""A person has one account at Stripe, and is verified for as long as Stripe says so."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
import requests
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.errors import InTheWay
from marketplace_payouts.lib import crash_points
from marketplace_payouts.lib.clock import utc_now
from payments import buyers, reading, requirements, sellers, verification
from payments.errors import NotTaken
from payments.models import Seller
from payments.stripe.errors import StripeForbidden, StripeOff, StripeRefused, StripeUnavailable
from payments.stripe.events import Endpoint
from tests.payments.conftest import asked, at_once, event, somebody

ACCOUNTS = "/v1/accounts"
BACK = {"return_url": "https://market.example/back", "refresh_url": "https://market.example/again"}


@pytest.fixture(autouse=True)
def _settings(settings, stripe_sandbox, transactional_db):
    cache.clear()
    settings.STRIPE_SELLERS = settings.STRIPE_SELLERS | {"return_origins": ["https://market.example"]}
    # Stripe judges when a test says so.
    stripe_sandbox.post("/_sandbox/settings", {"judging_s": 600, "pace_s": 0})


def of_kind(settings, kind):
    settings.STRIPE_SELLERS = settings.STRIPE_SELLERS | {"kind": kind}


def accounts(marketplace):
    """All connected accounts at Stripe."""
    return [one.to_dict() for one in marketplace.v1.accounts.list({"limit": 100}).data]


def turn(sandbox, seller, fate):
    """Have Stripe think this of a seller, and read it."""
    sandbox.post("/_sandbox/fate", {"reference": seller.stripe_id, "status": fate})
    reading.record(Seller, [reading.ask(seller)])
    seller.refresh_from_db()
    return seller


@pytest.fixture
def seller(minh):
    return sellers.open_account(user=minh, country="DE")[0]


# ---------------------------------------------------------------------------------------------------- the account


@pytest.mark.parametrize(
    ("kind", "dashboard", "losses", "collects"),
    [
        ("express", "express", "application", "stripe"),
        ("standard", "full", "stripe", "stripe"),
        ("custom", "none", "application", "application"),
    ],
)
def test_the_account_is_of_the_kind_that_is_set_up(
    minh, marketplace, settings, kind, dashboard, losses, collects
):
    of_kind(settings, kind)
    seller, is_new = sellers.open_account(user=minh, country="DE", business_type="individual")
    [account] = accounts(marketplace)
    assert is_new
    assert (seller.stripe_id, seller.kind, seller.country) == (account["id"], kind, "DE")
    controller = account["controller"]
    assert controller["stripe_dashboard"]["type"] == dashboard
    assert controller["losses"]["payments"] == losses
    assert controller["requirement_collection"] == collects
    assert account["capabilities"]["transfers"] == "inactive"
    assert (account["email"], account["business_type"]) == ("minh@market.example", "individual")
    assert account["metadata"] == {
        "marketplace_payouts_id": str(seller.pk),
        "sharetribe_user_id": str(minh.payee.flex_user_id),
    }


def test_one_that_is_there_is_given_and_stays(minh, seller, marketplace, settings):
    of_kind(settings, "custom")
    again, is_new = sellers.open_account(user=minh, country="DE", email="other@market.example")
    assert (again.stripe_id, again.kind, is_new) == (seller.stripe_id, "express", False)
    assert len(accounts(marketplace)) == 1


def test_one_person_may_buy_and_sell(minh, seller):
    assert buyers.put(user=minh, given={}).user == seller.user


@pytest.mark.parametrize("country", ["VN", "NG", "JP", "XX"])
def test_a_country_that_stripe_does_not_serve_is_named_before_anything_is_begun(minh, marketplace, country):
    with pytest.raises(NotTaken, match=f"{country} cannot be paid .* DE, ") as refused:
        sellers.open_account(user=minh, country=country)
    assert (refused.value.code, refused.value.field) == ("country_not_served", "country")
    assert not Seller.objects.exists()
    assert accounts(marketplace) == []


def test_the_countries_may_be_fewer(minh, settings):
    settings.STRIPE_SELLERS = settings.STRIPE_SELLERS | {"countries": ["FR", "JP"]}
    with pytest.raises(NotTaken, match="but those in FR"):
        sellers.open_account(user=minh, country="DE")


def test_an_account_does_not_move(minh, seller):
    with pytest.raises(NotTaken, match="is in DE") as refused:
        sellers.open_account(user=minh, country="FR")
    assert refused.value.code == "country_fixed"


def test_what_stripe_refuses_may_be_asked_for_differently(minh, marketplace, stripe_sandbox):
    stripe_sandbox.fault("refuse", times=1, match={"path": ACCOUNTS}, value="platform_incomplete")
    with pytest.raises(StripeRefused):
        sellers.open_account(user=minh, country="DE")
    seller = Seller.objects.get()
    assert (seller.state, seller.asked_at) == ("new", None)
    assert "refused" in seller.error
    assert sellers.open_account(user=minh, country="FR")[0].country == "FR"
    assert len(accounts(marketplace)) == 1


def test_without_a_key_nothing_is_begun(minh, settings):
    settings.STRIPE = settings.STRIPE | {"secret_key": ""}
    with pytest.raises(StripeOff):
        sellers.open_account(user=minh, country="DE")
    assert not Seller.objects.exists()
    assert sellers.standing(minh).code == "off"
    assert sellers.look(user=minh) is None


# ------------------------------------------------------------------------------------------------ at once, or lost


def test_two_calls_at_once_make_one_account(minh, marketplace, stripe_sandbox):
    stripe_sandbox.fault("delay", seconds=0.3, match={"method": "POST", "path": ACCOUNTS})
    results = at_once(*[lambda: sellers.open_account(user=minh, country="DE")] * 4)
    [account] = accounts(marketplace)
    assert {seller.stripe_id for seller, _ in results} == {account["id"]}
    assert sorted(is_new for _, is_new in results) == [False, False, False, True]
    assert len(asked(stripe_sandbox, ACCOUNTS, method="POST")) == 1


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "error_after", "html_body"])
def test_a_lost_answer_makes_no_second_one(minh, marketplace, stripe_sandbox, settings, kind):
    stripe_sandbox.fault(kind, times=1, match={"method": "POST", "path": ACCOUNTS})
    with pytest.raises(StripeUnavailable):
        sellers.open_account(user=minh, country="DE")
    # Under the same key nothing else may be asked for, whatever is set up and said by now.
    of_kind(settings, "standard")
    with pytest.raises(NotTaken) as refused:
        sellers.open_account(user=minh, country="FR", business_type="company")
    assert refused.value.code == "country_fixed"
    [account] = accounts(marketplace)
    seller = Seller.objects.get()
    assert (seller.stripe_id, seller.kind, seller.country) == (account["id"], "express", "DE")
    assert account["controller"]["stripe_dashboard"]["type"] == "express"


def test_one_made_longer_ago_than_the_key_is_good_for_is_found(minh, marketplace, stripe_sandbox):
    stripe_sandbox.fault("drop_after", times=1, match={"method": "POST", "path": ACCOUNTS})
    with pytest.raises(StripeUnavailable):
        sellers.open_account(user=minh, country="DE")
    then = utc_now() - timedelta(minutes=9)
    Seller.objects.update(asked_at=then - timedelta(minutes=10), asked_last_at=then)
    before = len(asked(stripe_sandbox, ACCOUNTS, method="POST"))
    seller, is_new = sellers.open_account(user=minh, country="DE")
    assert is_new
    assert [one["id"] for one in accounts(marketplace)] == [seller.stripe_id]
    assert len(asked(stripe_sandbox, ACCOUNTS, method="POST")) == before


POINTS = sorted(
    point for point in crash_points.POINTS if point.partition(".")[0] in ("stripe_make", "stripe_seller")
)
POINTS.remove("stripe_seller.after_note")
POINTS += ["stripe_people.before_commit", "stripe_people.after_commit"]


@pytest.mark.parametrize("point", POINTS)
def test_whoever_dies_anywhere_leaves_nothing_double(minh, marketplace, dying, point):
    with dying(point):
        sellers.open_account(user=minh, country="DE")
    seller, _is_new = sellers.open_account(user=minh, country="DE")
    assert [one["id"] for one in accounts(marketplace)] == [seller.stripe_id]
    assert seller.state == "incomplete"


# -------------------------------------------------------------------------------------------------------- its life


def test_what_is_still_required_is_told_in_words(seller):
    told = requirements.wanted(seller.shown["requirements"])
    sentences = [one.sentence for one in told]
    assert "A bank account to be paid to." in sentences
    assert "Whether you are an individual or a company." in sentences
    assert "Agreement to Stripe's terms." in sentences
    assert len(sentences) == len(set(sentences))
    assert all("_" not in one for one in sentences)
    assert verification.sentence(seller.state, seller.shown).startswith("Fill in Stripe's form")


@pytest.mark.parametrize("business_type", ["individual", "company"])
def test_everything_that_the_sandbox_asks_for_has_words(minh, business_type):
    seller, _ = sellers.open_account(user=minh, country="US", business_type=business_type)
    told = requirements.wanted(seller.shown["requirements"])
    assert not [one.sentence for one in told if "What Stripe calls" in one.sentence]
    names = [name for one in told for name in one.requirements]
    assert sorted(names) == sorted(seller.shown["requirements"]["currently_due"])


def test_verified_then_not_then_again(seller, stripe_sandbox):
    assert (seller.state, seller.verified_at, seller.news_at) == ("incomplete", None, None)
    first = turn(stripe_sandbox, seller, "verified")
    verification_id = first.verification
    assert first.state == "verified"
    assert first.verified_at is not None
    assert first.news_at == first.verified_at
    same = turn(stripe_sandbox, seller, "verified")
    assert (same.verification, same.verified_at) == (verification_id, first.verified_at)
    lost = turn(stripe_sandbox, seller, "restricted")
    assert (lost.state, lost.verified_at, lost.verification) == ("wanted", None, None)
    assert lost.lost_at == lost.news_at
    assert "overdue" in verification.sentence(lost.state, lost.shown)
    again = turn(stripe_sandbox, seller, "verified")
    assert again.verification not in (None, verification_id)


@pytest.mark.parametrize(
    ("fate", "state", "said"),
    [
        ("pending", "pending", "Stripe is checking"),
        ("under_review", "restricted", "looking into your account"),
        ("listed", "restricted", "lists of persons"),
        ("platform_paused", "restricted", "paused"),
        ("rejected.fraud", "rejected", "does not work with this account"),
        ("deauthorized", "gone", "not connected"),
    ],
)
def test_where_an_account_may_stand(seller, minh, stripe_sandbox, fate, state, said):
    turn(stripe_sandbox, seller, "verified")
    turn(stripe_sandbox, seller, fate)
    assert seller.state == state
    assert seller.verified_at is None
    standing = sellers.standing(minh)
    assert (standing.may_be_offered, standing.code) == (False, state)
    assert said in standing.sentence


def test_who_is_verified_may_be_offered_to_be_paid(seller, minh, stripe_sandbox):
    nobody = somebody("nobody@market.example")
    assert sellers.standing(nobody).code == "new"
    assert not sellers.standing(minh).may_be_offered
    turn(stripe_sandbox, seller, "verified")
    standing = sellers.standing(minh)
    assert (standing.may_be_offered, standing.code) == (True, "")
    assert sellers.verified_payees([minh.payee.pk, nobody.payee.pk]) == {minh.payee.pk}


def test_of_two_readings_the_one_that_began_later_counts(seller, stripe_sandbox):
    turn(stripe_sandbox, seller, "verified")
    old = reading.ask(seller)
    turn(stripe_sandbox, seller, "restricted")
    reading.record(Seller, [old])
    seller.refresh_from_db()
    assert seller.verified_at is None


# ------------------------------------------------------------------------------------------------------- webhooks


@pytest.mark.parametrize("kind", ["account.updated", "capability.updated"])
def test_a_webhook_has_the_account_read_again(seller, stripe_sandbox, deliver, kind):
    read_again()
    stripe_sandbox.post("/_sandbox/fate", {"reference": seller.stripe_id, "status": "verified"})
    lie = {"id": seller.stripe_id, "object": "account", "payouts_enabled": False}
    one = event(kind, lie, account=seller.stripe_id)
    for _ in range(2):
        assert deliver(one, at=Endpoint.CONNECT) == 200
        read_again()
        seller.refresh_from_db()
        assert seller.state == "verified"
        assert_read_once_a_day(seller)
    # An older one comes late, and says nothing else than where to look.
    deliver(event(kind, lie, account=seller.stripe_id, created=1), at=Endpoint.CONNECT)
    read_again()
    seller.refresh_from_db()
    assert seller.state == "verified"


def assert_read_once_a_day(seller):
    """A verified seller is looked at tomorrow, also where a webhook is lost."""
    assert seller.next_at == seller.read_at + timedelta(days=1)


def test_a_lost_webhook_does_not_count_for_ever(seller, stripe_sandbox):
    turn(stripe_sandbox, seller, "verified")
    read_again()
    stripe_sandbox.post("/_sandbox/fate", {"reference": seller.stripe_id, "status": "rejected.fraud"})
    assert read_again() == 0
    assert reading.read_again(limit=10, now=utc_now() + timedelta(days=1, minutes=1)) == 1
    seller.refresh_from_db()
    assert (seller.state, seller.verified_at, seller.next_at) == ("rejected", None, None)


def read_again() -> int:
    """Run the stage once."""
    return reading.read_again(limit=10, now=utc_now() + timedelta(seconds=1))


@pytest.mark.parametrize("kind", ["account.application.deauthorized", "account.updated"])
def test_who_takes_our_access_away_is_not_verified_any_more(seller, stripe_sandbox, deliver, kind):
    turn(stripe_sandbox, seller, "verified")
    stripe_sandbox.post("/_sandbox/fate", {"reference": seller.stripe_id, "status": "deauthorized"})
    deliver(
        event(kind, {"id": "ca_1", "object": "application"}, account=seller.stripe_id), at=Endpoint.CONNECT
    )
    read_again()
    seller.refresh_from_db()
    assert (seller.state, seller.verified_at) == ("gone", None)


def test_a_webhook_about_a_stranger_has_nobody_read(seller, deliver, stripe_sandbox):
    read_again()
    before = len(stripe_sandbox.requests()["requests"])
    deliver(event("account.updated", {"id": "acct_x"}, account="acct_x"), at=Endpoint.CONNECT)
    assert read_again() == 0
    assert len(stripe_sandbox.requests()["requests"]) == before


def test_one_that_comes_while_it_is_being_read_has_it_read_once_more(seller, deliver, stripe_sandbox):
    read_again()
    one = event("account.updated", {"id": seller.stripe_id}, account=seller.stripe_id)
    deliver(one, at=Endpoint.CONNECT)

    def meanwhile(point: str) -> None:
        if point == "stripe_people.after_call":
            crash_points.install(None)
            again = event("account.updated", {"id": seller.stripe_id}, account=seller.stripe_id)
            deliver(again, at=Endpoint.CONNECT)

    crash_points.install(meanwhile)
    try:
        assert read_again() == 1
    finally:
        crash_points.install(None)
    assert read_again() == 1
    assert read_again() == 0


def test_while_stripe_is_away_it_is_tried_again(seller, stripe_sandbox):
    fault = stripe_sandbox.fault("error_before", status=503)
    now = utc_now() + timedelta(seconds=1)
    assert reading.read_again(limit=10, now=now) == 0
    seller.refresh_from_db()
    assert seller.tries == 1
    assert seller.error
    assert seller.next_at is not None
    assert seller.next_at > now
    stripe_sandbox.delete(f"/_sandbox/faults/{fault}")
    assert reading.read_again(limit=10, now=now + timedelta(minutes=2)) == 1
    seller.refresh_from_db()
    assert (seller.tries, seller.error, seller.next_at) == (0, "", None)


@pytest.mark.parametrize(
    "point",
    sorted(one for one in crash_points.POINTS if one.startswith("stripe_people.") and "note" not in one),
)
def test_whoever_dies_while_reading_is_taken_over(seller, stripe_sandbox, dying, point):
    stripe_sandbox.post("/_sandbox/fate", {"reference": seller.stripe_id, "status": "verified"})
    with dying(point):
        read_again()
    reading.read_again(limit=10, now=utc_now() + timedelta(minutes=6))
    seller.refresh_from_db()
    assert seller.state == "verified"
    assert_read_once_a_day(seller)


def test_reading_many_takes_no_more_statements(minh, seller):
    others = [somebody(f"s{number}@market.example") for number in range(2)]
    for user in others:
        sellers.open_account(user=user, country="DE")
    counts = []
    for limit in (1, 2):
        with CaptureQueriesContext(connection) as seen:
            assert reading.read_again(limit=limit, now=utc_now() + timedelta(seconds=1)) == limit
        counts.append(len(seen))
    assert counts[0] == counts[1]


# ---------------------------------------------------------------------------------------------------- looking, links


def seen(user) -> Seller:
    """The seller as the person sees it."""
    found = sellers.look(user=user)
    assert found is not None
    return found


def test_looking_reads_again_while_it_is_not_verified(minh, seller, stripe_sandbox):
    stripe_sandbox.post("/_sandbox/fate", {"reference": seller.stripe_id, "status": "verified"})
    assert seen(minh).state == "incomplete"  # it was a moment ago
    Seller.objects.update(read_at=utc_now() - timedelta(seconds=6))
    assert seen(minh).state == "verified"
    before = len(stripe_sandbox.requests()["requests"])
    Seller.objects.update(read_at=utc_now() - timedelta(days=1))
    seen(minh)
    assert len(stripe_sandbox.requests()["requests"]) == before


def test_looking_shows_what_was_said_last_while_stripe_is_away(minh, seller, stripe_sandbox):
    Seller.objects.update(read_at=utc_now() - timedelta(seconds=6))
    stripe_sandbox.fault("error_before", status=503)
    assert seen(minh).state == "incomplete"


def test_each_link_is_fresh_and_kept_nowhere(minh, seller, caplog):
    caplog.set_level(logging.DEBUG)
    links = [sellers.onboarding_link(user=minh, **BACK) for _ in range(2)]
    assert links[0].url != links[1].url
    assert links[0].expires_at > utc_now()
    for link in links:
        secret = link.url.rpartition("/")[2]
        assert secret not in caplog.text
        assert secret not in repr(link)
        assert not _is_stored(secret)
    page = requests.get(links[0].url, timeout=10)
    assert "Agree and submit" in page.text or "business_type" in page.text


def _is_stored(text: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [row[0] for row in cursor.fetchall()]
        for table in tables:
            cursor.execute(f'SELECT 1 FROM "{table}" t WHERE t::text LIKE %s LIMIT 1', [f"%{text}%"])
            if cursor.fetchone():
                return True
    return False


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/back",
        "https://market.example.evil.example/",
        "https://market.example@evil.example/",
        "http://market.example/",
        "https://market.example:8443/",
        "//market.example/",
        "javascript:alert(1)",
        "https://[::1",
        "",
    ],
)
@pytest.mark.parametrize("field", ["return_url", "refresh_url"])
def test_nobody_is_sent_back_to_strangers(minh, seller, stripe_sandbox, field, url):
    with pytest.raises(NotTaken) as refused:
        sellers.onboarding_link(user=minh, **(BACK | {field: url}))
    assert (refused.value.code, refused.value.field) == ("url_not_allowed", field)
    assert asked(stripe_sandbox, "/v1/account_links") == []


def test_without_an_account_there_is_no_link(minh):
    for act in (lambda: sellers.onboarding_link(user=minh, **BACK), lambda: sellers.login_link(user=minh)):
        with pytest.raises(InTheWay) as refused:
            act()
        assert refused.value.code == "no_seller_account"


def test_the_dashboard_opens_for_express_accounts_that_are_filled_in(minh, seller, stripe_sandbox):
    with pytest.raises(InTheWay) as refused:
        sellers.login_link(user=minh)
    assert refused.value.code == "onboarding_incomplete"
    stripe_sandbox.post("/_sandbox/fate", {"reference": seller.stripe_id, "status": "verified"})
    assert requests.get(sellers.login_link(user=minh), timeout=10).ok


@pytest.mark.parametrize("kind", ["standard", "custom"])
def test_other_accounts_have_no_express_dashboard(minh, settings, kind):
    of_kind(settings, kind)
    sellers.open_account(user=minh, country="DE")
    with pytest.raises(InTheWay) as refused:
        sellers.login_link(user=minh)
    assert refused.value.code == "no_express_dashboard"
    assert ("dashboard.stripe.com" in str(refused.value)) == (kind == "standard")


def test_who_left_gets_another_account(minh, seller, stripe_sandbox, marketplace):
    turn(stripe_sandbox, seller, "verified")
    stripe_sandbox.post("/_sandbox/fate", {"reference": seller.stripe_id, "status": "deauthorized"})
    for act in (lambda: sellers.onboarding_link(user=minh, **BACK), lambda: sellers.login_link(user=minh)):
        with pytest.raises(InTheWay) as refused:
            act()
        assert refused.value.code == "account_gone"
    read_again()
    former = seller.stripe_id
    again, is_new = sellers.open_account(user=minh, country="FR")
    assert is_new
    assert again.stripe_id != former
    assert (again.country, again.state, again.verified_at) == ("FR", "incomplete", None)
    assert [one["id"] for one in accounts(marketplace)] == [again.stripe_id]


def test_a_key_that_may_not_is_told(minh, stripe_sandbox):
    stripe_sandbox.fault("refuse", times=1, match={"path": ACCOUNTS}, status=403, value="forbidden")
    with pytest.raises(StripeForbidden):
        sellers.open_account(user=minh, country="DE")
