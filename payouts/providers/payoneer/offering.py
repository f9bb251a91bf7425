"""What Payoneer offers to payees: they register on its pages, by a link that is made when they ask for it."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from marketplace_payouts.lib.http import json_body
from marketplace_payouts.lib.money import Money
from payouts.providers.base import DestinationError, ProviderUnavailable
from payouts.providers.offering import Hosted, HostedState, Kind, Link, Proof, Receiver, Terms
from payouts.providers.payoneer.client import PayoneerClient, PayoneerRefused
from payouts.providers.payoneer.codes import PAYEE_STATES
from payouts.providers.payoneer.destinations import payee_id_of
from payouts.providers.payoneer.fields import read_text

_SENTENCES: Final[Mapping[HostedState, str]] = {
    HostedState.NOT_STARTED: "Register with Payoneer, or log in there, and say where you want your money.",
    HostedState.PENDING: "Payoneer is not done with your registration. It may ask you for more by e-mail.",
    HostedState.READY: "Payoneer can pay you.",
    HostedState.DECLINED: "Payoneer does not take you. Ask Payoneer why, or choose another way to be paid.",
}
_BACK_AFTER_S: Final = 3
_HOST: Final = ".payoneer.com"


class PayoneerOffering:
    """Payoneer as payees choose it; `currencies` are those of our program."""

    kind = Kind.HOSTED
    proof = Proof.SERVICE

    def __init__(self, client: PayoneerClient, *, currencies: Collection[str]) -> None:
        self._client = client
        self._currencies = currencies

    def refusal(self, receiver: Receiver) -> str:
        """This will say why Payoneer cannot pay somebody: the currencies; countries are Payoneer's own business."""
        if receiver.currencies and not set(receiver.currencies) & set(self._currencies):
            return f"Payoneer does not pay out in {', '.join(receiver.currencies)} here."
        return ""

    def terms(self, receiver: Receiver, *, currency: str, amount: Money | None) -> Terms:
        """This will say what is known, which is little: Payoneer tells its fees and rates to the payee alone."""
        if currency not in self._currencies:
            note = f"Payoneer does not pay out in {currency} here."
            return Terms(currency, None, None, None, fee_note=note, amount_note=note, arrival_note=note)
        note = "Payoneer says so on its own pages, once you have registered."
        return Terms(
            currency=currency,
            fee=None,
            amount=None,
            arrives_within=None,
            fee_note=note,
            amount_note=note if amount is not None else "You are owed nothing in this currency now.",
            arrival_note="Payoneer promises no time: hours to a card or balance, days to a bank.",
        )

    def requirements(self, receiver: Receiver, values: Mapping[str, str]) -> Hosted:
        """This will ask Payoneer how far the payee is.

        :raises ProviderUnavailable: when it cannot be asked now.
        """
        payee_id = payee_id_of(receiver.payee)
        state, told = self._state(payee_id)
        sentence = f"{_SENTENCES[state]} Payoneer says: {told}" if told else _SENTENCES[state]
        return Hosted(state, sentence, lambda return_url: self._link(payee_id, return_url))

    def destination(self, receiver: Receiver, values: Mapping[str, str]) -> Mapping[str, str]:
        """This will give whom Payoneer knows by our id, once it can pay them.

        :raises DestinationError: when it cannot.
        :raises ProviderUnavailable: when it cannot be asked now.
        """
        payee_id = payee_id_of(receiver.payee)
        state, _ = self._state(payee_id)
        if state is not HostedState.READY:
            raise DestinationError(_SENTENCES[state])
        return {"payee_id": payee_id}

    def _state(self, payee_id: str) -> tuple[HostedState, str]:
        """How far a payee is, and Payoneer's own reasons; a type that we do not know cannot be paid yet."""
        try:
            value = self._client.read(self._client.path("payees", payee_id, "status"))
        except PayoneerRefused as error:
            if _is_nobody(error):
                return HostedState.NOT_STARTED, ""
            raise
        status = value.get("status")
        return PAYEE_STATES.get(read_text(status, "type"), HostedState.PENDING), _reasons(status)

    def _link(self, payee_id: str, return_url: str) -> Link:
        asked = {
            "payee_id": payee_id,
            "client_session_id": secrets.token_hex(16),
            "redirect_url": return_url,
            "redirect_time": _BACK_AFTER_S,
        }
        path = self._client.path("payees", "registration-link")
        value = self._client.result("POST", path, body=json_body(asked))
        url = read_text(value, "registration_link")
        if not self._is_payoneers(url):
            raise ProviderUnavailable("Payoneer gave a link that does not lead to Payoneer.")
        return Link(url)

    def _is_payoneers(self, url: str) -> bool:
        """Whether it leads the payee to Payoneer's pages, or to those of the sandbox that we talk to."""
        here, there = urlsplit(self._client.base_url), urlsplit(url)
        if here.scheme == "http":
            return (there.scheme, there.netloc) == (here.scheme, here.netloc)
        return there.scheme == "https" and (there.hostname or "").endswith(_HOST)


def _is_nobody(error: PayoneerRefused) -> bool:
    """Payoneer's number for a payee who never registered is not known: it says 404, or so in words."""
    reason = error.problem.reason
    return error.status == 404 or (reason is not None and reason.code == "PAYEE_UNKNOWN")


def _reasons(status: Any) -> str:
    reasons = status.get("reasons") if isinstance(status, Mapping) else None
    items = reasons.get("items") if isinstance(reasons, Mapping) else None
    told = [read_text(one, "reason_description") for one in items] if isinstance(items, list) else []
    return ", ".join(one for one in told if one)[:300]
