"""Figures for a Prometheus server, read from the tables when asked for: every process gives the same ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from django.db import connection
from django.utils.dateparse import parse_datetime
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from marketplace_payouts.lib.clock import database_now
from payouts import heartbeats, stages
from payouts.models import Heartbeat, Hold, Incident, OutboxMessage, ProviderFunds
from payouts.subscriptions import figures

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
_PREFIX: Final = "marketplace_payouts"

# Only states under way, which a partial index covers; those that are over are many.
_OPEN: Final = """
    SELECT state, count(*), min(state_since) FROM payouts_payout
    WHERE state NOT IN ('paid', 'cancelled', 'returned') GROUP BY state
"""


def render() -> bytes:
    """This will give the figures in Prometheus's text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures())
    return generate_latest(registry)


def _gauge(name: str, text: str, label: str = "") -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{_PREFIX}_{name}", text, labels=[label] if label else [])


class _Figures(Collector):
    """Asks the tables anew at each collection."""

    def collect(self) -> Iterable[Metric]:
        """This will give all figures."""
        now = database_now(connection)
        yield from _payouts(now)
        yield from _work()
        yield from _trouble()
        yield from _subscribers(now)
        yield from _ages(now)
        yield from _funds()


def _payouts(now: datetime) -> Iterator[Metric]:
    count = _gauge("open_payouts", "Payouts that are not over, by state", "state")
    oldest = _gauge("oldest_seconds", "How long the oldest payout has stood in a state", "state")
    with connection.cursor() as cursor:
        cursor.execute(_OPEN)
        for state, number, since in cursor.fetchall():
            count.add_metric([state], number)
            oldest.add_metric([state], max((now - since).total_seconds(), 0))
    yield count
    yield oldest


def _work() -> Iterator[Metric]:
    backlog = _gauge("backlog", "What is ready for a stage now, at most 10000", "stage")
    for stage, number in stages.backlog().items():
        backlog.add_metric([stage], number)
    yield backlog


def _trouble() -> Iterator[Metric]:
    incidents = _gauge("open_incidents", "Incidents that nobody has closed")
    incidents.add_metric([], Incident.objects.filter(closed_at__isnull=True).count())
    yield incidents
    stopped = _gauge("stopped", "Rails that are stopped", "rail")
    for rail in set(
        Hold.objects.filter(rail__isnull=False, lifted_at__isnull=True).values_list("rail_id", flat=True)
    ):
        stopped.add_metric([str(rail)], 1)
    yield stopped
    dead = _gauge("messages_given_up", "Messages that could not be told")
    dead.add_metric([], OutboxMessage.objects.filter(dead_at__isnull=False).count())
    yield dead


def _subscribers(now: datetime) -> Iterator[Metric]:
    due = _gauge("webhook_messages_due", "Messages due for a subscription, at most 10000", "subscription")
    age = _gauge("webhook_oldest_due_seconds", "How long the oldest of them has been due", "subscription")
    off = _gauge("webhook_subscriptions_off", "Subscriptions that are switched off")
    failing = _gauge("webhook_subscriptions_failing", "Subscriptions that fail again and again")
    lost = _gauge("webhook_messages_given_up", "Messages that no subscriber took")
    for one in figures.standings(now=now):
        name = str(one.subscription.pk)
        due.add_metric([name], one.due)
        age.add_metric([name], (now - one.oldest).total_seconds() if one.oldest else 0)
    counts = figures.counts()
    off.add_metric([], counts.off)
    failing.add_metric([], counts.failing)
    lost.add_metric([], counts.given_up)
    yield from (due, age, off, failing, lost)


def _ages(now: datetime) -> Iterator[Metric]:
    seen = _gauge("heartbeat_age_seconds", "How long ago a part last showed that it is alive", "part")
    for beat in Heartbeat.objects.all():
        seen.add_metric([beat.name], max((now - beat.at).total_seconds(), 0))
    yield seen
    clean = heartbeats.detail_of("invariants").get("clean_at")
    moment = parse_datetime(clean) if clean else None
    if moment is not None:
        age = _gauge("invariants_clean_age_seconds", "How long ago every promise was last found kept")
        age.add_metric([], max((now - moment).total_seconds(), 0))
        yield age


def _funds() -> Iterator[Metric]:
    funds = GaugeMetricFamily(
        f"{_PREFIX}_provider_funds_units",
        "What a provider says it holds for us, in smallest units",
        labels=["provider", "currency"],
    )
    for row in ProviderFunds.objects.exclude(available_units__isnull=True):
        assert row.available_units is not None
        funds.add_metric([row.provider, row.currency], float(row.available_units))
    yield funds
