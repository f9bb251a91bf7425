"""Where Stripe may send a person back to: pages of ours and of the marketplace's front ends, and nobody else's."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings

from payments.errors import NotTaken


def check(url: str, *, field: str) -> str:
    """This will give the address as it is.

    :raises NotTaken: when its origin is not among those that are set up.
    """
    try:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}".lower()
    except ValueError:
        origin = ""
    if origin not in settings.STRIPE_SELLERS["return_origins"]:
        raise NotTaken(
            "url_not_allowed",
            "People are sent back to the marketplace's own pages only: whoever runs this names their origins in"
            " STRIPE_RETURN_ORIGINS.",
            field=field,
        )
    return url
