"""The web process of the measurements: the product's, and beside it the bare views that it is compared with.

Served by gunicorn as ``bench.web:application``, as `./run serve` has it.
"""

from __future__ import annotations

from bench.start import start

start()

from django.conf import settings  # noqa: E402 - it is set up now
from django.core.wsgi import get_wsgi_application  # noqa: E402

settings.ROOT_URLCONF = "bench.web_urls"
settings.ALLOWED_HOSTS = ["127.0.0.1"]
# A turn is taken for each request all the same, and its cost measured: there are only more of them than people get.
settings.API_RATES = dict.fromkeys(settings.API_RATES, (6_000_000, 1_000_000))

application = get_wsgi_application()
