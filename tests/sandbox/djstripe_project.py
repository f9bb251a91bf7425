"""A Django project of its own that holds nothing but dj-stripe, unchanged, pointed at a sandbox.

`python -m tests.sandbox.djstripe_project URL SECRET_KEY FOLDER` syncs and hears everything that the sandbox has, and
prints what it has then.
"""

from __future__ import annotations

import io
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.urls import include, path

URL, SECRET_KEY, FOLDER = sys.argv[1:]
urlpatterns: list[Any] = []

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": Path(FOLDER) / "djstripe.sqlite3",
            "OPTIONS": {"timeout": 30, "transaction_mode": "IMMEDIATE"},
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DJSTRIPE_FOREIGN_KEY_TO_FIELD="id",
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "djstripe"],
    MIGRATION_MODULES={"contenttypes": None, "auth": None, "djstripe": None},
    ROOT_URLCONF=__name__,
    SECRET_KEY="a project of its own",
    STRIPE_API_HOST=URL,
    STRIPE_API_VERSION="2026-08-26.dahlia",
    STRIPE_LIVE_MODE=False,
    STRIPE_TEST_SECRET_KEY=SECRET_KEY,
    USE_TZ=True,
)
django.setup()

import stripe  # noqa: E402 - dj-stripe must have pointed it at the sandbox before
from django.core.wsgi import get_wsgi_application  # noqa: E402 - needs the settings
from djstripe import models  # noqa: E402 - needs the apps

stripe.api_key = SECRET_KEY
urlpatterns += [path("stripe/", include("djstripe.urls", namespace="djstripe"))]


class Quiet(WSGIRequestHandler):
    """Says nothing of requests."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


def seller() -> stripe.Account:
    """Make a connected account that gives everything through the API, and wait until it is verified."""
    made = stripe.Account.create(
        controller={
            "fees": {"payer": "application"},
            "losses": {"payments": "application"},
            "requirement_collection": "application",
            "stripe_dashboard": {"type": "none"},
        },
        country="US",
        business_type="company",
        business_profile={"mcc": "5734", "url": "https://example.com"},
        capabilities={"transfers": {"requested": True}},
        company={
            "address": {"city": "Austin", "line1": "1 Road", "postal_code": "78701"},
            "name": "Rosen Goods",
            "phone": "+15555550100",
            "tax_id": "000000000",
        },
        external_account="btok_us_verified",
        tos_acceptance={"date": 1_700_000_000, "ip": "127.0.0.1"},
    )
    wait(lambda: stripe.Account.retrieve(made.id).payouts_enabled)
    return made


def wait(is_there: Any) -> None:
    """Wait until something is so, at most for half a minute."""
    deadline = time.monotonic() + 30
    while not is_there():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.05)


def listen(port: int) -> None:
    """Register both endpoints of dj-stripe's view with Stripe, as a command of the product would."""
    for connect in (False, True):
        row = models.WebhookEndpoint(id="we_new", enabled_events=["*"], livemode=False, status="enabled")
        row.url = f"http://127.0.0.1:{port}/stripe/webhook/{row.djstripe_uuid}/"
        made = stripe.WebhookEndpoint.create(
            url=row.url,
            enabled_events=["*"],
            connect=connect,
            metadata={"djstripe_uuid": str(row.djstripe_uuid)},
        )
        row.id, row.secret = made.id, made.secret
        row.save()


def live() -> dict[str, str]:
    """Have happen what a marketplace has happen, and give the ids of what it made."""
    account = seller()
    customer = stripe.Customer.create(email="anna@example.com")
    payment = stripe.PaymentIntent.create(
        amount=5000, currency="usd", customer=customer.id, payment_method="pm_card_visa", confirm=True
    )
    transfer = stripe.Transfer.create(
        amount=3000, currency="usd", destination=account.id, source_transaction=str(payment.latest_charge)
    )
    stripe.Transfer.create_reversal(transfer.id, amount=100)
    refund = stripe.Refund.create(payment_intent=payment.id, amount=700)
    paid_out = stripe.Transfer.create(amount=900, currency="usd", destination=account.id)
    wait(lambda: any(one.status == "paid" for one in stripe.Payout.list(stripe_account=account.id).data))
    (payout,) = stripe.Payout.list(stripe_account=account.id).data
    return {
        "account": account.id,
        "customer": customer.id,
        "payment_intent": payment.id,
        "charge": str(payment.latest_charge),
        "transfer": transfer.id,
        "paid_out": paid_out.id,
        "refund": refund.id,
        "payout": payout.id,
    }


def unheard(**whose: str) -> list[stripe.Event]:
    """Give the events that were not delivered yet, of the platform or of an account."""
    options: Any = whose
    return stripe.Event.list(delivery_success=False, **options).data


def kept() -> dict[str, Any]:
    """Give what dj-stripe has in its tables."""
    names = (
        "Account", "BalanceTransaction", "Charge", "Customer", "Event", "PaymentIntent", "Payout", "Refund", "Transfer",
        "TransferReversal",
    )  # fmt: skip
    return {name: sorted(getattr(models, name).objects.values_list("id", flat=True)) for name in names}


def main() -> None:
    """Hear of everything, then sync everything, and tell."""
    call_command("migrate", run_syncdb=True, verbosity=0)
    with make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        listen(server.server_port)
        made = live()
        wait(lambda: not unheard() and not unheard(stripe_account=made["account"]))
        server.shutdown()
    heard = kept()
    triggers = models.WebhookEventTrigger.objects
    account = models.Account.objects.get(id=made["account"])
    report = {
        "made": made,
        "heard": heard,
        "verified": account.payouts_enabled,
        "invalid": triggers.filter(valid=False).count(),
        "failed": list(triggers.exclude(exception="").values_list("exception", flat=True)),
    }
    models.Customer.sync_from_stripe_data(stripe.Customer.modify(made["customer"], name="Anna"))
    report["name"] = models.Customer.objects.get(id=made["customer"]).stripe_data["name"]
    # Its model of the second version's accounts asks Stripe itself, whatever it is pointed at.
    known = [model.__name__ for model in apps.get_app_config("djstripe").get_models()]
    told = io.StringIO()
    wanted = [name for name in known if name != "AccountV2"]
    call_command("djstripe_sync_models", *wanted, fail_on_error=True, stdout=told)
    report["synced"] = kept()
    print(json.dumps(report))  # noqa: T201 - its result


if __name__ == "__main__":
    main()
