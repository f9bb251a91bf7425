"""Pages for payees that need no log-in: what a mailed link opens."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from accounts.payee_door.entering import Visitor
from marketplace_payouts.lib.clock import utc_now
from payouts import verification
from payouts.errors import Refused
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
