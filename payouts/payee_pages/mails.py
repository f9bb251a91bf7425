"""Which mails a payee gets."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from accounts.payee_door.entering import Visitor
from marketplace_payouts.lib.clock import utc_now
from payouts.notices import kinds, switches
from payouts.payee_pages import door
from payouts.payee_pages.showing import show


@door.page
def choose(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """Show every kind of mail and whether the payee gets it; keep which they want."""
    if request.method == "POST":
        unwanted = set(kinds.SWITCHES) - set(request.POST.getlist("wanted"))
        switches.set_off(visitor.payee, unwanted, now=utc_now())
        return HttpResponseRedirect(f"{reverse('payee:mails')}?kept=1")
    offered = [one for one in switches.of(visitor.payee) if one.is_offered]
    return show(request, "mails", {"switches": offered, "kept": "kept" in request.GET}, visitor=visitor)
