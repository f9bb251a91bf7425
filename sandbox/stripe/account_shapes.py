"""How an account is shown, and what may be said of it when it is made or changed."""

from __future__ import annotations

from typing import Any

from sandbox.stripe import banks, problems, requirements
from sandbox.stripe import params as p
from sandbox.stripe.currencies import COUNTRIES, country, currency
from sandbox.stripe.params import Form, Params, Reader, group
from sandbox.stripe.store import Data

CAPABILITIES = ("card_payments", "transfers")
"""Those that this sandbox knows; Stripe has some fifty more, one for each method of payment."""
BUSINESS_TYPES = ("company", "government_entity", "individual", "non_profit")

_ADDRESS = group(city=p.text, country=p.text, line1=p.text, line2=p.text, postal_code=p.text, state=p.text)
_DOCUMENT = group(front=p.text, back=p.text)
_DETAILS: dict[str, Reader] = {
    "business_profile": group(
        annual_revenue=group(amount=p.whole, currency=currency, fiscal_year_end=p.text),
        estimated_worker_count=p.whole,
        mcc=p.text,
        minority_owned_business_designation=p.many(p.text),
        name=p.text,
        product_description=p.text,
        support_address=_ADDRESS,
        support_email=p.text,
        support_phone=p.text,
        support_url=p.text,
        url=p.text,
    ),
    "business_type": p.choice(*BUSINESS_TYPES),
    "capabilities": group(**{name: group(requested=p.flag) for name in CAPABILITIES}),
    "company": group(
        address=_ADDRESS,
        directors_provided=p.flag,
        executives_provided=p.flag,
        name=p.text,
        owners_provided=p.flag,
        phone=p.text,
        registration_number=p.text,
        structure=p.text,
        tax_id=p.text,
        vat_id=p.text,
        verification=group(document=_DOCUMENT),
    ),
    "default_currency": currency,
    "email": p.text,
    "external_account": banks.details,
    "individual": group(
        address=_ADDRESS,
        dob=group(day=p.whole, month=p.whole, year=p.whole),
        email=p.text,
        first_name=p.text,
        id_number=p.text,
        last_name=p.text,
        metadata=p.metadata,
        phone=p.text,
        political_exposure=p.choice("existing", "none"),
        ssn_last_4=p.text,
        verification=group(additional_document=_DOCUMENT, document=_DOCUMENT),
    ),
    "metadata": p.metadata,
    "settings": group(
        payouts=group(
            debit_negative_balances=p.flag,
            schedule=group(
                delay_days=p.either(p.whole, p.choice("minimum")),
                interval=p.choice("daily", "manual", "monthly", "weekly"),
            ),
            statement_descriptor=p.text,
        ),
    ),
    "tos_acceptance": group(
        date=p.whole, ip=p.text, service_agreement=p.choice("full", "recipient"), user_agent=p.text
    ),
}
_UNDONE = "account_token documents groups"

CREATE = Form(
    {
        **_DETAILS,
        "country": country,
        "type": p.choice("custom", "express", "standard"),
        "controller": group(
            fees=group(payer=p.choice("account", "application")),
            losses=group(payments=p.choice("application", "stripe")),
            requirement_collection=p.choice("application", "stripe"),
            stripe_dashboard=group(type=p.choice("express", "full", "none")),
        ),
    },
    undone=_UNDONE,
)
MODIFY = Form(_DETAILS, undone=_UNDONE)


def controller_of(params: Params) -> Data:
    """Give who controls an account of this type, or with these properties.

    :raises Problem: when both are given.
    """
    kind, asked = params.get("type"), params.get("controller")
    if kind and asked:
        raise problems.invalid(
            "You may only specify one of these parameters: type, controller.", "controller"
        )
    dashboard, payer, losses, collection = {
        "express": ("express", "application", "application", "stripe"),
        "custom": ("none", "application", "application", "application"),
    }.get(kind or "", ("full", "account", "stripe", "stripe"))
    asked = asked or {}
    return {
        "fees": {"payer": (asked.get("fees") or {}).get("payer", payer)},
        "is_controller": True,
        "losses": {"payments": (asked.get("losses") or {}).get("payments", losses)},
        "requirement_collection": asked.get("requirement_collection", collection),
        "stripe_dashboard": {"type": (asked.get("stripe_dashboard") or {}).get("type", dashboard)},
        "type": "application",
    }


def new_account(*, identity: str, created: int, country: str, controller: Data, kind: str) -> Data:
    """Show an account of which nothing is known yet."""
    return {
        "id": identity,
        "object": "account",
        "business_profile": {
            "annual_revenue": None,
            "estimated_worker_count": None,
            "mcc": None,
            "minority_owned_business_designation": None,
            "name": None,
            "product_description": None,
            "support_address": None,
            "support_email": None,
            "support_phone": None,
            "support_url": None,
            "url": None,
        },
        "business_type": None,
        "capabilities": {},
        "charges_enabled": False,
        "controller": controller,
        "country": country,
        "created": created,
        "default_currency": COUNTRIES[country],
        "details_submitted": False,
        "email": None,
        "future_requirements": requirements.nothing_due(),
        "metadata": {},
        "payouts_enabled": False,
        "requirements": requirements.nothing_due(),
        "settings": _settings(),
        "tos_acceptance": {"date": None, "ip": None, "user_agent": None},
        "type": kind,
    }


def _settings() -> dict[str, Any]:
    return {
        "bacs_debit_payments": {"display_name": None, "service_user_number": None},
        "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
        "card_issuing": {"tos_acceptance": {"date": None, "ip": None}},
        "card_payments": {
            "decline_on": {"avs_failure": False, "cvc_failure": False},
            "statement_descriptor_prefix": None,
            "statement_descriptor_prefix_kana": None,
            "statement_descriptor_prefix_kanji": None,
        },
        "dashboard": {"display_name": None, "timezone": "Etc/UTC"},
        "invoices": {"default_account_tax_ids": None, "hosted_payment_method_save": "offer"},
        "payments": {
            "statement_descriptor": None,
            "statement_descriptor_kana": None,
            "statement_descriptor_kanji": None,
            "statement_descriptor_prefix_kana": None,
            "statement_descriptor_prefix_kanji": None,
        },
        "payouts": {
            "debit_negative_balances": True,
            "schedule": {"delay_days": 2, "interval": "daily"},
            "statement_descriptor": None,
        },
        "sepa_debit_payments": {},
    }


def capability(account: Data, name: str, *, requested_at: int | None) -> Data:
    """Show one capability of an account."""
    return {
        "id": name,
        "object": "capability",
        "account": account["id"],
        "future_requirements": requirements.nothing_due(),
        "requested": requested_at is not None,
        "requested_at": requested_at,
        "requirements": dict(account["requirements"]),
        "status": account["capabilities"].get(name, "unrequested"),
    }
