"""The marketplace's colours and logo, as files: pages have neither scripts nor styles within them."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET

from accounts import branding

_AN_HOUR_S = 3600


@require_GET
@cache_control(public=True, max_age=_AN_HOUR_S)
def colours(request: HttpRequest) -> HttpResponse:
    """Give the brand's colours as variables of a style sheet."""
    brand = branding.brand()
    variables = f"--brand:{brand.colour};--on-brand:{brand.on_colour};--link:{brand.link_colour}"
    return HttpResponse(f":root{{{variables}}}\n", content_type="text/css")


@require_GET
@cache_control(public=True, max_age=_AN_HOUR_S)
def logo(request: HttpRequest) -> HttpResponse:
    """Give the logo, where it is a file of ours.

    :raises Http404: when it is none.
    """
    picture = branding.brand().logo
    if picture is None:
        raise Http404
    response = HttpResponse(picture.content, content_type=picture.kind)
    # Opened by itself, an SVG picture is a page that could do what scripts can.
    response["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    return response
