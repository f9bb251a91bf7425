"""The OpenAPI document is valid, describes every route and error, and what is answered looks as it says."""

from __future__ import annotations

import re

import pytest
from django.core.cache import cache
from drf_spectacular.validation import validate_schema
from jsonschema.exceptions import ValidationError
from openapi_schema_validator import OAS31Validator

from accounts.api import schema
from marketplace_payouts import settings as product
from tests.api.routes import ROOT, routes
from tests.api_client import Api, MarketplaceServer, SharetribeUser, known_marketplace


@pytest.fixture
def document(db):
    return schema.document()


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def validator(document, name: str) -> OAS31Validator:
    shapes = {"components": document["components"]}
    return OAS31Validator({"$ref": f"#/components/schemas/{name}", **shapes})


def test_it_is_openapi_3_1(document):
    assert document["openapi"].startswith("3.1")
    validate_schema(document)


def test_it_describes_every_route(document):
    described = {re.sub(r"\{\w+\}", "*", path) for path in document["paths"]}
    assert described == {"/" + ROOT + re.sub(r"<[^>]+>", "*", route) for route in routes()}


def test_every_operation_says_what_it_does_and_which_proofs_it_takes(document):
    for path, method, operation in operations(document):
        assert operation["summary"], (path, method)
        assert operation["description"], (path, method)
        assert operation["security"], (path, method)
    assert set(document["components"]["securitySchemes"]) == {
        "session",
        "sharetribe_token",
        "account_session",
        "signature",
    }


def test_every_operation_has_its_errors_with_examples(document):
    for path, method, operation in operations(document):
        answers = operation["responses"]
        assert {"401", "403", "406", "429", "500", "503"} <= answers.keys(), (path, method)
        has_body = method in ("post", "put", "patch")
        has_query = any(one["in"] == "query" for one in operation.get("parameters", ()))
        assert ("415" in answers) == has_body, (path, method)
        assert ("400" in answers) == (has_body or has_query), (path, method)
        for status, answer in answers.items():
            if status >= "400":
                content = answer["content"]["application/json"]
                assert content["schema"] == {"$ref": "#/components/schemas/Problems"}
                validator(document, "Problems").validate(content["example"])


def test_what_is_sent_has_no_field_beside_those_described(document):
    shapes = document["components"]["schemas"]
    sent = [name for name, shape in shapes.items() if name.endswith("Request") and "properties" in shape]
    assert len(sent) > 10
    assert all(shapes[name]["additionalProperties"] is False for name in sent)


def test_links_lead_to_operations_and_take_what_is_answered(document):
    by_id = {operation["operationId"]: operation for _, _, operation in operations(document)}
    links = [
        (answer, link)
        for operation in by_id.values()
        for answer in operation["responses"].values()
        for link in answer.get("links", {}).values()
    ]
    assert {link["operationId"] for _, link in links} >= {"show_payout", "show_payout_method", "list_payouts"}
    for answer, link in links:
        known = {one["name"] for one in by_id[link["operationId"]]["parameters"]}
        assert link["parameters"].keys() <= known
        pointers = [pointer.removeprefix("$response.body#") for pointer in link["parameters"].values()]
        examples = [one["value"] for one in answer["content"]["application/json"]["examples"].values()]
        assert all(any(pointed(one, pointer) for one in examples) for pointer in pointers)


def pointed(value, pointer: str) -> bool:
    """Whether a pointer finds something; null is something."""
    for part in pointer.split("/")[1:]:
        try:
            value = value[int(part)] if isinstance(value, list) else value[part]
        except (KeyError, IndexError):
            return False
    return True


def test_every_answer_has_a_shape(document):
    for path, method, operation in operations(document):
        good = [status for status in operation["responses"] if status < "300"]
        assert good, (path, method)
        for status in good:
            assert status == "204" or operation["responses"][status]["content"], (path, method)


def test_every_operation_has_examples_of_the_shape_it_says(document):
    for path, method, operation in operations(document):
        shown = [operation["requestBody"]] if "requestBody" in operation else []
        shown += [answer for status, answer in operation["responses"].items() if status in ("200", "201")]
        for one in shown:
            if not (content := one["content"].get("application/json")):
                continue  # a paper
            assert content["examples"], (path, method)
            name = content["schema"]["$ref"].rpartition("/")[2]
            for example in content["examples"].values():
                validator(document, name).validate(example["value"])


@pytest.fixture
def ada(flex_sandbox, transactional_db):
    cache.clear()
    known_marketplace(flex_sandbox)
    return SharetribeUser(flex_sandbox)


def test_what_is_answered_looks_as_it_says(ada):
    document = schema.document()
    me, opened = validator(document, "Me"), validator(document, "Opened")
    server = MarketplaceServer.with_key()[0]
    for api in (ada.api(), ada.api(as_operator=True), ada.session(), Api(server.signed(b""))):
        me.validate(api.get("/api/v1/me").json())
    opened.validate(ada.api().post("/api/v1/session").json())
    validator(document, "Problems").validate(Api().get("/api/v1/me").json())


def test_a_wrong_answer_would_be_found(document):
    with pytest.raises(ValidationError):
        validator(document, "Problems").validate({"errors": [{"code": "x", "detail": "y"}]})


def test_it_is_given_to_everybody(client, db):
    answer = client.get("/api/schema/")
    assert answer["Content-Type"] == "application/json"
    assert answer.json()["info"]["title"] == product.SPECTACULAR_SETTINGS["TITLE"]
    assert client.post("/api/schema/").status_code == 405


def test_the_page_shows_every_operation_and_keeps_the_policy(client, db):
    answer = client.get("/api/")
    page = answer.content.decode()
    for path, method, operation in operations(schema.document()):
        assert f'id="{operation["operationId"]}"' in page
        assert f"{method.upper()} {path}" in page
        assert operation["summary"] in page
    for field in ("sharetribe_user_id", "changes.fresh_until", "errors[].code", "webhook-id"):
        assert field in page
    assert '<a href="#why_payout"><code>why_payout</code></a>' in page
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert not re.search(r"<(style|script)|style=|https?://(?!testserver)[^\s\"<]*\.(js|css)", page)


def test_accounts_are_described_by_a_document_of_their_own(client, db):
    document = client.get("/_allauth/openapi.json").json()
    assert "/_allauth/app/v1/auth/signup" in str(document["paths"].keys())
    assert client.get("/_allauth/openapi.html").status_code == 404
