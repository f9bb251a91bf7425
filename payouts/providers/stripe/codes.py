"""Stripe's words as data: what each refusal of a transfer means and who must act, and what each status means.

Sources, read 2026-11: docs.stripe.com/error-codes, docs.stripe.com/api/errors, docs.stripe.com/api/payouts/object,
docs.stripe.com/reports/balance-transaction-types. A word that is missing here is certain of nothing: the payment stays
unknown, Stripe's own words stand before people, and Stripe is asked by our key whether it made the transfer.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from payouts.providers.base import Leg, RefusalClass

_PAYEE, _OURS, _FINAL = RefusalClass.PAYEE, RefusalClass.OURS, RefusalClass.FINAL


class Certainty(enum.Enum):
    """What a named refusal proves; that nothing was transferred by this try is certain with each."""

    BYTES = "bytes"
    """The reason lies in the bytes, so it holds for every try of the same bytes."""
    KEPT = "kept"
    """Stripe keeps this answer under the key: any other try of it, earlier or later, was or will be given the same."""
    NOW = "now"
    """The reason lies in an account, and Stripe may not keep the answer: it proves nothing about an earlier try."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Who must act, and what to do, in a sentence for staff (for the payee too, where the payee must act)."""

    refusal: RefusalClass
    certainty: Certainty
    sentence: str


_B, _K, _N = Certainty.BYTES, Certainty.KEPT, Certainty.NOW

REFUSALS: Final[Mapping[str, Reason]] = MappingProxyType(
    {
        # The payee must act: their account does not take money now.
        "insufficient_capabilities_for_transfer": Reason(
            _PAYEE,
            _N,
            "Stripe does not let the seller's account receive money: the seller must finish there.",
        ),
        "resource_missing:destination": Reason(
            _PAYEE,
            _N,
            "The seller's account at Stripe is gone, or not connected with the marketplace any more.",
        ),
        "account_closed": Reason(_PAYEE, _N, "The seller's account at Stripe is closed."),
        "account_invalid": Reason(
            _PAYEE, _N, "The seller's account at Stripe is not connected with the marketplace any more."
        ),
        # We must act.
        "balance_insufficient": Reason(
            _OURS,
            _K,
            "Our Stripe balance is too small: add funds, or pause Stripe's payouts to our own bank.",
        ),
        "transfers_not_allowed": Reason(
            _OURS, _N, "Stripe does not let our account make transfers: contact Stripe."
        ),
        "platform_account_required": Reason(
            _OURS, _N, "Our Stripe account has no Connect: switch it on in the Dashboard."
        ),
        "livemode_mismatch": Reason(_OURS, _B, "The key and the seller's account are of different modes."),
        "parameter_missing": Reason(_OURS, _B, "Stripe could not read what we sent."),
        "parameter_unknown": Reason(_OURS, _B, "Stripe could not read what we sent."),
        "parameter_invalid_empty": Reason(_OURS, _B, "Stripe could not read what we sent."),
        "parameter_invalid_integer": Reason(_OURS, _B, "Stripe could not read what we sent."),
        "parameter_invalid_string_empty": Reason(_OURS, _B, "Stripe could not read what we sent."),
        "amount_too_small": Reason(_FINAL, _B, "The amount is less than Stripe transfers."),
        "amount_too_large": Reason(_FINAL, _B, "The amount is more than Stripe transfers at once."),
        "invalid:amount": Reason(_FINAL, _B, "Stripe does not transfer this amount in this currency."),
        "invalid:currency": Reason(_FINAL, _B, "Stripe does not transfer this currency."),
        # The one error about the destination that has no code: where the account is (connect/cross-border-payouts).
        "invalid:destination": Reason(
            _FINAL,
            _N,
            "Stripe lets our account send nothing to the seller's: they are in regions kept apart.",
        ),
    }
)
"""Code and parameter, code, or `invalid:` and the parameter where there is no code. A definite list, never a range."""

REFUSED_STATUSES: Final = frozenset({400, 402, 404})

LEGS: Final[Mapping[str, Leg]] = MappingProxyType(
    {
        "pending": Leg.UNDER_WAY,
        "in_transit": Leg.UNDER_WAY,
        # May change to failed within days: docs.stripe.com/api/payouts/object.
        "paid": Leg.ARRIVED,
        # Back in the seller's balance at Stripe.
        "failed": Leg.FAILED,
        "canceled": Leg.FAILED,
    }
)
"""Status of a payout from the seller's Stripe balance to their bank → where the money stands."""

TRANSFER: Final = "transfer"
REVERSALS: Final = frozenset({"transfer_refund", "transfer_failure", "transfer_cancel"})
# Everything else on the platform's own account is its owner's: buyers who pay and are paid back, Stripe's price for it,
# and the owner's own bank. It comes in or goes out, and is no payment of ours.
OWNERS: Final = frozenset(
    {
        "adjustment", "advance", "advance_funding", "anticipation_repayment", "application_fee",
        "application_fee_refund", "charge", "connect_collection_transfer", "contribution", "network_cost",
        "payment", "payment_failure_refund", "payment_refund", "payment_reversal", "payment_unreconciled",
        "payout", "payout_cancel", "payout_failure", "payout_minimum_balance_hold",
        "payout_minimum_balance_release", "refund", "refund_failure", "reserve_transaction",
        "reserved_funds", "reserve_hold", "reserve_release", "tax_fee", "topup", "topup_reversal",
    }
)  # fmt: skip
FEES: Final = frozenset({"stripe_fee", "stripe_fx_fee"})
"""Types of balance transactions; any other one is `other`, and stands before people."""
