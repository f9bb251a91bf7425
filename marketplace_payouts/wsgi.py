"""The WSGI entry of the web process."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace_payouts.settings")

application = get_wsgi_application()

from marketplace_payouts.checks import refuse_to_start  # noqa: E402 - the apps must be loaded first

refuse_to_start()
