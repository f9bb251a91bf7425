"""What Stripe's word about an account comes to, and what it wants, in words."""

from __future__ import annotations

import pytest

from payments import requirements, verification
from payments.stripe.countries import SERVED, TOGETHER, reached_from
from sandbox.stripe.currencies import COUNTRIES


def test_the_countries_are_those_of_stripe():
    assert set(COUNTRIES) == SERVED
    assert reached_from("JP") == {"JP"}
    assert reached_from("VN") == frozenset()
    assert reached_from("US") == TOGETHER >= {"DE", "GB", "CA", "CH"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("individual.dob.year", "Your date of birth."),
        ("company.address.city", "The company's address."),
        ("representative.relationship.title", "The representative's part in the company."),
        ("person_8UayFKIMRJklog.verification.document", "A person's identity document, as a photo."),
        ("owners.verification.additional_document", "An owner's second document that shows the address."),
        ("business_profile.annual_revenue", "More about your business."),
        ("settings.payments.statement_descriptor", "How payments appear on your customers' statements."),
        ("company.shareholding.pledge", "What Stripe calls company.shareholding.pledge."),
        ("interv_cnN1czM.form", "What Stripe calls interv_cnN1czM.form."),
    ],
)
def test_a_requirement_in_words(name, said):
    assert requirements.sentence(name) == said


def test_errors_are_told_with_stripes_reason_and_what_is_overdue_comes_first():
    told = requirements.wanted(
        {
            "currently_due": ["external_account", "individual.verification.document"],
            "past_due": ["individual.verification.document"],
            "errors": [
                {
                    "code": "verification_document_too_blurry",
                    "reason": "The image is too blurred.",
                    "requirement": "individual.verification.document",
                }
            ],
        }
    )
    assert [(one.sentence, one.overdue, one.problem) for one in told] == [
        ("Your identity document, as a photo.", True, "The image is too blurred."),
        ("A bank account to be paid to.", False, ""),
    ]


@pytest.mark.parametrize(
    "lacking",
    [
        {"details_submitted": False},
        {"payouts_enabled": False},
        {"capabilities": {"transfers": "inactive"}},
        {"capabilities": {}},
        {"capabilities": None},
        {"requirements": {"disabled_reason": "listed"}},
        {"requirements": {"disabled_reason": "a reason of tomorrow"}},
        {"deleted": True},
    ],
)
def test_whatever_is_missing_counts_against_it(lacking):
    whole = {
        "details_submitted": True,
        "payouts_enabled": True,
        "charges_enabled": False,
        "capabilities": {"transfers": "active"},
        "requirements": {"disabled_reason": None, "currently_due": ["individual.id_number"]},
    }
    assert verification.read(whole).is_verified
    assert not verification.read(whole | lacking).is_verified
    assert not verification.read({}).is_verified
