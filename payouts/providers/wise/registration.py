"""Telling Wise where to deliver webhooks; doing it twice makes nothing twice. Wise tries the address at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from marketplace_payouts.lib.http import json_body
from payouts.providers.base import ProviderError, ProviderUnavailable
from payouts.providers.wise.client import WiseClient
from payouts.providers.wise.fields import read_text
from payouts.providers.wise.webhook import EVENTS

_NAME: Final = "Marketplace Payouts"


def register(client: WiseClient, url: str) -> str:
    """This will subscribe the address to each of our events, and give the ids of the subscriptions.

    :raises ProviderError: when Wise refuses it or cannot be asked; it says what Wise said.
    """
    path = client.path("subscriptions")
    standing = {
        (read_text(one, "trigger_on"), *delivery_of(one)): read_text(one, "id")
        for one in client.read_list(path)
    }
    ids = []
    for trigger, version in EVENTS.items():
        known = standing.get((trigger, version, url))
        ids.append(known or _subscribe(client, path, trigger, version, url))
    return ", ".join(ids)


def delivery_of(subscription: Mapping[str, Any]) -> tuple[str, str]:
    """This will give the version and the address of a subscription."""
    delivery = subscription.get("delivery")
    return read_text(delivery, "version"), read_text(delivery, "url")


def _subscribe(client: WiseClient, path: str, trigger: str, version: str, url: str) -> str:
    body = {"name": _NAME, "trigger_on": trigger, "delivery": {"version": version, "url": url}}
    try:
        made = client.send("POST", path, body=json_body(body))
    except ProviderUnavailable as error:
        raise ProviderError(
            f"Wise did not take the address for {trigger}: {error} It tries the address at once, so our server must"
            " be running and reachable from outside."
        ) from error
    identity = read_text(made, "id")
    if not identity:
        raise ProviderError("Wise's answer to the subscription cannot be read; look at its pages.")
    return identity
