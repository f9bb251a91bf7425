"""What Stripe still wants to know of a seller, in words. Pure.

Stripe names a requirement by its path in the account, such as ``individual.dob.day``; a person is asked for their date
of birth, once. docs.stripe.com/connect/handling-api-verification, read 2026-11.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

_WHOLE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "external_account": "A bank account to be paid to.",
        "tos_acceptance": "Agreement to Stripe's terms.",
        "business_type": "Whether you are an individual or a company.",
        "business_profile.mcc": "What kind of business you run.",
        "business_profile.url": "Your website, or a description of what you sell.",
        "business_profile.product_description": "A description of what you sell.",
        "business_profile.name": "The name under which you do business.",
        "business_profile.support_phone": "A phone number for your customers.",
        "business_profile.support_email": "An e-mail address for your customers.",
        "business_profile": "More about your business.",
        "settings": "How payments appear on your customers' statements.",
        "documents": "A document about your business.",
    }
)
"""What is wanted of the account as a whole, by the beginning of its path; the longest that fits."""

_OF_WHOM: Final[Mapping[str, str]] = MappingProxyType(
    {
        "individual": "Your",
        "company": "The company's",
        "representative": "The representative's",
        "owners": "An owner's",
        "directors": "A director's",
        "executives": "An executive's",
        "authorizer": "The authorising person's",
        "person": "A person's",
    }
)

_WHAT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "first_name": "name",
        "last_name": "name",
        "full_name_aliases": "other names",
        "name": "name",
        "dob": "date of birth",
        "address": "address",
        "registered_address": "registered address",
        "email": "e-mail address",
        "phone": "phone number",
        "id_number": "identity number",
        "ssn_last_4": "social security number, the last four digits",
        "tax_id": "tax number",
        "vat_id": "VAT number",
        "registration_number": "registration number",
        "nationality": "nationality",
        "gender": "gender",
        "political_exposure": "word on whether they hold a public office",
        "relationship": "part in the company",
        "structure": "legal form",
        "verification.document": "identity document, as a photo",
        "verification.additional_document": "second document that shows the address",
        "verification.proof_of_liveness": "selfie",
        "verification": "identity document, as a photo",
        "documents": "document, as Stripe says on its page",
        "owners_provided": "word that all owners are named",
        "directors_provided": "word that all directors are named",
        "executives_provided": "word that all executives are named",
        "ownership_declaration": "declaration of who owns it",
    }
)
"""What is wanted of somebody, by the beginning of the rest of its path; the longest that fits."""

_PERSON: Final = re.compile(r"person_\w+")
_LONGEST_REASON: Final = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing that Stripe wants, for a person to read."""

    sentence: str
    requirements: tuple[str, ...]
    """Stripe's own names for it."""
    overdue: bool
    problem: str
    """What was wrong with what was given, in Stripe's words; empty where nothing was given yet."""


def wanted(requirements: Mapping[str, Any]) -> list[Wanted]:
    """This will say what is wanted now, each thing once, what is overdue first; `requirements` as Stripe has them."""
    overdue = set(_names(requirements.get("past_due")))
    problems = _problems(requirements.get("errors"))
    by_sentence: dict[str, list[str]] = {}
    for name in dict.fromkeys([*sorted(overdue), *_names(requirements.get("currently_due")), *problems]):
        by_sentence.setdefault(sentence(name), []).append(name)
    found = [
        Wanted(
            sentence=said,
            requirements=tuple(names),
            overdue=not overdue.isdisjoint(names),
            problem=next((problems[name] for name in names if name in problems), ""),
        )
        for said, names in by_sentence.items()
    ]
    return sorted(found, key=lambda one: not one.overdue)


def sentence(name: str) -> str:
    """This will say what a requirement asks for; one that is not known is named as Stripe names it."""
    whole = _longest(name, _WHOLE)
    if whole:
        return whole
    first, _, rest = name.partition(".")
    whom = _OF_WHOM.get("person" if _PERSON.fullmatch(first) else first)
    what = _longest(rest, _WHAT)
    if whom is None or not what:
        return f"What Stripe calls {name}."
    return f"{whom} {what}."


def _longest(path: str, table: Mapping[str, str]) -> str:
    steps = path.split(".")
    for length in range(len(steps), 0, -1):
        found = table.get(".".join(steps[:length]))
        if found:
            return found
    return ""


def _names(value: object) -> list[str]:
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []


def _problems(errors: object) -> dict[str, str]:
    rows: Iterable[Any] = errors if isinstance(errors, list) else ()
    return {
        str(row["requirement"]): str(row.get("reason") or row.get("code") or "")[:_LONGEST_REASON]
        for row in rows
        if isinstance(row, dict) and row.get("requirement")
    }
