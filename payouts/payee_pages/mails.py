"""Which mails a payee wants."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.payee_door.entering import Visitor
from marketplace_payouts.lib.clock import utc_now
from payouts.notices import kinds, switches
from payouts.payee_pages import door
from payouts.payee_pages.showing import show


@require_http_methods(["GET", "HEAD", "POST"])
@door.page
def mails(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """Show every kind of mail with its switch, and set them."""
    if request.method == "POST":
        wanted = request.POST.getlist("wanted")
        switches.set_off(
            visitor.payee, [name for name in kinds.SWITCHES if name not in wanted], now=utc_now()
        )
        return HttpResponseRedirect(f"{reverse('payee:mails')}?saved=1")
    offered = [one for one in switches.of(visitor.payee) if one.is_offered]
    facts = {
        "choices": [one for one in offered if one.kind.can_be_off],
        "always": [one for one in offered if not one.kind.can_be_off],
        "saved": "saved" in request.GET,
    }
    return show(request, "mails", facts, visitor=visitor)
