"""Payoneer's statuses and refusals, and what each means here; whatever is in no table is kept raw and shown to people.

Of the numbers few are known. Refusals are told apart by Payoneer's words as well: those of its older interface, whose
list is public ("Payment ID already exists", "Payee is inactive", "Insufficient funds").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from payouts.providers.base import RefusalClass, Status
from payouts.providers.offering import HostedState

PAYMENT_STATUSES: Final[Mapping[str, Status]] = MappingProxyType(
    {
        "pending": Status.PROCESSING,
        "pending payee": Status.AWAITING_PAYEE,
        "transferred": Status.PAID,
        # Before it was loaded; afterwards it is a return (`payments.observation`).
        "cancelled": Status.FAILED,
        "canceled": Status.FAILED,
    }
)
"""In small letters; Scheduled, Funded and others are reported and not confirmed, so they are no words of this table."""

PAYEE_STATES: Final[Mapping[str, HostedState]] = MappingProxyType(
    {"1": HostedState.READY, "0": HostedState.PENDING, "99": HostedState.DECLINED}
)
"""By the type of a payee's status."""

CREATED: Final = "payments created"
PAYOUT_NOT_FOUND: Final = "2306"
PAYEE_INACTIVE: Final = "10009"
BAD_BRANCH: Final = "30013"
OTHER_ACCOUNT: Final = "4012"


@dataclass(frozen=True, slots=True)
class Reason:
    """What a refusal means: who must act, and a sentence for people."""

    code: str
    refusal: RefusalClass
    sentence: str


ALREADY_EXISTS: Final = "ALREADY_EXISTS"
INSUFFICIENT_FUNDS: Final = "INSUFFICIENT_FUNDS"
_INACTIVE: Final = Reason(
    PAYEE_INACTIVE, RefusalClass.PAYEE, "Payoneer does not pay to this account: look at it at Payoneer."
)

BY_NUMBER: Final[Mapping[str, Reason]] = MappingProxyType(
    {
        PAYEE_INACTIVE: _INACTIVE,
        BAD_BRANCH: Reason(
            BAD_BRANCH,
            RefusalClass.PAYEE,
            "The bank does not know the branch: mend the bank details at Payoneer.",
        ),
        OTHER_ACCOUNT: Reason(
            OTHER_ACCOUNT, RefusalClass.OURS, "Our credentials are those of another program."
        ),
    }
)

REASONS: Final = (
    (
        re.compile(r"already (exists|used|been used)|duplicate|must be unique|not unique"),
        Reason(ALREADY_EXISTS, RefusalClass.UNCLASSIFIED, "Payoneer knows this payment already."),
    ),
    (
        re.compile(r"insufficient|not enough (funds|balance)|balance is too low"),
        Reason(INSUFFICIENT_FUNDS, RefusalClass.OURS, "Our balance at Payoneer is too small: top it up."),
    ),
    (re.compile(r"payee.{0,30}(is |was )?(inactive|declined|blocked|not active)"), _INACTIVE),
    (
        re.compile(r"payee.{0,30}(does not exist|not found|not registered|is unknown)"),
        Reason("PAYEE_UNKNOWN", RefusalClass.PAYEE, "Payoneer does not know you yet: register there."),
    ),
    (
        re.compile(r"bank details"),
        Reason("BANK_DETAILS", RefusalClass.PAYEE, "The bank details are wrong: mend them at Payoneer."),
    ),
    (
        re.compile(r"currency (mismatch|is not|not supported)|invalid currency"),
        Reason(
            "CURRENCY", RefusalClass.OURS, "The program is in another currency: look at PAYONEER_CURRENCIES."
        ),
    ),
    (
        re.compile(
            r"(minimum|maximum).{0,30}amount|amount.{0,30}(minimum|maximum|is invalid|too (small|large))"
        ),
        Reason("AMOUNT", RefusalClass.FINAL, "Payoneer does not pay this amount."),
    ),
)
"""By words, in small letters; the first that fits."""


def reason_of(*numbers: str, words: str) -> Reason | None:
    """This will give what a refusal means by its numbers, else by its words; None where nobody knows."""
    for number in numbers:
        if number in BY_NUMBER:
            return BY_NUMBER[number]
    lowered = words.lower()
    return next((reason for pattern, reason in REASONS if pattern.search(lowered)), None)
