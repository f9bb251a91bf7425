"""Django as the measurements need it: the product's settings, and nothing of what DEBUG costs."""

from __future__ import annotations

import os


def start() -> None:
    """This will set Django up; DATABASE_URL and the sandbox's addresses stand in the environment."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace_payouts.settings")
    import django
    from django.conf import settings

    django.setup()
    # The sandbox speaks plain http, which the product does under DEBUG only; but then Django keeps every statement.
    settings.DEBUG = False
