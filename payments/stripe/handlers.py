"""Reads again, for dj-stripe, what it does not read by itself; importing this registers it.

Like dj-stripe's own handlers these run in the stage (`payments.stripe.syncing`) and believe nothing of an event but
which object it is about.
"""

from __future__ import annotations

from typing import Any

import stripe
from django.conf import settings
from djstripe import models
from djstripe.event_handlers import djstripe_receiver, handle_customer_event
from djstripe.signals import WEBHOOK_SIGNALS

from marketplace_payouts.lib.logs import logger
from payments.stripe.errors import is_out_of_reach
from payments.stripe.events import EVENTS

log = logger(__name__)


def read_again(sender: type[models.Event], event: models.Event, **_more: Any) -> None:
    """This will read the object of an event again and have dj-stripe keep it; what is gone or out of reach stays."""
    look = EVENTS[event.type].look
    model = getattr(models, look)
    try:
        found = model.stripe_class.retrieve(
            _id_of(event),
            stripe_account=event.djstripe_owner_account_id,
            stripe_version=settings.STRIPE_API_VERSION,
            api_key=event.default_api_key,
        )
    except stripe.StripeError as error:
        if not is_out_of_reach(error):
            raise
        log.info("stripe_object_out_of_reach", event_id=event.id, kind=event.type, reason=str(error))
        return
    model.sync_from_stripe_data(found, api_key=event.default_api_key)


def _id_of(event: models.Event) -> str:
    """An account's capability and its leaving are about the account, whatever object they carry."""
    if EVENTS[event.type].look == "Account":
        return str(event.djstripe_owner_account_id)
    return str(event.data["object"]["id"])


_OURS = [kind for kind, heard in EVENTS.items() if not heard.by_dj_stripe]

for _kind in _OURS:
    WEBHOOK_SIGNALS[_kind].disconnect(handle_customer_event, sender=models.Event)
djstripe_receiver(_OURS)(read_again)
