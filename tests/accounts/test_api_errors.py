"""Every error of the API has one shape, whatever went wrong; and no more is told than the caller needs."""

from __future__ import annotations

import pytest

from tests.accounts.test_sessions import ME, SESSION, code_of
from tests.api_client import Api

PLAIN, BROKEN = "/api/v1/probe/plain", "/api/v1/probe/broken"


@pytest.fixture(autouse=True)
def _probes(settings):
    settings.ROOT_URLCONF = "tests.accounts.probes"


def shape_of(answer) -> list[tuple[str, str | None]]:
    """The codes and fields; the shape is checked on the way."""
    assert answer["Content-Type"] == "application/json"
    body = answer.json()
    assert body.keys() == {"errors"}
    for error in body["errors"]:
        assert error.keys() == {"code", "detail", "field"}
        assert error["detail"].endswith((".", "?"))
    return [(error["code"], error["field"]) for error in body["errors"]]


def test_each_field_that_is_wrong_is_named_by_its_path(ada):
    body = {"name": "too long", "lines": [{"amount": 1}, {"amount": 0}, {}], "nmae": 1}
    answer = ada.api().post(PLAIN, body)
    assert answer.status_code == 400
    assert shape_of(answer) == [
        ("max_length", "name"),
        ("min_value", "lines.1.amount"),
        ("required", "lines.2.amount"),
    ]


def test_a_field_that_is_not_known_is_a_mistake(ada):
    body = {"name": "Ada", "lines": [{"amount": 1, "amuont": 2}], "nmae": 1}
    answer = ada.api().post(PLAIN, body)
    assert shape_of(answer) == [("unknown_field", "lines.0.amuont")]
    body["lines"] = []
    answer = ada.api().post(PLAIN, body)
    assert shape_of(answer) == [("unknown_field", "nmae")]
    assert "name, lines" in answer.json()["errors"][0]["detail"]


def test_half_a_surrogate_pair_is_told_by_a_question_mark(ada):
    answer = ada.api().post(PLAIN, {"name": "Ada", "lines": [], "nmae\ud800": 1})
    assert answer.status_code == 400
    assert shape_of(answer) == [("unknown_field", "nmae?")]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": 5}, "name"),
        ({"name": True}, "name"),
        ({"id": 5}, "id"),
        ({"urgent": "false"}, "urgent"),
        ({"urgent": 1}, "urgent"),
        ({"words": ["a", 5]}, "words.1"),
        ({"values": {"a": "b", "c": 1.5}}, "values.c"),
        ({"lines": [{"amount": 1, "of": 7}]}, "lines.0.of"),
    ],
)
def test_a_value_of_another_type_is_no_text_id_or_truth(ada, wrong, field):
    answer = ada.api().post(PLAIN, {"name": "Ada", "lines": []} | wrong)
    assert answer.status_code == 400
    assert shape_of(answer) == [("invalid", field)]


def test_every_value_of_its_type_is_taken(ada):
    right = {
        "name": "Ada",
        "lines": [{"amount": 1, "of": "x"}],
        "urgent": False,
        "words": ["a"],
        "values": {"a": "b"},
    }
    answer = ada.api().post(PLAIN, right)
    assert (answer.status_code, answer.json()) == (200, right)


@pytest.mark.parametrize(
    "body", ["{", "[1,", "\xff\xfe", "nope", "null", "[" * 100_000, '{"name":' * 100_000]
)
def test_a_body_that_is_no_json(ada, body):
    answer = ada.api().post(PLAIN, body)
    assert answer.status_code == 400
    assert shape_of(answer) == [("parse_error", None)]


@pytest.mark.parametrize("body", ["[]", "1", '"x"'])
def test_a_body_that_is_no_object(ada, body):
    answer = ada.api().post(PLAIN, body)
    assert answer.status_code == 400
    assert {field for _, field in shape_of(answer)} <= {None, "name", "lines"}


def test_another_kind_of_body(ada):
    answer = ada.api().call(
        "POST", PLAIN, "name=Ada", **{"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert answer.status_code == 415
    assert shape_of(answer) == [("unsupported_media_type", None)]


def test_another_kind_of_answer(ada):
    answer = ada.api().get(ME, Accept="text/html")
    assert answer.status_code == 406
    assert shape_of(answer) == [("not_acceptable", None)]


def test_a_body_that_is_too_large(ada, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    answer = ada.api().post(PLAIN, {"name": "x" * 200})
    assert answer.status_code == 413
    assert shape_of(answer) == [("too_large", None)]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_another_method(ada, method):
    answer = ada.api().call(method, ME)
    assert answer.status_code == 405
    assert shape_of(answer) == [("method_not_allowed", None)]
    assert answer["Allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "path",
    ["/api/v1/nothing", "/api/v1/", "/api/v2/me", "/api/v1/me/x", "/api/nothing", "/buyer/x", "/seller/x"],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_address_with_nothing_at_it(transactional_db, path, method):
    answer = Api().call(method, path)
    assert answer.status_code == 404
    assert shape_of(answer) == [("not_found", None)]


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("/api/v1/payouts", "/api/v1/payouts/"),
        ("/api/v1/me/", "/api/v1/me"),
        ("/buyer/", "/buyer"),
        ("/seller/onboarding/", "/seller/onboarding"),
    ],
)
def test_a_slash_too_many_or_too_few_is_named(transactional_db, path, there):
    answer = Api().get(path)
    assert shape_of(answer) == [("not_found", None)]
    assert f" {there}: " in answer.json()["errors"][0]["detail"]


def test_nobody(transactional_db):
    answer = Api().get(ME)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'
    assert shape_of(answer) == [("not_authenticated", None)]


def test_what_nobody_foresaw_is_logged_and_not_told(ada, caplog):
    answer = ada.api().get(BROKEN)
    assert answer.status_code == 500
    assert shape_of(answer) == [("server_error", None)]
    assert "secret" not in answer.content.decode()
    assert "ZeroDivisionError" in str(caplog.records)


def test_no_answer_is_kept_on_its_way(ada):
    for answer in (ada.api().get(ME), ada.api().post(SESSION), Api().get(ME), Api().get("/api/v1/nothing")):
        assert answer["Cache-Control"] == "no-store"
        assert not answer.cookies


def test_the_codes_of_people_and_programs(ada):
    assert code_of(ada.session().post(SESSION)) == (409, "already_a_session")
