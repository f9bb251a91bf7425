"""Connected accounts: what Stripe wants of them, what they may do, and what is taken away again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.stripe_api import EXPRESS, happened, seller, stripe
from tests.sandbox_services import SandboxService

pytestmark = pytest.mark.usefixtures("patient_stripe")

GIVEN = {
    "business_type": "individual",
    "business_profile": {"mcc": "5734", "url": "https://example.com"},
    "individual": {
        "address": {"city": "Berlin", "line1": "Allee 1", "postal_code": "10115"},
        "dob": {"day": 1, "month": 1, "year": 1990},
        "email": "anna@example.com",
        "first_name": "Anna",
        "last_name": "Rosen",
        "phone": "+491700000000",
    },
    "external_account": {
        "object": "bank_account",
        "account_number": "DE89370400440532013000",
        "country": "DE",
        "currency": "eur",
    },
    "tos_acceptance": {"date": 1_700_000_000, "ip": "127.0.0.1"},
}


def fate(service: SandboxService, reference: str, status: str, account: str | None = None) -> Any:
    service.post("/_sandbox/fate", {"reference": reference, "status": status})
    return stripe.Account.retrieve(account or reference)


@pytest.mark.parametrize(
    ("asked", "kind", "dashboard", "collection"),
    [
        ({"type": "standard"}, "standard", "full", "stripe"),
        ({"type": "express"}, "express", "express", "stripe"),
        (
            {"type": "custom", "capabilities": {"transfers": {"requested": True}}},
            "custom",
            "none",
            "application",
        ),
        ({"controller": EXPRESS}, "none", "express", "stripe"),
        ({}, "standard", "full", "stripe"),
    ],
)
def test_is_of_a_type_or_has_a_controller(asked: dict[str, Any], kind: str, dashboard: str, collection: str):
    account = stripe.Account.create(country="DE", email="a@example.com", **asked)
    assert account.type == kind
    assert account.controller.stripe_dashboard.type == dashboard
    assert account.controller.requirement_collection == collection
    assert account.default_currency == "eur"


def test_cannot_have_both():
    with pytest.raises(stripe.InvalidRequestError, match="only specify one"):
        stripe.Account.create(type="express", controller=EXPRESS)


def test_without_a_dashboard_must_ask_for_capabilities():
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stripe.Account.create(type="custom", country="DE")
    assert refused.value.param == "capabilities"


@pytest.mark.parametrize(("country", "why"), [("VN", "not currently supported"), ("Germany", "is unknown")])
def test_is_refused_in_a_country_that_stripe_does_not_serve(country: str, why: str):
    with pytest.raises(stripe.InvalidRequestError, match=why):
        stripe.Account.create(type="express", country=country)


def test_begins_with_everything_due(patient_stripe: SandboxService):
    account = stripe.Account.create(
        controller=EXPRESS, country="DE", capabilities={"transfers": {"requested": True}}
    )
    assert "external_account" in (account.requirements.currently_due or [])
    assert account.requirements.past_due == account.requirements.currently_due
    assert account.requirements.disabled_reason == "requirements.past_due"
    assert (account.details_submitted, account.charges_enabled, account.payouts_enabled) == (False,) * 3
    assert account.capabilities.transfers == "inactive"


def test_gives_all_through_the_api_and_is_judged(patient_stripe: SandboxService):
    made = stripe.Account.create(
        type="custom", country="DE", capabilities={"transfers": {"requested": True}}, business_type="company"
    )
    account = stripe.Account.modify(made.id, **GIVEN)
    assert account.requirements.currently_due == []
    assert account.requirements.disabled_reason == "requirements.pending_verification"
    assert account.details_submitted
    assert account.capabilities.transfers == "pending"
    patient_stripe.advance(601)
    account = stripe.Account.retrieve(made.id)
    assert account.capabilities.transfers == "active"
    assert account.payouts_enabled
    assert [bank.last4 for bank in account.external_accounts.data] == ["3000"]
    assert happened(made.id).count("account.updated") == 3
    assert "capability.updated" in happened(made.id)


def test_says_how_it_is_paid_out():
    payouts = {"schedule": {"interval": "manual"}, "statement_descriptor": "ROSEN"}
    made = stripe.Account.create(type="express", country="DE", settings={"payouts": payouts})
    assert made.settings.payouts.schedule.interval == "manual"
    assert made.settings.payouts.schedule.delay_days == 2
    assert made.settings.payouts.statement_descriptor == "ROSEN"


def test_lets_nobody_but_custom_accounts_accept_terms_through_the_api():
    with pytest.raises(stripe.InvalidRequestError, match="Terms of Service"):
        stripe.Account.create(type="express", country="DE", tos_acceptance={"date": 1, "ip": "127.0.0.1"})


@pytest.mark.parametrize(
    ("status", "reason", "transfers"),
    [
        ("restricted", "requirements.past_due", "inactive"),
        ("under_review", "under_review", "inactive"),
        ("listed", "listed", "inactive"),
        ("platform_paused", "platform_paused", "inactive"),
        ("rejected", "rejected.other", "inactive"),
        ("rejected.fraud", "rejected.fraud", "inactive"),
        ("pending", "requirements.pending_verification", "pending"),
    ],
)
def test_is_verified_and_then_not(patient_stripe: SandboxService, status: str, reason: str, transfers: str):
    account = seller(patient_stripe)
    assert account.payouts_enabled
    account = fate(patient_stripe, account.id, status)
    assert account.requirements.disabled_reason == reason
    assert account.capabilities.transfers == transfers
    assert not account.payouts_enabled
    again = fate(patient_stripe, account.id, "verified")
    assert again.payouts_enabled
    assert again.requirements.disabled_reason is None


def test_tells_what_it_was_before(patient_stripe: SandboxService):
    account = seller(patient_stripe)
    fate(patient_stripe, account.id, "restricted")
    events = stripe.Event.list(type="account.updated", stripe_account=account.id).data
    assert events[0].account == account.id
    assert events[0].data.previous_attributes["payouts_enabled"] is True
    assert events[0].data.object["payouts_enabled"] is False
    changed = stripe.Event.list(type="capability.updated", stripe_account=account.id).data[0].data
    assert changed.previous_attributes["status"] == "active"
    assert changed.object["status"] == "inactive"


def test_is_asked_for_more_until_a_deadline(patient_stripe: SandboxService):
    account = seller(patient_stripe)
    asked = {
        "reference": account.id,
        "fields": ["individual.verification.document"],
        "seconds": 86_400,
    }
    patient_stripe.post("/_sandbox/require", asked)
    account = stripe.Account.retrieve(account.id)
    assert account.requirements.currently_due == ["individual.verification.document"]
    assert account.requirements.past_due == []
    assert account.requirements.current_deadline
    assert account.payouts_enabled
    patient_stripe.advance(86_401)
    account = stripe.Account.retrieve(account.id)
    assert account.requirements.past_due == ["individual.verification.document"]
    assert not account.payouts_enabled


def test_gives_what_was_asked_for_besides(patient_stripe: SandboxService):
    made = seller(patient_stripe, type="custom", controller=None)
    patient_stripe.post(
        "/_sandbox/require",
        {"reference": made.id, "fields": ["individual.verification.document"], "seconds": 0},
    )
    assert not stripe.Account.retrieve(made.id).payouts_enabled
    stripe.Account.modify(made.id, individual={"verification": {"document": {"front": "file_1"}}})
    assert stripe.Account.retrieve(made.id).payouts_enabled


def test_its_fate_may_stand_in_its_address(patient_stripe: SandboxService):
    fates = {
        "pending": "requirements.pending_verification",
        "rejected": "rejected.fraud",
        "restricted": "requirements.past_due",
        "review": "under_review",
    }
    for prefix, reason in fates.items():
        made = stripe.Account.create(
            type="custom",
            country="DE",
            email=f"{prefix}+anna@example.com",
            capabilities={"transfers": {"requested": True}},
        )
        stripe.Account.modify(made.id, **GIVEN)
        patient_stripe.advance(601)
        account = stripe.Account.retrieve(made.id)
        assert account.requirements
        assert account.requirements.disabled_reason == reason


def test_its_fate_may_be_decided_before_it_is_there(patient_stripe: SandboxService):
    decided = patient_stripe.post("/_sandbox/fate", {"reference": "payee-7", "status": "under_review"})
    assert decided == {"changed": 0}
    made = stripe.Account.create(
        type="custom",
        country="DE",
        metadata={"payee": "payee-7"},
        capabilities={"transfers": {"requested": True}},
        **GIVEN,
    )
    patient_stripe.advance(601)
    account = stripe.Account.retrieve(made.id)
    assert account.requirements.disabled_reason == "under_review"


def test_mends_what_was_taken_away(patient_stripe: SandboxService):
    made = seller(patient_stripe, type="custom", controller=None, email="anna@example.com")
    assert not fate(patient_stripe, "anna@example.com", "restricted", made.id).payouts_enabled
    stripe.Account.modify(made.id, individual={"verification": {"document": {"front": "file_1"}}})
    patient_stripe.advance(601)
    assert stripe.Account.retrieve(made.id).payouts_enabled


def test_is_rejected_by_the_platform(patient_stripe: SandboxService):
    account = stripe.Account.reject(seller(patient_stripe).id, reason="fraud")
    assert account.requirements.disabled_reason == "rejected.fraud"


def test_takes_our_access_away(patient_stripe: SandboxService):
    account = seller(patient_stripe)
    patient_stripe.post("/_sandbox/fate", {"reference": account.id, "status": "deauthorized"})
    with pytest.raises(stripe.PermissionError) as refused:
        stripe.Account.retrieve(account.id)
    assert refused.value.json_body["error"]["code"] == "account_invalid"
    with pytest.raises(stripe.PermissionError):
        stripe.Balance.retrieve(stripe_account=account.id)
    assert stripe.Account.list().data == []


def test_is_deleted(patient_stripe: SandboxService):
    account = seller(patient_stripe)
    assert stripe.Account.delete(account.id).deleted
    with pytest.raises(stripe.PermissionError):
        stripe.Account.retrieve(account.id)
    standard = stripe.Account.create(type="standard", country="DE")
    with pytest.raises(stripe.PermissionError, match="cannot delete"):
        stripe.Account.delete(standard.id)


def test_the_platform_has_one_of_its_own(patient_stripe: SandboxService):
    own = stripe.Account.retrieve()
    assert own.id == patient_stripe.credentials["account"]
    assert own.type == "standard"
    account = seller(patient_stripe)
    assert stripe.Account.retrieve(stripe_account=account.id).id == account.id
    assert [one.id for one in stripe.Account.list().data] == [account.id]


# Capabilities ---------------------------------------------------------------------------------------------------


def test_asks_for_a_capability_and_gives_it_back(patient_stripe: SandboxService):
    account = seller(patient_stripe)
    assert stripe.Account.retrieve_capability(account.id, "card_payments").status == "unrequested"
    asked = stripe.Account.modify_capability(account.id, "card_payments", requested=True)
    assert (asked.status, asked.requested) == ("active", True)
    assert stripe.Account.retrieve(account.id).charges_enabled
    listed = stripe.Account.list_capabilities(account.id).data
    assert [one.id for one in listed] == ["card_payments", "transfers"]
    stripe.Account.modify_capability(account.id, "card_payments", requested=False)
    assert not stripe.Account.retrieve(account.id).charges_enabled


# Bank accounts --------------------------------------------------------------------------------------------------


def test_has_bank_accounts(patient_stripe: SandboxService):
    account = seller(patient_stripe)
    first = stripe.Account.list_external_accounts(account.id).data[0]
    second = stripe.Account.create_external_account(
        account.id, external_account="btok_us_verified", default_for_currency=True
    )
    assert second.last4 == "6789"
    with pytest.raises(stripe.InvalidRequestError, match="default external account"):
        stripe.Account.delete_external_account(account.id, second.id)
    changed = stripe.Account.modify_external_account(account.id, first.id, metadata={"a": "b"})
    assert changed.metadata["a"] == "b"
    assert stripe.Account.delete_external_account(account.id, first.id).deleted
    left = stripe.Account.list_external_accounts(account.id, object="bank_account").data
    assert [bank.id for bank in left] == [second.id]
    kinds = [kind for kind in happened(account.id) if kind.startswith("account.external_account")]
    assert [kind.rpartition(".")[2] for kind in kinds] == ["created", "updated", "deleted"]


@pytest.mark.parametrize(
    ("bank", "param"),
    [
        ("btok_nothing", "external_account"),
        ({"object": "bank_account", "country": "DE", "currency": "eur"}, "external_account[account_number]"),
        ({"object": "card", "number": "4242"}, "external_account[number]"),
    ],
)
def test_a_bank_account_that_cannot_be_makes_no_account(bank: Any, param: str):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stripe.Account.create(type="express", country="DE", external_account=bank)
    assert refused.value.param == param
    assert stripe.Account.list().data == []


def test_without_a_bank_account_is_paid_nothing_out(patient_stripe: SandboxService):
    account = seller(patient_stripe)
    bank = stripe.Account.list_external_accounts(account.id).data[0]
    stripe.Account.delete_external_account(account.id, bank.id)
    account = stripe.Account.retrieve(account.id)
    assert account.requirements.currently_due == ["external_account"]
    assert not account.payouts_enabled
    assert account.capabilities.transfers == "active"
