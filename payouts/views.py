"""Pages for payees that need no log-in: what a mailed link opens."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from marketplace_payouts.lib.clock import utc_now
from payouts import verification
from payouts.errors import Refused


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def verify_method(request: HttpRequest, token: str) -> HttpResponse:
    """Show which method a link is about, and confirm it by POST: mail scanners follow links, they press no buttons."""
    try:
        if request.method == "POST":
            context = {"method": verification.confirm(token, now=utc_now()), "done": True}
        else:
            context = {"method": verification.find(token)}
    except Refused as error:
        return render(request, "payee/verify_method.html", {"problem": str(error)}, status=410)
    return render(request, "payee/verify_method.html", context)
