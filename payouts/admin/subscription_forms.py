"""What staff are asked about a subscription and its messages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django import forms
from django.utils import timezone

from payouts.subscriptions.events import EVENTS
from payouts.subscriptions.purging import KEPT
from payouts.subscriptions.replaying import Wanted

_TYPES: Final = [(name, name) for name in EVENTS]
_OVERLAPS: Final = (
    ("24", "a day"),
    ("1", "an hour"),
    ("168", "a week"),
    ("0", "not at all: it is known to somebody who must not know it"),
)


class SubscriptionForm(forms.Form):
    """Asks for a subscription: where, whose, and what of."""

    url = forms.CharField(
        label="Address", max_length=2000, widget=forms.URLInput, help_text="https, and public."
    )
    description = forms.CharField(max_length=120, help_text="Whose it is, in a few words.")
    types = forms.MultipleChoiceField(
        label="Told of",
        choices=_TYPES,
        widget=forms.CheckboxSelectMultiple,
        help_text="What each says stands in docs/webhooks.md.",
    )


class RotateForm(forms.Form):
    """Asks for how long the former secret goes on signing."""

    overlap = forms.ChoiceField(label="The former secret signs as well for", choices=_OVERLAPS)

    @property
    def wanted(self) -> timedelta:
        """How long that is."""
        return timedelta(hours=int(self.cleaned_data["overlap"]))


class AgainForm(forms.Form):
    """Asks which messages are to be sent again."""

    since = forms.DateTimeField(
        label="What happened since",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text=f"Messages are kept for {KEPT.days} days.",
    )
    until = forms.DateTimeField(
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text="In the time zone of the page; empty: until now.",
    )
    types = forms.MultipleChoiceField(
        label="Only", choices=_TYPES, required=False, widget=forms.CheckboxSelectMultiple
    )
    only_undelivered = forms.BooleanField(label="Only what was not delivered", required=False)

    def clean(self) -> dict[str, Any]:
        """This will refuse a time that ends before it begins."""
        given = super().clean() or {}
        if given.get("since") and given.get("until") and given["until"] < given["since"]:
            raise forms.ValidationError("It ends before it begins.")
        return given


def wanted(given: dict[str, Any], subscriptions: list[UUID]) -> Wanted:
    """This will say which messages the form asks for."""
    return Wanted(
        since=given["since"],
        until=given["until"],
        subscriptions=subscriptions,
        types=given["types"] or None,
        only_undelivered=given["only_undelivered"],
    )


def begun(given: Any) -> AgainForm:
    """This will make the form, at first with the last day."""
    return AgainForm(given, initial={"since": timezone.localtime() - timedelta(days=1)})
