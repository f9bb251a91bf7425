"""Every measurement by the name of its row."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from bench import announcing, api, batches, clusters, hearing, memory, paying, scale
from bench.setting import Measure

ROWS: Final[Mapping[str, Measure]] = {
    "flex.events": hearing.measure,
    "flex.announce": announcing.measure,
    "pay.paypal.1thread": partial(paying.measure, threads=1),
    "pay.paypal.8threads": partial(paying.measure, threads=8),
    "pay.paypal.1thread.50ms": partial(paying.measure, threads=1, latency_ms=50),
    "pay.paypal.8threads.50ms": partial(paying.measure, threads=8, latency_ms=50),
    "pay.batch15000": batches.measure,
    "mem.poller": memory.measure_poller,
    "mem.sender": memory.measure_sender,
    "scale.payout_1m_vs_10k": scale.measure,
    "api.payouts": partial(api.measure, of="payouts"),
    "api.buyer": partial(api.measure, of="buyer"),
    "clusters.2": partial(clusters.measure, count=2),
    "clusters.3": partial(clusters.measure, count=3),
}
