"""Payees say over the API where they want to be paid: forms, links, choosing, the default, retiring."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.core.cache import cache
from django.utils import timezone

from accounts.api import schema
from accounts.models import ApiSession, Payee
from payouts import outbox
from payouts.models import MethodChange, OutboxMessage, PayoutMethod
from payouts.providers import registry
from payouts.providers.offering import HostedState
from tests import factories
from tests.api.test_schema import validator
from tests.api_client import Api, MarketplaceServer, SharetribeUser, known_marketplace
from tests.providers import offers
from tests.providers.offers import bank, wallet

ROOT = "/api/v1/payout-methods/"
ANNA = {"provider": "paypal", "country": "DE", "values": {"email": "anna.secret@mail.example"}}
BEN = {"provider": "paypal", "country": "DE", "values": {"email": "ben.secret@mail.example"}}


@pytest.fixture(autouse=True)
def _services(monkeypatch: pytest.MonkeyPatch):
    """PayPal, a bank and a wallet are set up; none of them is ever called."""
    monkeypatch.setenv("PAYPAL_CLIENT_ID", "client")
    monkeypatch.setenv("PAYPAL_CLIENT_SECRET", "secret")
    monkeypatch.setenv("TWO_STEP_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("TWO_STEP_TOKEN", "token")
    monkeypatch.setenv("EXTRA_PROVIDERS", offers.PROVIDERS)
    monkeypatch.setattr(bank, "is_down", False)
    wallet.states.clear()
    registry.reset()
    yield
    registry.reset()


@pytest.fixture
def anna(flex_sandbox, transactional_db) -> SharetribeUser:
    """A user of the marketplace."""
    cache.clear()
    known_marketplace(flex_sandbox)
    return SharetribeUser(flex_sandbox, email="anna@market.example")


@pytest.fixture
def api(anna) -> Api:
    """Anna, logged in a moment ago, and owed 123.45 EUR."""
    session: Api = anna.session()
    factories.PayableFactory.create(payee=payee_of(anna))
    return session


def payee_of(user: SharetribeUser) -> Payee:
    return Payee.objects.get(flex_user_id=user.id)


def shaped(answer, name: str, *, status: int = 200):
    """What was answered, once it is seen to look as the document says."""
    assert answer.status_code == status, answer.content
    shown = answer.json()
    validator(schema.document(), name).validate(shown)
    return shown


def refused(answer, status: int) -> list[tuple[str, str | None]]:
    errors = shaped(answer, "Problems", status=status)["errors"]
    return [(error["code"], error["field"]) for error in errors]


def age(minutes: int) -> None:
    """Let the log-ins of all sessions be that old."""
    ApiSession.objects.update(logged_in_at=timezone.now() - timedelta(minutes=minutes))


# Looking -------------------------------------------------------------------------------------------------------


def test_what_is_offered_comes_with_its_figures(api):
    shown = shaped(api.get(f"{ROOT}offers?country=de"), "OffersShown")
    paypal, at_the_bank, _ = shown["offers"]
    assert (shown["country"], paypal["offered"], paypal["kind"]) == ("DE", True, "form")
    (terms,) = paypal["terms"]
    assert terms["owed"] == terms["amount"] == {"units": "12345", "currency": "EUR", "exponent": 2}
    assert (terms["fee"]["units"], terms["arrives_within_s"]) == ("0", None)
    assert terms["arrival_note"]
    (terms,) = at_the_bank["terms"]
    assert (terms["currency"], terms["amount"]["units"], terms["arrives_within_s"]) == (
        "USD",
        "24390",
        172_800,
    )


def test_what_my_country_cannot_receive_is_not_offered_and_says_why(api):
    shown = shaped(api.get(f"{ROOT}offers?country=NG"), "OffersShown")
    paypal = shown["offers"][0]
    assert (paypal["offered"], paypal["terms"]) == (False, [])
    assert "country" in paypal["why_not"]


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("country=XX", ("country_unknown", "country")),
        ("country=Germany", ("max_length", "country")),
        ("land=DE", ("unknown_field", "land")),
    ],
)
def test_a_wrong_question_is_refused(api, query, problem):
    assert refused(api.get(f"{ROOT}offers?{query}"), 400) == [problem]


def test_a_form_asks_for_more_once_it_knows_more(api):
    def fields(values):
        asked = api.post(f"{ROOT}requirements", {"provider": "bank", "values": values})
        return shaped(asked, "RequirementsShown")["fields"]

    first = fields({})
    assert [(one["name"], one["refreshes"]) for one in first] == [("kind", True), ("holder", False)]
    assert first[0]["choices"] == [
        {"value": "iban", "label": "IBAN"},
        {"value": "domestic", "label": "Number and branch"},
    ]
    assert [one["name"] for one in fields({"kind": "domestic"})][2:] == ["branch", "number"]
    assert fields({"kind": "iban", "holder": "Anna"})[1]["value"] == "Anna"


def test_a_service_with_pages_of_its_own(api, anna, settings):
    asked = {"provider": "wallet", "country": "DE"}
    shown = shaped(api.post(f"{ROOT}requirements", asked), "RequirementsShown")
    assert (shown["kind"], shown["fields"], shown["state"]) == ("hosted", None, "not_started")
    back = f"{settings.PUBLIC_URL}/payee/"
    link = shaped(api.post(f"{ROOT}link", asked | {"return_url": back}), "LinkShown")
    assert back in link["url"]
    assert refused(api.post(ROOT, asked), 409) == [("not_ready", None)]
    wallet.states[str(payee_of(anna).pk)] = HostedState.READY
    shown = shaped(api.post(ROOT, asked), "MethodShown", status=201)
    assert (shown["label"], shown["confirmed"], shown["standing"]) == ("Wallet", True, "in_use")


@pytest.mark.parametrize("url", ["https://evil.example/", "http://127.0.0.1:8000@evil.example/", "back", ""])
def test_nobody_is_sent_to_strangers(api, url):
    answer = api.post(f"{ROOT}link", {"provider": "wallet", "return_url": url})
    assert [field for _, field in refused(answer, 400)] == ["return_url"]


def test_the_marketplaces_own_pages_are_none(api, settings):
    settings.CORS_ALLOWED_ORIGINS = ["https://market.example"]
    asked = {"provider": "wallet", "return_url": "https://market.example/account/payouts?done=1"}
    assert api.post(f"{ROOT}link", asked).status_code == 200
    assert refused(api.post(f"{ROOT}link", asked | {"provider": "paypal"}), 400) == [
        ("not_hosted", "provider")
    ]


def test_everything_is_said_in_the_language_that_is_asked_for(api, anna):
    vietnamese = Api(api.headers | {"Accept-Language": "vi"})

    def detail(body):
        return vietnamese.post(ROOT, body).json()["errors"][0]["detail"]

    assert detail(ANNA | {"values": {}}) == "Thông tin này là bắt buộc."
    assert detail(ANNA | {"values": {"email": "ạnna@mail.example"}}) == (
        "PayPal chỉ nhận địa chỉ gồm chữ cái không dấu."
    )
    assert detail(ANNA | {"country": "XX"}).startswith("Không có quốc gia này")
    assert detail(ANNA | {"country": "NG"}).startswith("PayPal không")
    shown = vietnamese.post(ROOT, ANNA).json()
    assert shown["detail"].startswith("Hãy mở liên kết")
    assert "123,45\N{NO-BREAK SPACE}EUR" in shown["if_retired"]
    asked = vietnamese.post(f"{ROOT}requirements", {"provider": "paypal"}).json()
    assert asked["fields"][0]["label"].startswith("Địa chỉ e-mail")
    offer = vietnamese.get(f"{ROOT}offers?country=DE").json()["offers"][0]
    assert "PayPal" in offer["terms"][0]["fee_note"]
    assert "The marketplace" not in offer["terms"][0]["fee_note"]
    # Of whoever asks for none, theirs; and nothing of it is left behind for others.
    assert api.get(ROOT).json()["methods"][0]["detail"].startswith("Follow the link")
    Payee.objects.update(language="vi")
    assert api.get(ROOT).json()["methods"][0]["detail"] == shown["detail"]


def test_a_moment_is_told_by_the_marketplaces_clock(api, anna):
    marketplace = payee_of(anna).marketplace
    marketplace.time_zone = "Asia/Ho_Chi_Minh"
    marketplace.save()
    at = datetime(2099, 1, 1, 18, 5, tzinfo=UTC)
    factories.MethodFactory.create(payee=payee_of(anna), usable_from=at)
    shown = api.get(ROOT).json()["methods"][0]
    assert shown["detail"] == "For your safety nothing is paid there before 2 Jan 2099, 01:05."
    assert datetime.fromisoformat(shown["usable_from"]) == at


def test_a_refusal_is_told_in_our_words_and_not_in_the_services(api, anna):
    method = factories.MethodFactory.create(payee=payee_of(anna))
    payout = factories.PayoutFactory.create(payee=method.payee, method=method, state="failed")
    payout.attempts.update(refusal_class="payee", message="RECEIVER_LOCKED: It is locked.")
    shown = api.get(ROOT).json()["methods"][0]
    assert shown["standing"] == "needs_you"
    assert shown["detail"].startswith("A payout there was not accepted.")
    assert "locked" not in str(shown).lower()


# Choosing ------------------------------------------------------------------------------------------------------


def test_choosing_listing_and_choosing_again(api, anna):
    first = shaped(api.post(ROOT, ANNA), "MethodShown", status=201)
    assert (first["masked"], first["default"], first["standing"]) == (
        "a•••@mail.example",
        True,
        "unconfirmed",
    )
    assert "123.45\N{NO-BREAK SPACE}EUR" in first["if_retired"]
    same = shaped(api.post(ROOT, ANNA), "MethodShown")
    assert same == first
    second = shaped(api.post(ROOT, BEN), "MethodShown", status=201)
    listed = shaped(api.get(ROOT), "MethodsShown")["methods"]
    assert [(one["id"], one["default"]) for one in listed] == [(second["id"], True), (first["id"], False)]
    assert shaped(api.get(f"{ROOT}{first['id']}"), "MethodShown")["standing"] == "kept"
    third = shaped(api.post(f"{ROOT}{first['id']}/default"), "MethodShown")
    assert (third["default"], third["masked"]) == (True, first["masked"])
    assert third["id"] not in (first["id"], second["id"])
    assert timezone.now() + timedelta(days=2) < PayoutMethod.objects.get(pk=third["id"]).usable_from
    assert payee_of(anna).country == "DE"


def test_who_did_it_is_on_record(api):
    api.post(ROOT, ANNA)
    change = MethodChange.objects.get()
    assert (change.login, change.after_masked) == ("sharetribe", "paypal a•••@mail.example")
    assert change.person == ApiSession.objects.get().user_id


def test_retiring_says_what_happens(api):
    shown = api.post(ROOT, ANNA).json()
    said = shaped(api.delete(f"{ROOT}{shown['id']}"), "RetiredShown")
    assert said["detail"] == shown["if_retired"]
    assert shaped(api.get(ROOT), "MethodsShown") == {"methods": []}
    assert refused(api.delete(f"{ROOT}{shown['id']}"), 404) == [("method_unknown", None)]


def test_the_link_to_confirm_is_mailed_once_more(api, settings):
    shown = api.post(ROOT, ANNA).json()
    OutboxMessage.objects.all().delete()
    assert api.post(f"{ROOT}{shown['id']}/confirmation").status_code == 204
    while outbox.tell(limit=10, now=timezone.now()):
        pass
    assert [one.to for one in mail.outbox] == [["anna.secret@mail.example"]]
    settings.API_RATES = settings.API_RATES | {"mail": (1, 1)}
    api.post(f"{ROOT}{shown['id']}/confirmation")
    assert refused(api.post(f"{ROOT}{shown['id']}/confirmation"), 429) == [("throttled", None)]


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        ({}, [("required", "provider")]),
        (ANNA | {"amount": 5}, [("unknown_field", "amount")]),
        (ANNA | {"provider": "cash"}, [("provider_unknown", "provider")]),
        (ANNA | {"provider": None}, [("null", "provider")]),
        (ANNA | {"country": "NG"}, [("not_offered", "provider")]),
        (ANNA | {"country": "XX"}, [("country_unknown", "country")]),
        (ANNA | {"country": ""}, [("blank", "country")]),
        ({"provider": "paypal", "values": ANNA["values"]}, [("country_missing", "country")]),
        (ANNA | {"values": {}}, [("required", "values.email")]),
        (ANNA | {"values": []}, [("not_a_dict", "values")]),
        (ANNA | {"values": {"email": ["a@b.example"]}}, [("invalid", "values.email")]),
        (ANNA | {"values": {"email": "x" * 1001}}, [("max_length", "values.email")]),
        (ANNA | {"values": {"email": "anna"}}, [("malformed", "values.email")]),
        (ANNA | {"values": {"email": "a@b..example"}}, [("cannot_be_paid", "values.email")]),
        (
            ANNA | {"provider": "bank", "values": {"kind": "cash"}},
            [("no_such_choice", "values.kind"), ("required", "values.holder")],
        ),
        (
            ANNA | {"provider": "bank", "values": {"kind": "iban", "holder": "A" * 31, "iban": "DE12345678"}},
            [("too_long", "values.holder")],
        ),
        (
            ANNA | {"provider": "bank", "values": {"kind": "iban", "holder": "A", "iban": "1", "x": "y"}},
            [("unknown_field", "values.x"), ("malformed", "values.iban")],
        ),
        ("[]", [("invalid", None)]),
        ("{", [("parse_error", None)]),
    ],
)
def test_what_is_wrong_is_named(api, body, problems):
    assert refused(api.post(ROOT, body), 400) == problems
    assert not PayoutMethod.objects.exists()


def test_a_service_that_cannot_be_asked(api, monkeypatch):
    monkeypatch.setattr(bank, "is_down", True)
    answer = api.post(ROOT, ANNA | {"provider": "bank", "values": {"kind": "iban"}})
    assert refused(answer, 503) == [("provider_unavailable", None)]
    assert answer["Retry-After"]
    assert refused(api.post(f"{ROOT}requirements", {"provider": "bank"}), 503) == [
        ("provider_unavailable", None)
    ]


# Who may -------------------------------------------------------------------------------------------------------


def changes(api: Api, method: str):
    """Everything that decides where money goes, tried."""
    yield api.post(ROOT, BEN)
    yield api.post(f"{ROOT}link", {"provider": "wallet", "return_url": "http://127.0.0.1:8000/"})
    yield api.post(f"{ROOT}{method}/default")
    yield api.post(f"{ROOT}{method}/confirmation")
    yield api.delete(f"{ROOT}{method}")


def test_an_old_log_in_only_looks(api):
    method = api.post(ROOT, ANNA).json()["id"]
    age(minutes=11)
    for answer in changes(api, method):
        assert refused(answer, 403) == [("login_too_old", None)]
    assert api.get(ROOT).status_code == api.get(f"{ROOT}offers").status_code == 200
    assert api.post(f"{ROOT}requirements", {"provider": "paypal"}).status_code == 200
    assert PayoutMethod.objects.get().retired_at is None


def test_an_operator_who_logged_in_as_the_user_only_looks(api, anna):
    method = api.post(ROOT, ANNA).json()["id"]
    operator = anna.session(as_operator=True)
    for answer in changes(operator, method):
        assert [code for code, _ in refused(answer, 403)] == ["read_only_impersonated"]
    assert operator.get(ROOT).status_code == 200


def test_the_marketplaces_server_speaks_for_a_user_with_a_session(anna):
    server = MarketplaceServer.with_key()[0]
    body = json.dumps(ANNA).encode()
    assert refused(Api(server.signed(body)).post(ROOT, body), 403) == [("people_only", None)]
    session = server.session_for(anna.id, logged_in_at=timezone.now().isoformat())
    assert session.post(ROOT, ANNA).status_code == 201
    assert MethodChange.objects.get().login == "server"


def test_another_payee_sees_and_changes_nothing_of_mine(api, anna):
    method = api.post(ROOT, ANNA).json()["id"]
    other = SharetribeUser(anna.flex).session()
    assert other.get(ROOT).json() == {"methods": []}
    assert refused(other.get(f"{ROOT}{method}"), 404) == [("method_unknown", None)]
    for answer in (
        other.post(f"{ROOT}{method}/default"),
        other.post(f"{ROOT}{method}/confirmation"),
        other.delete(f"{ROOT}{method}"),
    ):
        assert refused(answer, 404) == [("method_unknown", None)]
    assert refused(api.delete(f"{ROOT}{uuid.uuid4()}"), 404) == [("method_unknown", None)]
    assert PayoutMethod.objects.get().retired_at is None


def test_no_detail_is_answered_or_logged(api, caplog, capfd):
    shown = [api.post(ROOT, ANNA), api.post(ROOT, BEN), api.get(ROOT), api.get(f"{ROOT}offers")]
    method = shown[0].json()["id"]
    shown += [api.get(f"{ROOT}{method}"), api.post(f"{ROOT}{method}/default"), api.delete(f"{ROOT}{method}")]
    shown.append(api.post(ROOT, ANNA | {"values": {"email": "anna.secret@b..example"}}))
    said = "".join(answer.content.decode() for answer in shown) + caplog.text + "".join(capfd.readouterr())
    assert "anna.secret" not in said
    assert "ben.secret" not in said
