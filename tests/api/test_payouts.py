"""A payee's payouts over the API: pages that stand still, filters, why, questions, papers; nobody else's."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from openapi_schema_validator import OAS31Validator

from accounts import sessions, visits
from accounts.api import schema
from accounts.callers import Caller, Credential
from accounts.models import Login
from marketplace_payouts.lib.ids import uuid7
from payouts import cases, holding
from payouts.models import Case, CaseMessage, Payable, Payout
from tests import factories
from tests.api_client import Api, bearer
from tests.pdf_text import text_of

NOBODYS = "00000000-0000-7000-8000-000000000000"


def api_of(payee, *, read_only: str = "") -> Api:
    """Call as the payee, who logged in a moment ago."""
    user = visits.visitor(marketplace=payee.marketplace, flex_user_id=payee.flex_user_id)
    now = timezone.now()
    caller = Caller(Credential.SESSION, Login.SHARETRIBE, logged_in_at=now, until=None, read_only=read_only)
    return bearer(sessions.open_for(user, caller, now=now)[1])


@pytest.fixture
def payee(transactional_db):
    cache.clear()
    return factories.PayeeFactory.create(name="Ada Lovelace")


@pytest.fixture
def api(payee) -> Api:
    return api_of(payee)


def paid(payee, n: int = 1, **changes) -> list[Payout]:
    """Payouts of the payee, oldest first, an hour apart."""
    start = timezone.now() - timedelta(days=2)
    return [
        factories.PayoutFactory.create(
            payee=payee, state="paid", created_at=start + timedelta(hours=i), **changes
        )
        for i in range(n)
    ]


def transaction_of(payout: Payout) -> str:
    """The transaction that a payout covers."""
    source = payout.lines.get().payable.source
    assert source is not None
    return str(source.reference)


def described(name: str, answer: object) -> None:
    """Hold an answer to what the document says of it."""
    document = schema.document()
    shape = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    OAS31Validator(shape).validate(answer)


# ---------------------------------------------------------------------------------------------------- the list


@pytest.mark.parametrize("name", ["state", "currency", "from", "to", "cursor", "limit"])
def test_a_filter_without_a_value_is_a_mistake(api, name):
    answer = api.get(f"/api/v1/payouts/?{name}=")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, name)


def test_lists_what_is_the_callers_newest_first(api, payee):
    mine = paid(payee, 3)
    paid(factories.PayeeFactory.create(), 2)
    answer = api.get("/api/v1/payouts/").json()
    described("PayoutPage", answer)
    assert [one["number"] for one in answer["payouts"]] == [one.number for one in reversed(mine)]
    assert answer["next"] is None
    newest = answer["payouts"][0]
    assert newest["amount"] == {"units": "12345", "currency": "EUR", "exponent": 2}
    assert newest["state"] == "paid"
    assert newest["provider"] == "PayPal"
    assert newest["method"] == mine[-1].method.masked
    assert "@mail.example" in newest["method"]
    assert "•" in newest["method"]


def test_pages_stand_still_while_payouts_are_made(api, payee):
    old = paid(payee, 5)
    first = api.get("/api/v1/payouts/?limit=2").json()
    newer = [factories.PayoutFactory.create(payee=payee) for _ in range(3)]
    second = api.get(f"/api/v1/payouts/?limit=2&cursor={first['next']}").json()
    third = api.get(f"/api/v1/payouts/?limit=2&cursor={second['next']}").json()
    seen = [one["number"] for page in (first, second, third) for one in page["payouts"]]
    assert seen == [one.number for one in reversed(old)]
    assert third["next"] is None
    assert not {one.number for one in newer} & set(seen)


def test_payouts_of_one_moment_are_neither_skipped_nor_repeated(api, payee):
    moment = timezone.now()
    made = {factories.PayoutFactory.create(payee=payee, created_at=moment).number for _ in range(7)}
    seen: list[str] = []
    cursor = ""
    for _ in range(4):
        page = api.get(f"/api/v1/payouts/?limit=2{cursor}").json()
        seen += [one["number"] for one in page["payouts"]]
        cursor = f"&cursor={page['next']}"
    assert (len(seen), set(seen)) == (7, made)


def test_asks_the_database_as_often_for_a_hundred_as_for_one(api, payee):
    paid(payee, 1)
    with CaptureQueriesContext(
        connection,
    ) as few:
        assert len(api.get("/api/v1/payouts/").json()["payouts"]) == 1
    paid(payee, 24)
    with CaptureQueriesContext(connection) as many:
        assert len(api.get("/api/v1/payouts/").json()["payouts"]) == 20
    assert len(few) == len(many)
    # Who calls, the turn that is taken, and the list.
    assert len(many) == 3, [one["sql"][:80] for one in many.captured_queries]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("state=paid", "ab"),
        ("state=preparing", "cd"),
        ("state=failed", ""),
        ("currency=USD", "b"),
        ("from={today}", "cd"),
        ("to={yesterday}", "ab"),
        ("from={yesterday}&to={yesterday}", "b"),
        ("state=paid&currency=EUR", "a"),
        ("to=9999-12-31", "abcd"),
    ],
)
def test_filters(api, payee, query, numbers):
    now = timezone.now().replace(hour=12)
    yesterday = now - timedelta(days=1)
    made = {
        "a": factories.PayoutFactory.create(payee=payee, state="paid", created_at=now - timedelta(days=9)),
        "b": factories.PayoutFactory.create(
            payee=payee, state="paid", created_at=yesterday, debt_currency="USD"
        ),
        "c": factories.PayoutFactory.create(payee=payee, state="approved", created_at=now),
        "d": factories.PayoutFactory.create(payee=payee, state="submitting", created_at=now),
    }
    query = query.format(today=now.date().isoformat(), yesterday=yesterday.date().isoformat())
    answer = api.get(f"/api/v1/payouts/?{query}")
    assert answer.status_code == 200, answer.content
    assert {one["number"] for one in answer.json()["payouts"]} == {made[name].number for name in numbers}


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ("state=pending", "state", "invalid_choice"),
        ("from=yesterday", "from", "invalid"),
        ("to=2026-02-30", "to", "invalid"),
        ("limit=0", "limit", "min_value"),
        ("limit=101", "limit", "max_value"),
        ("cursor=!", "cursor", "invalid"),
        ("cursor=AAAA", "cursor", "invalid"),
        ("cursor=" + "7" * 32, "cursor", "invalid"),
        ("page=2", "page", "unknown_field"),
    ],
)
def test_says_what_is_wrong_with_the_query(api, query, field, code):
    answer = api.get(f"/api/v1/payouts/?{query}")
    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert (error["field"], error["code"]) == (field, code)
    assert error["detail"]


# ----------------------------------------------------------------------------------------------- one of them


def test_shows_one_in_words_without_names_and_secrets(api, payee):
    payout = factories.PayoutFactory.create(payee=payee, state="paid")
    staff = factories.StaffFactory.create(roles=["operator"], name="Bob Builder")
    holding.hold(by=staff, payouts=[payout.pk], reason="Smells of fraud", now=timezone.now())
    answer = api.get(f"/api/v1/payouts/{payout.pk}")
    shown = answer.json()
    described("PayoutShown", shown)
    assert [one["sentence"] for one in shown["timeline"]] == [
        "We put together what we owe you.",
        "We checked it.",
        f"We sent it to PayPal, for {payout.method.masked}.",
        f"It was paid to {payout.method.masked}.",
    ]
    [line] = shown["lines"]
    assert line["what"] == "Sale"
    assert line["transaction"] == transaction_of(payout)
    assert (line["gross"]["units"], line["commission"]["units"]) == ("13000", "-655")
    assert shown["why"] == []
    attempt = payout.attempts.get()
    text = answer.content.decode()
    for secret in (
        "fraud",
        "Bob",
        staff.email,
        attempt.key,
        attempt.batch.key,
        attempt.reference,
        payout.method.fingerprint,
        "rule:",
        "SUCCESS",
    ):
        assert secret not in text, secret


def test_answers_in_the_language_that_is_asked_for_and_says_so_in_the_payees_else(api, payee):
    payout = factories.PayoutFactory.create(payee=payee, state="paid")
    type(payee).objects.update(language="vi")

    def what(**headers: str) -> str:
        shown = api.get(f"/api/v1/payouts/{payout.pk}", **headers).json()
        return str(shown["lines"][0]["what"])

    assert what(**{"Accept-Language": "en"}) == "Sale"
    assert what(**{"Accept-Language": "tlh, en;q=0.5"}) == "Sale"
    # Servers' libraries ask for anything; whoever reads it in the end has said what they read.
    for nothing_of_ours in ({}, {"Accept-Language": "tlh"}, {"Accept-Language": "*"}):
        assert what(**nothing_of_ours) == "Đơn bán"


def test_nothing_of_anybody_elses_is_there(api):
    other = factories.PayoutFactory.create(state="paid")
    for path in ("", "/why", "/remittance-advice.csv"):
        mine, nobodys = (api.get(f"/api/v1/payouts/{pk}{path}") for pk in (other.pk, NOBODYS))
        assert mine.status_code == nobodys.status_code == 404
        assert mine.json() == nobodys.json()


def test_why_it_waits_is_told_neutrally(api, payee):
    payout = factories.PayoutFactory.create(payee=payee, state="awaiting_approval")
    before = factories.PayoutFactory.create(payee=payee, method=payout.method, state="paid")
    assert before.method == payout.method
    usual = api.get(f"/api/v1/payouts/{payout.pk}/why").json()
    described("PayoutWhy", usual)
    assert [one["code"] for one in usual["why"]] == ["checks"]
    staff = factories.StaffFactory.create(roles=["operator"])
    holding.hold(by=staff, payouts=[payout.pk], reason="On a sanctions list", now=timezone.now())
    holding.freeze(by=staff, payee_id=payee.pk, reason="Stolen identity", now=timezone.now())
    assert api.get(f"/api/v1/payouts/{payout.pk}/why").json() == usual


def test_what_waits_and_what_comes_next(api, payee):
    factories.MethodFactory.create(payee=payee)
    friday = timezone.now() + timedelta(days=3)
    factories.PayableFactory.create(payee=payee, units=1_000, due_at=friday)
    waiting = api.get("/api/v1/payouts/waiting").json()
    described("PayoutsWaiting", waiting)
    [euros] = waiting["waiting"]
    assert euros["total"]["units"] == "1000"
    assert [one["code"] for one in euros["why"]] == ["next_payday"]
    upcoming = api.get("/api/v1/payouts/next").json()
    described("PayoutsNext", upcoming)
    [one] = upcoming["payouts"]
    assert (one["amount"]["units"], one["why"]) == ("1000", [])
    assert one["at"].startswith(friday.strftime("%Y-%m-%dT%H:%M"))


# ------------------------------------------------------------------------------------------------- questions


def test_a_question_is_asked_answered_and_shown(api, payee):
    payout = factories.PayoutFactory.create(payee=payee, state="paid")
    path = f"/api/v1/payouts/{payout.pk}/question"
    answer = api.post(path, {"kind": "not_arrived", "text": "  Where is it? "})
    assert answer.status_code == 201
    described("QuestionShown", answer.json())
    assert [one["text"] for one in answer.json()["messages"]] == ["Where is it?"]
    assert api.post(path, {"kind": "not_arrived", "text": "Where is it?"}).json() == answer.json()
    staff = factories.StaffFactory.create(roles=["operator"], name="Bob Builder")
    case = Case.objects.get()
    cases.answer(by=staff, case_ids=[case.pk], text="It is there.", settles=True, now=timezone.now())
    shown = api.get(f"/api/v1/payouts/{payout.pk}")
    [question] = shown.json()["questions"]
    assert [(one["by"], one["text"]) for one in question["messages"]] == [
        ("you", "Where is it?"),
        ("marketplace", "It is there."),
    ]
    assert question["closed_at"]
    assert "Bob" not in shown.content.decode()


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"text": "Where?"}, "kind", "required"),
        ({"kind": "not_arrived"}, "text", "required"),
        ({"kind": "not_arrived", "text": "  "}, "text", "blank"),
        ({"kind": "not_arrived", "text": "x" * 2_001}, "text", "max_length"),
        ({"kind": "not_arrived", "text": "a\x00b"}, "text", "null_characters_not_allowed"),
        ({"kind": "angry", "text": "Where?"}, "kind", "invalid_choice"),
        ({"kind": "other", "text": "Where?", "html": True}, "html", "unknown_field"),
    ],
)
def test_says_what_is_wrong_with_a_question(api, payee, body, field, code):
    payout = factories.PayoutFactory.create(payee=payee, state="paid")
    answer = api.post(f"/api/v1/payouts/{payout.pk}/question", body)
    assert answer.status_code == 400
    assert [(one["field"], one["code"]) for one in answer.json()["errors"]] == [(field, code)]
    assert not CaseMessage.objects.exists()


def test_who_writes_too_often_waits(api, payee, settings):
    settings.API_RATES = settings.API_RATES | {"question": (60, 100)}
    payout = factories.PayoutFactory.create(payee=payee, state="paid")
    path = f"/api/v1/payouts/{payout.pk}/question"
    for n in range(cases.UNANSWERED):
        assert api.post(path, {"kind": "other", "text": f"Hello {n}"}).status_code == 201
    answer = api.post(path, {"kind": "other", "text": "Hello?!"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "unanswered")


def test_questions_are_throttled(api, payee, settings):
    settings.API_RATES = settings.API_RATES | {"question": (1, 2)}
    payout = factories.PayoutFactory.create(payee=payee, state="paid")
    path = f"/api/v1/payouts/{payout.pk}/question"
    answers = [api.post(path, {"kind": "other", "text": "Hello"}).status_code for _ in range(3)]
    assert answers == [201, 201, 429]
    assert api.get("/api/v1/payouts/").status_code == 200


def test_an_operator_logged_in_as_the_payee_asks_nothing(payee):
    payout = factories.PayoutFactory.create(payee=payee, state="paid")
    looking = api_of(payee, read_only="impersonated")
    assert looking.get(f"/api/v1/payouts/{payout.pk}").status_code == 200
    answer = looking.post(f"/api/v1/payouts/{payout.pk}/question", {"kind": "other", "text": "Hello"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "read_only_impersonated")


# ---------------------------------------------------------------------------------------------------- papers


@pytest.mark.parametrize(
    ("ending", "accept", "kind"),
    [
        ("", "*/*", "application/pdf"),
        ("", "application/pdf", "application/pdf"),
        ("", "text/csv", "text/csv; charset=utf-8"),
        (".pdf", "*/*", "application/pdf"),
        (".csv", "*/*", "text/csv; charset=utf-8"),
    ],
)
def test_papers_come_in_the_form_that_is_asked_for(api, payee, ending, accept, kind):
    payout = factories.PayoutFactory.create(payee=payee, state="paid")
    for path, name in (
        (f"payouts/{payout.pk}/remittance-advice", payout.number),
        (f"statements/{timezone.now().year}", f"statement-{timezone.now().year}"),
    ):
        answer = api.get(f"/api/v1/{path}{ending}", Accept=accept)
        assert (answer.status_code, answer["Content-Type"]) == (200, kind)
        form = "pdf" if "pdf" in kind else "csv"
        assert answer["Content-Disposition"] == f'attachment; filename="{name}.{form}"'
        assert answer["Cache-Control"] == "no-store"
        assert answer.content.startswith(b"%PDF-" if form == "pdf" else b"\xef\xbb\xbf")


def test_what_is_wrong_with_a_paper_is_told_as_json(api, payee):
    payout = factories.PayoutFactory.create(payee=payee, state="paid")
    answer = api.get(f"/api/v1/payouts/{payout.pk}/remittance-advice", Accept="application/json")
    assert answer.status_code == 406
    [error] = answer.json()["errors"]
    assert error["code"] == "not_acceptable"
    assert "application/pdf or text/csv" in error["detail"]
    for path in (f"payouts/{uuid7()}/remittance-advice.pdf", "statements/1999.pdf", "statements/9999.csv"):
        answer = api.get(f"/api/v1/{path}")
        assert (answer.status_code, answer["Content-Type"]) == (404, "application/json")
        assert answer.json()["errors"][0]["code"] == "not_found"
    assert Api().get(f"/api/v1/payouts/{payout.pk}/remittance-advice.pdf").json()["errors"]


def test_both_forms_of_an_advice_say_the_same(api, payee):
    payout = factories.PayoutFactory.create(payee=payee, state="paid")
    path = f"/api/v1/payouts/{payout.pk}/remittance-advice"
    rows = list(csv.reader(io.StringIO(api.get(f"{path}.csv").content.decode("utf-8-sig"))))
    page = text_of(api.get(f"{path}.pdf").content)
    reference = transaction_of(payout)
    assert rows[1][2:] == ["Sale", reference, "130.00", "-6.55", "123.45", "EUR"]
    assert rows[-1][2:] == ["Total", "", "", "", "123.45", "EUR"]
    for word in (payout.number, "Ada Lovelace", "123.45 EUR", "Sale", "-6.55 EUR", payout.marketplace.name):
        assert word in page, word
    assert reference in page.replace("\n", "")


def test_payables_are_owed_by_nobody_else(api):
    factories.PayableFactory.create()
    assert Payable.objects.exists()
    assert api.get("/api/v1/payouts/waiting").json() == {"waiting": []}
    assert api.get("/api/v1/payouts/next").json() == {"payouts": []}
