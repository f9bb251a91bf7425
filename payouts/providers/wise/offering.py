"""What Wise offers to payees: a form per currency and kind of account, and what arrives when."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from marketplace_payouts.lib.money import Money
from payouts.providers.base import DestinationError
from payouts.providers.offering import Form, Kind, Proof, Receiver, Terms
from payouts.providers.wise import recipients, requirements
from payouts.providers.wise.amounts import EXPONENTS, write_amount, write_json
from payouts.providers.wise.client import WiseClient
from payouts.providers.wise.fields import read_objects, read_text, read_time

# Where Wise pays to nobody (wise.com/help/articles/2978049, read 2026-11).
NOT_SERVED: Final = frozenset({"CU", "IR", "KP", "SY"})
_SAMPLE_UNITS: Final = 100


class WiseOffering:
    """Wise as payees choose it."""

    kind = Kind.FORM
    proof = Proof.LOG_IN

    def __init__(self, client: WiseClient, *, now: Callable[[], datetime]) -> None:
        self._client = client
        self._now = now

    def refusal(self, receiver: Receiver) -> str:
        """This will say why Wise cannot pay somebody: their country, or the currencies that they are owed."""
        if receiver.country in NOT_SERVED:
            return "Wise does not pay to your country."
        if receiver.currencies and not _paid_out(receiver.currencies):
            return f"Wise does not pay out in {', '.join(receiver.currencies)}."
        return ""

    def terms(self, receiver: Receiver, *, currency: str, amount: Money | None) -> Terms:
        """This will ask for a quote: the payee gets all of it, since we say what shall arrive.

        :raises ProviderUnavailable: when Wise cannot be asked now.
        """
        if currency not in EXPONENTS:
            note = f"Wise does not pay out in {currency}."
            return Terms(currency, None, None, None, fee_note=note, amount_note=note, arrival_note=note)
        arrives = self._arrival(currency, amount)
        return Terms(
            currency=currency,
            fee=Money.zero(currency),
            amount=amount,
            arrives_within=arrives,
            fee_note="The marketplace pays Wise's fee.",
            amount_note="You are owed nothing in this currency now." if amount is None else "",
            arrival_note="" if arrives is not None else "Wise gives no time for this.",
        )

    def requirements(self, receiver: Receiver, values: Mapping[str, str]) -> Form:
        """This will give Wise's own form for the currency and kind of account that were chosen so far.

        :raises ProviderUnavailable: when Wise cannot be asked now.
        """
        return requirements.read_form(self._client, values, currencies=_paid_out(receiver.currencies))

    def destination(self, receiver: Receiver, values: Mapping[str, str]) -> Mapping[str, str]:
        """This will register the bank account with Wise.

        :raises DestinationError: when Wise does not take it.
        :raises ProviderUnavailable: when Wise cannot be asked now.
        """
        currencies = _paid_out(receiver.currencies)
        currency = values.get(requirements.CURRENCY, "") or (currencies[0] if len(currencies) == 1 else "")
        if currency not in EXPONENTS:
            raise DestinationError("Choose a currency that Wise pays out in.", field=requirements.CURRENCY)
        kind = values.get(requirements.TYPE, "")
        if not kind:
            kind = requirements.only_kind(self._client, values, currency=currency)
        given = requirements.payload(values, currency=currency, kind=kind, profile=self._client.profile)
        return recipients.register(self._client, given)

    def _arrival(self, currency: str, amount: Money | None) -> timedelta | None:
        asked = amount or Money(_SAMPLE_UNITS * 10 ** EXPONENTS[currency], currency)
        if asked.units <= 0:
            return None
        body = {"sourceCurrency": currency, "targetCurrency": currency, "targetAmount": write_amount(asked)}
        quote = self._client.send("POST", self._client.path("quotes"), body=write_json(body))
        for option in read_objects(quote.get("paymentOptions") if isinstance(quote, Mapping) else None):
            if read_text(option, "payIn") == "BALANCE":
                at = read_time(option.get("estimatedDelivery"))
                return None if at is None else max(at - self._now(), timedelta(0))
        return None


def _paid_out(currencies: Sequence[str]) -> Sequence[str]:
    return [code for code in currencies if code in EXPONENTS]
