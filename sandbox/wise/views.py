"""How Wise shows its things; two formats of time in one API, as in the real one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sandbox.wise.books import Books, Group, Quote, Recipient, Transfer
from sandbox.wise.numbers import decimal, rate_of
from sandbox.wise.prices import Price, prices


def instant(at: float) -> str:
    """Write a moment as most of the API does."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def spaced(at: float) -> str:
    """Write a moment as transfers do, whatever the published file says."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def quote(one: Quote, books: Books) -> dict[str, Any]:
    """Show a quote; the amounts at its top are those of paying in by bank, as in the real one."""
    options = prices(one)
    top = options[-1]
    shown: dict[str, Any] = {
        "id": one.id,
        "sourceCurrency": one.source,
        "targetCurrency": one.target,
        "sourceAmount": decimal(top.source_units, one.source),
        "targetAmount": decimal(top.target_units, one.target),
        "payOut": one.pay_out,
        "preferredPayIn": "BALANCE",
        "rate": rate_of(one.source, one.target),
        "createdTime": instant(one.created),
        "user": books.user,
        "profile": one.profile,
        "rateType": "FIXED",
        "rateExpirationTime": instant(one.expires),
        "guaranteedTargetAmountAllowed": True,
        "targetAmountAllowed": True,
        "guaranteedTargetAmount": False,
        "providedAmountType": "TARGET" if one.by_target else "SOURCE",
        "paymentOptions": [_option(price, one) for price in options],
        "status": "EXPIRED" if one.status == "PENDING" and one.expires <= books.now else one.status,
        "expirationTime": instant(one.expires),
        "notices": [],
    }
    if one.blocked:
        text = "You cannot send to this recipient at the moment."
        shown["notices"] = [{"text": text, "link": None, "type": "BLOCKED"}]
    if one.account is not None:
        shown["targetAccount"] = one.account
    return shown


def _option(price: Price, one: Quote) -> dict[str, Any]:
    fee = decimal(price.fee, one.source)
    zero = decimal(0, one.source)
    money = {"amount": fee, "currency": one.source, "label": f"{fee:f} {one.source}"}
    shown: dict[str, Any] = {
        "disabled": price.disabled,
        "estimatedDelivery": instant(one.created + 86_400.0),
        "formattedEstimatedDelivery": "in a day",
        "estimatedDeliveryDelays": [],
        "fee": {"transferwise": fee, "payIn": zero, "discount": zero, "partner": zero, "total": fee},
        "price": {
            "priceSetId": 238,
            "total": {"type": "TOTAL", "label": "Total fees", "value": money},
            "items": [{"id": "fee", "type": "FEE", "label": "Fee", "value": money}],
        },
        "sourceAmount": decimal(price.source_units, one.source),
        "targetAmount": decimal(price.target_units, one.target),
        "sourceCurrency": one.source,
        "targetCurrency": one.target,
        "payIn": price.pay_in,
        "payOut": one.pay_out,
        "allowedProfileTypes": ["PERSONAL", "BUSINESS"],
        "payInProduct": "CHEAP",
        "feePercentage": (
            fee / max(decimal(price.source_units, one.source), decimal(1, one.source))
        ).quantize(decimal(1, "EUR") / 100),
    }
    if price.disabled:
        shown["disabledReason"] = {
            "code": "payInmethod.disabled",
            "message": "Open a balance in this currency to pay in by balance.",
        }
    return shown


def recipient(one: Recipient, books: Books) -> dict[str, Any]:
    """Show an account as the second version of its API does."""
    tail = _tail(one)
    outcome = {
        "type": "NAME_MATCHING",
        "timestamp": instant(books.now),
        "outcome": one.outcome,
        "requiresCustomerAcceptance": one.outcome == "PARTIAL_FAILURE",
        "fieldsChecked": ["accountHolderName"],
        "providedName": one.holder,
        "resolvedName": one.holder if one.outcome == "SUCCESS" else "Somebody Else",
        "message": "",
        "recommendedUpdates": [],
    }
    return {
        "id": one.id,
        "creatorId": books.user,
        "profileId": one.profile,
        "name": {"fullName": one.holder, "givenName": None, "familyName": None, "middleName": None},
        "currency": one.currency,
        "country": one.currency[:2],
        "type": one.type,
        "legalEntityType": "PERSON" if one.details.get("legalType") == "PRIVATE" else "INSTITUTION",
        "active": one.active,
        "details": {**one.details, "reference": None, "hashedByLooseHashAlgorithm": one.hash[:32]},
        "commonFieldMap": {"accountNumberField": "accountNumber"},
        "hash": one.hash,
        "accountSummary": tail,
        "longAccountSummary": f"{one.currency} account ending in {tail}",
        "displayFields": [],
        "isInternal": False,
        "ownedByCustomer": False,
        "confirmations": {
            "acceptedOutcomes": False,
            "acceptedAt": None,
            "quoteId": None,
            "outcomes": [outcome],
        },
    }


def recipient_v1(one: Recipient, books: Books) -> dict[str, Any]:
    """Show an account as the first version of its API does: without a hash."""
    return {
        "id": one.id,
        "business": one.profile,
        "profile": one.profile,
        "accountHolderName": one.holder,
        "currency": one.currency,
        "country": one.currency[:2],
        "type": one.type,
        "details": one.details,
        "user": books.user,
        "active": one.active,
        "ownedByCustomer": False,
    }


def _tail(one: Recipient) -> str:
    number = one.details.get("IBAN") or one.details.get("accountNumber") or ""
    return str(number).replace(" ", "")[-4:]


def transfer(one: Transfer, books: Books) -> dict[str, Any]:
    """Show a transfer."""
    return {
        "id": one.id,
        "user": books.user,
        "targetAccount": one.account,
        "sourceAccount": None,
        "quote": None,
        "quoteUuid": one.quote,
        "status": one.status,
        "reference": one.reference,
        "rate": rate_of(one.source, one.target),
        "created": spaced(one.created),
        "business": one.profile,
        "transferRequest": None,
        "details": {"reference": one.reference},
        "hasActiveIssues": one.issues,
        "sourceCurrency": one.source,
        "sourceValue": decimal(one.source_units, one.source),
        "targetCurrency": one.target,
        "targetValue": decimal(one.target_units, one.target),
        "customerTransactionId": one.key,
        "payinSessionId": one.quote,
    }


def group(one: Group) -> dict[str, Any]:
    """Show a group."""
    return {
        "id": one.id,
        "version": one.version,
        "name": one.name,
        "sourceCurrency": one.source,
        "status": one.status,
        "transferIds": list(one.transfers),
        "payInDetails": [],
    }


def balance(currency: str, books: Books) -> dict[str, Any]:
    """Show a balance; nothing of it is reserved."""
    amount = {"value": decimal(books.funds[currency], currency), "currency": currency}
    nothing = {"value": decimal(0, currency), "currency": currency}
    return {
        "id": books.balance_id(currency),
        "currency": currency,
        "type": "STANDARD",
        "name": None,
        "icon": None,
        "investmentState": "NOT_INVESTED",
        "amount": amount,
        "reservedAmount": nothing,
        "cashAmount": amount,
        "totalWorth": amount,
        "creationTime": "2024-01-01T00:00:00.000Z",
        "modificationTime": instant(books.now),
        "visible": True,
    }
