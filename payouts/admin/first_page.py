"""The first page: what needs a person now, computed at each look."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count, F, Q, Sum
from django.http import HttpRequest
from django.urls import reverse

from accounts.backoffice import cells
from accounts.backoffice.base import may
from accounts.models import Marketplace, Payee
from marketplace_payouts.lib.clock import utc_now
from payments.models import PaymentIn, RefusedPayment, StripeDelivery
from payments.stripe import endpoints
from payouts import heartbeats, holding
from payouts.admin.needs import Group, Need
from payouts.admin.payout_filters import heard, late
from payouts.admin.sending import unknown_words
from payouts.models import (
    Attempt,
    BankFile,
    Case,
    Heartbeat,
    Hold,
    Incident,
    OutboxMessage,
    Payable,
    Payout,
    Process,
    Reminder,
    Request,
    State,
    Trigger,
    WebhookDelivery,
    WebhookMessage,
    WebhookSubscription,
)
from payouts.providers.base import Status
from payouts.subscriptions import figures

# Whoever tells us of a payment may be quicker than Sharetribe's events.
_HEARD_BY_THEN: Final = timedelta(hours=1)


def context(request: HttpRequest, *, more: Callable[[datetime], list[Group]]) -> dict[str, Any]:
    """This will gather what waits, and where the stop switch stands."""
    now = utc_now()
    stops = list(
        Hold.objects.filter(rail_id=holding.EVERYTHING, lifted_at__isnull=True)
        .select_related("set_by")
        .order_by("set_at")
    )
    found = [
        _contradictions(),
        _decisions(request),
        _stuck(),
        _not_payable(now),
        _money_back(),
        _payments_in(now),
        _bank(),
        *more(now),
        _machinery(now),
        _set_up(),
    ]
    return {
        "groups": [group for group in found if group.waiting],
        "nothing_waits": not any(group.waiting for group in found),
        "stops": [(hold, holding.not_for_people(hold)) for hold in stops],
        "may_stop": may(request, "act_hold"),
        "may_resume": may(request, "act_release") and not all(map(holding.not_for_people, stops)),
        "looked_at": cells.moment(now),
    }


def _contradictions() -> Group:
    unknown = _payouts("Unknown outcomes", State.UNKNOWN, tone="bad")
    incidents = Incident.objects.filter(closed_at__isnull=True)
    words = Attempt.objects.filter(unknown_words()).count()
    words_url = cells.list_of(Attempt, "unknown_words=yes")
    return Group(
        "Look at these first",
        [
            unknown,
            Need("Incidents", incidents.count(), cells.list_of(Incident, "open=yes"), tone="bad"),
            Need("Words of providers that we do not know", words, words_url, tone="bad"),
        ],
    )


def _decisions(request: HttpRequest) -> Group:
    open_requests = Request.objects.filter(state=Request.State.OPEN)
    others = open_requests.exclude(made_by=request.user.pk).count()
    mine = open_requests.filter(made_by=request.user.pk).count()
    return Group(
        "To decide",
        [
            _payouts("Awaiting approval", State.AWAITING_APPROVAL),
            Need(
                "To be paid on the provider's own pages",
                Payout.objects.filter(heard(Status.AWAITING_FUNDING)).count(),
                cells.list_of(Payout, f"heard={Status.AWAITING_FUNDING}"),
            ),
            Need("Requests to second", others, cells.list_of(Request, "state=open")),
            Need(
                "Your own requests, waiting for another person",
                mine,
                cells.list_of(Request, "state=open"),
                tone="info",
            ),
            Need(
                "Questions of payees to answer",
                Case.objects.filter(closed_at__isnull=True).count(),
                cells.list_of(Case, "open=yes"),
            ),
            *(_payables(label, waits) for label, waits in _WAITING),
        ],
    )


_WAITING = (
    ("Opening items to release or mark as paid", Payable.Waits.OPENING),
    ("Returned, waiting to go out again", Payable.Waits.RETURNED),
    ("Clawbacks to decide", Payable.Waits.CLAWBACK),
)


def _stuck() -> Group:
    holds = Hold.objects.filter(lifted_at__isnull=True).exclude(rail_id=holding.EVERYTHING)
    # The other states have a line of their own.
    overdue = Payout.objects.filter(late())
    return Group(
        "Stuck",
        [
            _payouts("Failed", State.FAILED),
            Need("Holds", holds.count(), cells.list_of(Hold, "open=yes")),
            Need(
                "Payouts longer on their way than usual",
                overdue.count(),
                cells.list_of(Payout, "overdue=late"),
            ),
        ],
    )


def _not_payable(now: datetime) -> Group:
    """Nothing is in a payout that a person could look at, so what gathering passes over is shown here."""
    rows = Payable.objects.filter(settled="", waits_for="", due_at__lte=now).order_by().values("blocked_by")
    counts = dict(rows.annotate(n=Count("pk")).values_list("blocked_by", "n"))

    asked = Reminder.objects.filter(listed_at__isnull=False, ended_at__isnull=True)

    def blocked(gate: str) -> tuple[int, str]:
        return counts.get(gate, 0), cells.list_of(Payable, f"blocked_by={gate}")

    return Group(
        "Due, and not payable",
        [
            Need("Due, and no payout method given", *blocked("method_present"), tone="info"),
            Need("Payees asked in vain where to pay them", asked.count(), cells.list_of(Payee, "asked=yes")),
            Need(
                "Due, and the buyer's payment missing or gone back", *blocked("payment_received"), tone="info"
            ),
            Need("Due, and Stripe may pay it", *blocked("not_paid_by_stripe"), tone="info"),
            Need("Due, and the payee frozen or closed", *blocked("payee_active"), tone="info"),
            Need("Deductions larger than what is owed", *blocked("negative"), tone="info"),
        ],
    )


def _money_back() -> Group:
    partly = Payout.objects.filter(state=State.PAID, returned_units__gt=0).count()
    url = cells.list_of(Payout, "state=paid&returned=yes")
    return Group("Money that came back", [Need("Paid, and returned in part", partly, url, tone="info")])


def _payments_in(now: datetime) -> Group:
    refused = RefusedPayment.objects.filter(closed_at__isnull=True).count()
    unknown = PaymentIn.objects.filter(next_at__isnull=False, recorded_at__lt=now - _HEARD_BY_THEN).count()
    return Group(
        "Buyers' payments",
        [
            Need("Payments refused", refused, cells.list_of(RefusedPayment, "closed_at=no"), tone="bad"),
            Need(
                "Payments for transactions that we do not know",
                unknown,
                cells.list_of(PaymentIn, "next_at=yes"),
                tone="info",
            ),
        ],
    )


def _bank() -> Group:
    here = Q(downloaded_at__isnull=True)
    waiting = BankFile.objects.filter(withdrawn_at__isnull=True, uploaded_at__isnull=True)
    found = waiting.aggregate(new=Count("pk", filter=here), taken=Count("pk", filter=~here))
    url = cells.list_of(BankFile, "uploaded_at=no&withdrawn_at=no")
    return Group(
        "Bank",
        [
            Need("Bank files to download and upload", found["new"], url),
            Need("Bank files that another person must confirm to be at the bank", found["taken"], url),
        ],
    )


def _machinery(now: datetime) -> Group:
    silent = heartbeats.silent(now=now)
    dead = OutboxMessage.objects.filter(dead_at__isnull=False).count()
    hooks = WebhookDelivery.objects.filter(state=WebhookDelivery.State.DEAD).count()
    subscribers = figures.counts()
    return Group(
        "Machinery",
        [
            Need(
                "Silent parts of the system",
                len(silent),
                cells.list_of(Heartbeat),
                tone="bad",
                told=[part for row in silent for part in (f"{row.name}: ", cells.moment(row.at), " ")],
            ),
            Need("Messages given up", dead, cells.list_of(OutboxMessage, "dead=yes"), tone="bad"),
            Need("Webhooks given up", hooks, cells.list_of(WebhookDelivery, "state=dead"), tone="bad"),
            Need("Events of Stripe's that wait or were given up", *_stripe_events(now), tone="bad"),
            Need(
                "Webhook subscriptions switched off",
                subscribers.off,
                cells.list_of(WebhookSubscription, "ended_at=no&off=yes"),
                tone="bad",
            ),
            Need(
                "Webhook subscriptions that fail",
                subscribers.failing,
                cells.list_of(WebhookSubscription, "ended_at=no&failing=yes"),
            ),
            Need(
                "Messages that a subscriber did not take",
                subscribers.given_up,
                cells.list_of(WebhookMessage, "standing=given_up"),
            ),
        ],
    )


def _stripe_events(now: datetime) -> tuple[int, str]:
    waiting = StripeDelivery.objects.filter(person_after__lte=now).count()
    return waiting, cells.list_of(StripeDelivery, "person_after=yes")


def _set_up() -> Group:
    marketplace = Marketplace.objects.first()
    switched_on = Trigger.objects.filter(enabled=True)
    unconfirmed = Process.objects.filter(
        pays_nothing_at__isnull=True, uses_stripe=True, triggers__in=switched_on
    ).distinct()
    url = cells.list_of(Marketplace)
    return Group(
        "To set up",
        [
            Need(
                "No marketplace is known yet: check the Sharetribe credentials", int(marketplace is None), url
            ),
            Need(
                "Choose the go-live line",
                int(marketplace is not None and marketplace.go_live_at is None),
                url,
            ),
            Need(
                "Confirm the decimals of Sharetribe's amounts",
                int(marketplace is not None and marketplace.exponents_confirmed_at is None),
                url,
            ),
            Need(
                "No trigger is switched on: nothing becomes due",
                int(not switched_on.exists()),
                cells.list_of(Trigger),
            ),
            Need(
                "Processes to confirm: does Sharetribe pay sellers there itself?",
                unconfirmed.count(),
                cells.list_of(Process),
            ),
            Need(
                "Stripe has no webhooks here: run register_stripe_webhooks",
                int(endpoints.are_missing()),
                reverse("admin:djstripe_webhookendpoint_changelist"),
            ),
        ],
    )


def _payouts(label: str, state: State, *, tone: str = "wait") -> Need:
    rows = (
        Payout.objects.filter(state=state)
        .order_by()
        .values(currency=F("debt_currency"))
        .annotate(n=Count("pk"), units=Sum("debt_units"))
    )
    return _added(label, rows, cells.list_of(Payout, f"state={state}"), tone)


def _payables(label: str, waits: Payable.Waits) -> Need:
    rows = (
        Payable.objects.filter(settled="", waits_for=waits)
        .order_by()
        .values("currency")
        .annotate(n=Count("pk"), units=Sum("units"))
    )
    return _added(label, rows, cells.list_of(Payable, f"waits_for={waits}"), "wait")


def _added(label: str, rows: Any, url: str, tone: str) -> Need:
    totals: dict[str, Any] = defaultdict(int)
    n = 0
    for row in rows:
        n += row["n"]
        totals[row["currency"]] += row["units"]
    return Need(
        label, n, url, tone=tone, told=[cells.amount(units, code) for code, units in sorted(totals.items())]
    )
