"""Pages for payees that need no log-in: what a mailed link opens."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts import languages
from accounts.payee_door.entering import Visitor
from marketplace_payouts.lib.clock import utc_now
from payouts import verification
from payouts.errors import Refused
from payouts.notices import kinds, leaving, switches
from payouts.payee_pages.door import open_page
from payouts.payee_pages.showing import show


@require_http_methods(["GET", "HEAD", "POST"])
@open_page
def verify_method(request: HttpRequest, visitor: Visitor | None, token: str) -> HttpResponse:
    """Show which method a link is about, and confirm it by POST: mail scanners follow links, they press no buttons."""
    try:
        if request.method == "POST":
            facts = {"method": verification.confirm(token, now=utc_now()), "done": True}
        else:
            facts = {"method": verification.find(token)}
    except Refused:
        return show(request, "verify_method", {"is_broken": True}, visitor=visitor, status=410)
    return show(request, "verify_method", facts, visitor=visitor)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@open_page
def notice_switch(request: HttpRequest, visitor: Visitor | None, token: str) -> HttpResponse:
    """Show which kind of mail a link is about, and switch it off, or on again, by POST alone.

    Mail programs send that POST by themselves once their user says so (RFC 8058), with nothing but
    ``List-Unsubscribe=One-Click`` in it: no cookie, so there is nothing that a forged one could make use of.
    """
    try:
        payee, kind = leaving.read(token)
    except Refused:
        return show(request, "notice_switch", {"is_broken": True}, visitor=visitor, status=410)
    if request.method == "POST":
        switches.switch(payee, kind, on=request.POST.get("wanted") == "yes", now=utc_now())
    is_off = kind in switches.off([payee.pk])[payee.pk]
    with languages.speaking_to(payee):
        facts = {"label": str(kinds.KINDS[kind].label), "is_off": is_off}
        return show(request, "notice_switch", facts, visitor=visitor)
