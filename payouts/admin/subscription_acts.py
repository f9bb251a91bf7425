"""What staff may do with webhook subscriptions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpResponse
from django.template.response import TemplateResponse

from accounts.backoffice import cells
from accounts.backoffice.acting import Act, Doing, NothingToSay, Outcome, Result
from accounts.roles import NotAllowed
from marketplace_payouts.lib.crypto import CryptoError
from payouts.admin import subscription_forms
from payouts.admin.domain_act import DomainAct, count
from payouts.admin.subscription_forms import RotateForm, SubscriptionForm
from payouts.errors import DomainError
from payouts.models import WebhookMessage, WebhookSubscription
from payouts.subscriptions import purging, replaying, subscribing


class _Act(DomainAct):
    """An act on a subscription that has not ended."""

    needs = subscribing.NEEDS
    form_class: ClassVar[type[forms.Form]] = NothingToSay

    def fits(self, row: WebhookSubscription) -> str:
        return "It has ended." if row.ended_at else ""


class Change(_Act):
    """Changes where, whose, and what of."""

    name, label, done_word = "change", "Change", "Changed"
    form_class = SubscriptionForm
    for_many = False
    fresh = True

    def form(self, rows: Sequence[WebhookSubscription], data: Any = None) -> forms.Form:
        initial = [{"url": row.url, "description": row.description, "types": row.types} for row in rows]
        return SubscriptionForm(data, initial=initial[0] if initial else None)

    def will(self, rows: Sequence[WebhookSubscription]) -> list[str]:
        return [
            "Send what is still to be sent, and what happens from now on, to the address below.",
            "Leave its secret as it is.",
        ]

    def perform(self, doing: Doing) -> Result:
        return subscribing.change(by=doing.by, subscription_id=doing.ids[0], **doing.given, now=doing.now)


class Test(_Act):
    """Sends a message that says nothing."""

    name, label, done_word = (
        "test",
        "Send a test",
        "On its way: its page under Webhook messages shows how it went",
    )

    def fits(self, row: WebhookSubscription) -> str:
        return super().fits(row) or ("It is off: switch it on first." if row.off_at else "")

    def will(self, rows: Sequence[WebhookSubscription]) -> list[str]:
        return [
            f"Send {count(rows, 'address', 'addresses')} a message of the type webhook.test, signed as all are."
        ]

    def perform(self, doing: Doing) -> Result:
        return subscribing.test(by=doing.by, subscription_ids=doing.ids, now=doing.now)


@dataclass(slots=True)
class _Revealed(Outcome):
    """What is shown to whoever asked."""

    secret: str = ""


class Reveal(_Act):
    """Shows the secret."""

    name, label, done_word = "reveal", "Show the secret", "Shown"
    for_many = False
    fresh = True
    errors = (NotAllowed, DomainError, CryptoError)

    def will(self, rows: Sequence[WebhookSubscription]) -> list[str]:
        return [
            "Show the secret that its messages are signed with, on the next page.",
            "Keep that you looked at it.",
        ]

    def perform(self, doing: Doing) -> _Revealed:
        secret = subscribing.reveal(by=doing.by, subscription_id=doing.ids[0], now=doing.now)
        return _Revealed(secret=secret)

    def answer(self, doing: Doing, result: _Revealed) -> HttpResponse:
        context = {
            **admin.site.each_context(doing.request),
            "title": self.label,
            "secret": result.secret,
            "back": cells.url_of(WebhookSubscription(pk=doing.ids[0])),
        }
        return TemplateResponse(doing.request, "admin/payouts/webhooksubscription/secret.html", context)


class Rotate(_Act):
    """Gives it a new secret."""

    name, label, done_word = "rotate", "Give it a new secret", "Has a new secret"
    form_class = RotateForm
    for_many = False
    fresh = True

    def will(self, rows: Sequence[WebhookSubscription]) -> list[str]:
        return [
            "Make a new secret, which signs from now on. Show it afterwards, and give it to the receiver.",
            "Sign with the former one as well for a while: the receiver may change over at any moment in between.",
        ]

    def perform(self, doing: Doing) -> Result:
        form = RotateForm({"overlap": doing.given["overlap"]})
        form.full_clean()
        return subscribing.rotate(
            by=doing.by, subscription_id=doing.ids[0], overlap=form.wanted, now=doing.now
        )


class SendAgain(_Act):
    """Sends what happened in a time again."""

    name, label, done_word = "again", "Send again", "To be sent again"

    def form(self, rows: Sequence[WebhookSubscription], data: Any = None) -> forms.Form:
        return subscription_forms.begun(data)

    def will(self, rows: Sequence[WebhookSubscription]) -> list[str]:
        return [
            "Send the messages of the time below again, from the first try, with the ids and the bytes that they had.",
            "A receiver that remembers the ids will pass over those that it has worked off.",
        ]

    def perform(self, doing: Doing) -> Result:
        wanted = subscription_forms.wanted(doing.given, list(doing.ids))
        return replaying.send_again(by=doing.by, wanted=wanted, now=doing.now)


class SwitchOff(_Act):
    """Lets its messages wait."""

    name, label, done_word = "off", "Switch off", "Switched off"
    form_class = Act.form_class
    danger = True

    def fits(self, row: WebhookSubscription) -> str:
        return super().fits(row) or ("It is off already." if row.off_at else "")

    def will(self, rows: Sequence[WebhookSubscription]) -> list[str]:
        return [
            f"Send {count(rows, 'address', 'addresses')} nothing more.",
            f"Keep what happens meanwhile for {purging.KEPT.days} days, and send it once it is switched on again.",
        ]

    def perform(self, doing: Doing) -> Result:
        return subscribing.switch_off(
            by=doing.by, subscription_ids=doing.ids, reason=doing.reason, now=doing.now
        )


class SwitchOn(_Act):
    """Sends again."""

    name, label, done_word = "on", "Switch on", "Switched on"

    def fits(self, row: WebhookSubscription) -> str:
        is_on = row.off_at is None and row.environment == settings.ENVIRONMENT
        return super().fits(row) or ("It is on already." if is_on else "")

    def will(self, rows: Sequence[WebhookSubscription]) -> list[str]:
        waiting = WebhookMessage.objects.filter(subscription__in=rows, delivered_at__isnull=True).count()
        return [f"Send at once what was not delivered: {waiting:,} messages, also those that were given up."]

    def perform(self, doing: Doing) -> Result:
        return subscribing.switch_on(by=doing.by, subscription_ids=doing.ids, now=doing.now)


class End(_Act):
    """Ends it for ever."""

    name, label, done_word = "end", "End", "Ended"
    form_class = Act.form_class
    danger = True

    def will(self, rows: Sequence[WebhookSubscription]) -> list[str]:
        waiting = WebhookMessage.objects.filter(subscription__in=rows, next_at__isnull=False).count()
        return [
            f"Tell {count(rows, 'address', 'addresses')} nothing more, for ever; {waiting:,} messages are given up.",
            "An address that ended may be subscribed anew, with another secret.",
        ]

    def perform(self, doing: Doing) -> Result:
        return subscribing.end(by=doing.by, subscription_ids=doing.ids, reason=doing.reason, now=doing.now)


ACTS = (Change(), Test(), Reveal(), Rotate(), SendAgain(), SwitchOff(), SwitchOn(), End())
