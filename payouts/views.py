"""Pages for payees that need no log-in: what a mailed link opens."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts import languages
from marketplace_payouts.lib.clock import utc_now
from payouts import verification
from payouts.errors import Refused
from payouts.notices import kinds, leaving, switches


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


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def notice_switch(request: HttpRequest, token: str) -> HttpResponse:
    """Show which kind of mail a link is about, and switch it off, or on again, by POST alone.

    Mail programs send that POST by themselves once their user says so (RFC 8058), with nothing but
    ``List-Unsubscribe=One-Click`` in it: no cookie, so there is nothing that a forged one could make use of.
    """
    try:
        payee, kind = leaving.read(token)
    except Refused as error:
        return render(request, "payee/notice_switch.html", {"problem": str(error)}, status=410)
    if request.method == "POST":
        switches.switch(payee, kind, on=request.POST.get("wanted") == "yes", now=utc_now())
    is_off = kind in switches.off([payee.pk])[payee.pk]
    with languages.speaking_to(payee):
        context = {"label": kinds.KINDS[kind].label, "is_off": is_off, "language": languages.of(payee)}
        return render(request, "payee/notice_switch.html", context)
