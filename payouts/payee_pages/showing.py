"""How a page is shown: to whom, in which language, in the marketplace's colours."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme

from accounts import branding, languages
from accounts.branding import Brand
from accounts.payee_door import cookies
from accounts.payee_door.entering import Visitor

_SECTIONS: Final[Mapping[str, str]] = {
    "home": "home",
    "payouts": "payouts",
    "payout": "payouts",
    "statements": "statements",
    "methods": "method",
    "offers": "method",
    "method_form": "method",
    "method_hosted": "method",
    "method_default": "method",
    "method_retire": "method",
}
"""Under which heading of the menu a page stands."""


def show(
    request: HttpRequest,
    template: str,
    facts: Mapping[str, Any] | None = None,
    *,
    visitor: Visitor | None = None,
    status: int = 200,
) -> HttpResponse:
    """This will show one of the pages under `templates/payee/`, in the language that is active."""
    brand = branding.brand()
    context = {
        "brand": brand,
        "look": look(brand),
        "visitor": visitor,
        "languages": settings.LANGUAGES,
        "language": translation.get_language(),
        "section": _SECTIONS.get(template, ""),
        "here": request.get_full_path() if request.method == "GET" else reverse("payee:home"),
        **(facts or {}),
    }
    response = render(request, f"payee/{template}.html", context, status=status)
    response["Content-Language"] = context["language"]
    return response


def look(brand: Brand) -> str:
    """This will give what changes with the colours, for the address of their style sheet."""
    colours = f"{brand.colour} {brand.on_colour} {brand.link_colour}"
    return hashlib.sha256(colours.encode()).hexdigest()[:12]


def language_for(request: HttpRequest, visitor: Visitor | None) -> str:
    """This will give the language of a page: the one that was chosen, else the one that the browser asks for.

    An operator who looks at a payee's pages reads their own, and changes nothing of the payee's.
    """
    chosen = cookies.get(request, cookies.LANGUAGE)
    of_payee = visitor.payee.language if visitor is not None else ""
    wishes = (of_payee, chosen) if visitor is not None and visitor.may_change else (chosen, of_payee)
    spoken = next((one for one in wishes if languages.is_spoken(one)), "")
    return spoken or translation.get_language_from_request(request)


def inside(address: str | None) -> str:
    """This will give an address to go to if it is one of these pages, and the first page otherwise."""
    home = reverse("payee:home")
    is_safe = address and url_has_allowed_host_and_scheme(address, allowed_hosts=None)
    return address if address and is_safe and address.startswith(home) else home
