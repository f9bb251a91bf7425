"""The steps of one transfer, each with its exact bytes: quote, recipient, requirements, transfer, funding.

All but the last move nothing by themselves. Where our token may not fund, the transfer is the last of them: from then
on a person may pay it on wise.com, so it is that step which needs every gate.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from marketplace_payouts.lib.http import json_body
from payouts.providers.base import Answer, BadItem, Done, Item, Progress, ProviderError, Step
from payouts.providers.wise.amounts import EXPONENTS, write_amount, write_json
from payouts.providers.wise.destinations import currency_of, recipient_of
from payouts.providers.wise.paths import Paths

QUOTE: Final = "quote"
RECIPIENT: Final = "recipient"
REQUIREMENTS: Final = "requirements"
TRANSFER: Final = "transfer"
FUND: Final = "fund"

LONGEST_REFERENCE: Final = "longest_reference"
ASKED: Final = "asked"
"""Facts of the requirements: how long a reference may be, and which further details Wise wants, by blanks."""

_NEEDS_NATURE: Final = "BRL"


@dataclass(frozen=True, slots=True)
class Details:
    """What Wise asks of some transfers beside the account; the same for all of ours."""

    purpose: str = ""
    source_of_funds: str = ""
    nature: str = ""

    def known(self) -> Mapping[str, str]:
        """This will give what we can answer, by Wise's names."""
        found = {"transferPurpose": self.purpose, "sourceOfFunds": self.source_of_funds}
        return {name: value for name, value in found.items() if value}


SETTINGS: Final[Mapping[str, str]] = {
    "transferPurpose": "WISE_TRANSFER_PURPOSE",
    "sourceOfFunds": "WISE_SOURCE_OF_FUNDS",
}
"""Where what Wise may ask for is set."""


class Steps:
    """The steps for one profile; `funds` says whether our token may fund what it made."""

    def __init__(self, *, paths: Paths, details: Details, funds: bool) -> None:
        self._path = paths
        self._details = details
        self._funds = funds

    def next_step(self, progress: Progress) -> Step | Done:
        """This will give the next call, or say that nothing is left to do.

        :raises BadItem: when the payout cannot be expressed to Wise.
        :raises ProviderError: when it is not exactly one.
        """
        answers = {answer.step: answer for answer in progress.answers if answer.reference}
        last = FUND if self._funds else TRANSFER
        if last in answers:
            return Done(answers[last].reference)
        if TRANSFER in answers:
            return self._fund(progress, answers[TRANSFER].reference)
        if progress.currency not in EXPONENTS:
            raise ProviderError(f"Wise does not pay out in {progress.currency}.")
        if len(progress.items) != 1:
            raise ProviderError("Wise takes one payment at a time.")
        item = progress.items[0]
        try:
            return self._before_funding(progress.batch_key, item, answers)
        except BadItem:
            raise
        except ProviderError as error:
            raise BadItem(str(error), item_key=item.key) from None

    def _before_funding(self, batch_key: str, item: Item, answers: Mapping[str, Answer]) -> Step:
        account = recipient_of(item.destination)
        takes = currency_of(item.destination) or item.amount.currency
        if takes != item.amount.currency:
            raise ProviderError(
                f"The bank account takes {takes}, and the payout is in {item.amount.currency}."
            )
        if QUOTE not in answers:
            return self._quote(batch_key, item, account)
        if RECIPIENT not in answers:
            expected = {
                "recipient": account,
                "hash": item.destination.get("hash", ""),
                "currency": takes,
            }
            return Step(
                name=RECIPIENT,
                key=f"{batch_key}:{RECIPIENT}",
                body=json_body(expected),
                moves_money=False,
                path=self._path("account", account=str(account)),
            )
        quote = answers[QUOTE].reference
        if REQUIREMENTS not in answers:
            return Step(
                name=REQUIREMENTS,
                key=f"{batch_key}:{REQUIREMENTS}",
                body=json_body(
                    {"targetAccount": account, "quoteUuid": quote, "details": {**self._details.known()}}
                ),
                moves_money=False,
                path=self._path("transfer_requirements"),
            )
        return self._transfer(item, account, quote, answers[REQUIREMENTS].facts)

    def _quote(self, batch_key: str, item: Item, account: int) -> Step:
        currency = item.amount.currency
        body: dict[str, object] = {
            "sourceCurrency": currency,
            "targetCurrency": currency,
            "targetAmount": write_amount(item.amount),
            # With its recipient from the beginning: adding it later may change how it is paid out, and the price.
            "targetAccount": account,
            "preferredPayIn": "BALANCE",
        }
        if currency == _NEEDS_NATURE:
            if not self._details.nature:
                # Wise takes the transfer and our money without it, then blocks and refunds it.
                raise ProviderError("Wise must be told why money goes to Brazil: set WISE_TRANSFER_NATURE.")
            body["paymentMetadata"] = {"transferNature": self._details.nature}
        return Step(
            name=QUOTE,
            key=f"{batch_key}:{QUOTE}",
            body=write_json(body),
            moves_money=False,
            path=self._path("quotes"),
        )

    def _transfer(self, item: Item, account: int, quote: str, facts: Mapping[str, str]) -> Step:
        known = self._details.known()
        details = {name: known[name] for name in facts.get(ASKED, "").split() if name in known}
        reference = fit(item.note, longest=int(facts.get(LONGEST_REFERENCE) or "0"))
        if reference:
            details["reference"] = reference
        key = transaction_id(item.key)
        body = {
            "targetAccount": account,
            "quoteUuid": quote,
            "customerTransactionId": key,
            "details": details,
        }
        return Step(
            name=TRANSFER,
            key=key,
            body=json_body(body),
            moves_money=not self._funds,
            path=self._path("transfers"),
        )

    def _fund(self, progress: Progress, transfer: str) -> Step:
        return Step(
            name=FUND,
            key=f"{progress.batch_key}:{FUND}",
            body=json_body({"type": "BALANCE"}),
            moves_money=True,
            path=self._path("fund", transfer=transfer),
        )


def transaction_id(key: str) -> str:
    """This will give our key of a payment as the UUID that Wise wants.

    :raises ProviderError: when it is none.
    """
    try:
        return str(uuid.UUID(key))
    except ValueError:
        raise ProviderError("Wise knows a payment by a UUID, and its key is none.") from None


def fit(note: str, *, longest: int) -> str:
    """This will shorten our number to what fits beside the money; zero means that any length does."""
    if not longest or len(note) <= longest:
        return note
    return note.replace("-", "").replace(" ", "")[:longest]


def transfer_key_of(step: Step) -> str:
    """This will give the customerTransactionId that a stored transfer carries."""
    return str(json.loads(step.body)["customerTransactionId"])
