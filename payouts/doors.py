"""Doors that are neither admin nor API: providers' webhooks, and what watches over the product."""

from __future__ import annotations

import ipaddress
import json
import uuid
from typing import Final

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from marketplace_payouts.lib import crypto
from marketplace_payouts.lib.clock import database_now
from marketplace_payouts.lib.logs import logger
from payments import sellers
from payments.stripe import inbox
from payouts import health, kicks, metrics, webhook_addresses, webhooks
from payouts.providers import registry
from payouts.providers.base import BadWebhook, PayoutProvider, ProviderUnavailable, RawWebhook

log = logger(__name__)

LARGEST_BODY: Final = 256 * 1024
# An event carries a whole object, such as an account with all that is still required of it.
LARGEST_STRIPE_BODY: Final = 1024 * 1024


@csrf_exempt
@require_POST
def webhook(request: HttpRequest, provider: str, token: uuid.UUID) -> HttpResponse:
    """This will verify and store a provider's delivery and answer at once; what it means is worked out later."""
    service = registry.find(provider)
    if service is None or not webhook_addresses.is_token(provider, token):
        return HttpResponse(status=404)
    if request.content_type != "application/json":
        return HttpResponse("Send application/json.", status=415, content_type="text/plain")
    body = _body(request, most=LARGEST_BODY)
    if body is None:
        return HttpResponse("Too large.", status=413, content_type="text/plain")
    headers = {name.lower(): value for name, value in request.headers.items()}
    # Of what the request says of itself the path and the query alone: both are checked, the one here, the other signed.
    url = settings.PUBLIC_URL + request.get_full_path()
    return _receive(service, RawWebhook(headers, body, database_now(connection), url))


def _body(request: HttpRequest, *, most: int) -> bytes | None:
    """The raw bytes, or None where there are more than any event needs; no more than that is ever read."""
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if declared.isdigit() and int(declared) > most:
        return None
    body = request.read(most + 1)
    return body if len(body) <= most else None


def _receive(service: PayoutProvider, raw: RawWebhook) -> HttpResponse:
    try:
        new = webhooks.receive(service, raw)
    except BadWebhook as error:
        # Nothing is stored: whoever sends rubbish must not be able to fill the tables.
        log.warning("webhook_refused", provider=service.name, reason=str(error))
        return HttpResponse("Not verified.", status=400, content_type="text/plain")
    except ProviderUnavailable as error:
        log.warning("webhook_not_verified_now", provider=service.name, reason=str(error))
        return HttpResponse("Try again later.", status=503, content_type="text/plain")
    if new:
        kicks.kick("work_off")
    return HttpResponse(status=200)


@csrf_exempt
@require_POST
def stripe_webhook(request: HttpRequest, endpoint: uuid.UUID) -> HttpResponse:
    """This will verify and store a delivery of Stripe's and answer at once; nothing is read from Stripe meanwhile."""
    body = _body(request, most=LARGEST_STRIPE_BODY)
    if body is None:
        return HttpResponse("Too large.", status=413, content_type="text/plain")
    signature, now = request.headers.get("Stripe-Signature", ""), database_now(connection)
    try:
        is_new = inbox.receive(endpoint, body=body, signature=signature, now=now)
    except inbox.NoSuchEndpoint:
        return HttpResponse(status=404)
    except inbox.NotVerified as error:
        log.warning("webhook_refused", provider="stripe", reason=str(error))
        return HttpResponse("Not verified.", status=400, content_type="text/plain")
    if is_new:
        kicks.kick("stripe")
    # Of a payment of ours it is a hint as well; told again, it is stored no second time.
    if webhooks.hear(registry.find(sellers.PROVIDER), json.loads(body), RawWebhook({}, body, now)):
        kicks.kick("work_off")
    return HttpResponse(status=200)


@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    """This will say that the web process answers; it asks nobody else."""
    return JsonResponse({"ok": True})


@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """This will say whether requests can be served: the database answers and every migration is applied."""
    try:
        report = health.check(only="migrations")
    except DatabaseError:
        return JsonResponse({"ok": False}, status=503)
    return JsonResponse({"ok": report.ok}, status=200 if report.ok else 503)


@require_safe
def measured(request: HttpRequest) -> HttpResponse:
    """This will give the figures for a Prometheus server."""
    if not _may_measure(request):
        return HttpResponse(status=404)
    return HttpResponse(metrics.render(), content_type=metrics.CONTENT_TYPE)


def _may_measure(request: HttpRequest) -> bool:
    """With METRICS_TOKEN whoever has it; without, this machine alone, and nobody behind a proxy on it."""
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "")
        return crypto.constant_time_equal(given, f"Bearer {settings.METRICS_TOKEN}")
    if "X-Forwarded-For" in request.headers:
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
