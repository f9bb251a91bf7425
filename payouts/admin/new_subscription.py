"""The form of a new webhook subscription."""

from __future__ import annotations

from allauth.account.internal.flows.reauthentication import suspend_request
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts import second_factor
from accounts.backoffice import cells
from accounts.backoffice.base import demand
from accounts.models import User
from accounts.roles import NotAllowed
from marketplace_payouts.lib.clock import utc_now
from payouts.admin.subscription_forms import SubscriptionForm
from payouts.errors import DomainError
from payouts.subscriptions import subscribing

_WILL = (
    "Tell this address of what happens from now on, signed with a secret of its own.",
    "Send it ids, amounts and states; no names, no addresses, no payout details.",
)


def subscribe(request: HttpRequest, *, site: AdminSite) -> HttpResponse:
    """This will ask for a new subscription, and make it when the form is posted."""
    demand(request, subscribing.NEEDS)
    form = SubscriptionForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        if not second_factor.is_fresh(request):
            asked: HttpResponse = suspend_request(request, reverse("mfa_reauthenticate"))
            return asked
        if (answer := _make(request, form)) is not None:
            return answer
    context = {**site.each_context(request), "title": "Subscribe an address", "will": _WILL, "form": form}
    return TemplateResponse(request, "admin/backoffice/switch.html", context)


def _make(request: HttpRequest, form: SubscriptionForm) -> HttpResponse | None:
    user = request.user
    assert isinstance(user, User)
    try:
        made = subscribing.add(by=user, **form.cleaned_data, now=utc_now())
    except (DomainError, NotAllowed) as error:
        form.add_error(None, str(error))
        return None
    messages.success(request, "Subscribed. Show its secret once, give it to the receiver, and send a test.")
    return HttpResponseRedirect(cells.url_of(made))
