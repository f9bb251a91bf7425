"""Links from a row's page to the forms of the requests that concern it."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from accounts.backoffice.base import may
from payouts.acts import ACTS

_ABOUT: dict[str, tuple[str, ...]] = {
    "payee": ("method_add", "payable_add"),
    "method": ("method_verify",),
    "payout": ("pay_by_hand",),
    "bank_file": ("bank_file_withdraw",),
    "payable": ("clawback_decide",),
    "transaction": ("payment_record",),
    "incident": ("incident_close",),
    "trigger": ("trigger_change",),
    "process": ("process_confirm", "process_set"),
    "schedule": ("schedule_set",),
    "policy": ("policy_set",),
    "threshold": ("threshold_set",),
    "limit": ("limit_set",),
    "marketplace": ("go_live", "exponents_confirm", "calendar_set"),
}


def links_for(request: HttpRequest, about: str, **given: str) -> list[dict[str, str]]:
    """This will give the requests about a thing that the person may make, each with its form's address."""
    return [
        {"label": ACTS[act].label, "url": form_of(act, **given)}
        for act in _ABOUT[about]
        if act in ACTS and may(request, ACTS[act].needs)
    ]


def form_of(act: str, **given: str) -> str:
    """This will give the address of a request's form, filled in with what is given."""
    url = reverse("admin:new_request_of", args=[act])
    return f"{url}?{urlencode(given)}" if given else url
