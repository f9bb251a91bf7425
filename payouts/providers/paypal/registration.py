"""Telling PayPal where to deliver webhooks; doing it twice gives the registration that stands (read 2026-11)."""

from __future__ import annotations

from typing import Final

from marketplace_payouts.lib.http import AnswerUnreadable, HttpError, json_body
from payouts.providers.base import ProviderError
from payouts.providers.paypal.client import PayPalClient
from payouts.providers.paypal.errors import read_problem
from payouts.providers.paypal.webhook import EVENTS

WEBHOOKS_PATH: Final = "/v1/notifications/webhooks"
_EXISTS: Final = "WEBHOOK_URL_ALREADY_EXISTS"


def register(client: PayPalClient, url: str) -> str:
    """This will have PayPal deliver our events to the address, and give the id of the registration.

    :raises ProviderError: when PayPal refuses it or cannot be asked; it says what PayPal said.
    """
    body = json_body({"url": url, "event_types": [{"name": event} for event in EVENTS]})
    try:
        answer = client.call("POST", WEBHOOKS_PATH, body=body)
    except HttpError as error:
        raise ProviderError(f"PayPal could not be asked: {error}") from error
    if answer.ok:
        try:
            made = answer.json()
        except AnswerUnreadable:
            made = None
        if isinstance(made, dict) and isinstance(made.get("id"), str):
            return str(made["id"])
        raise ProviderError("PayPal's answer to the registration cannot be read; look at its pages.")
    problem = read_problem(answer.body)
    if problem is not None and problem.name == _EXISTS:
        return _standing(client, url)
    told = problem.sentence() if problem is not None else f"status {answer.status}"
    raise ProviderError(f"PayPal refused the webhook: {told}")


def _standing(client: PayPalClient, url: str) -> str:
    found = client.read(WEBHOOKS_PATH).get("webhooks")
    for one in found if isinstance(found, list) else ():
        if isinstance(one, dict) and one.get("url") == url:
            return str(one.get("id", ""))
    raise ProviderError("PayPal says that the webhook exists, and does not list it.")
