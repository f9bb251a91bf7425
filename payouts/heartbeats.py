"""When each part of the system last showed that it is alive."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from payouts.models import Heartbeat

# Whatever runs inside the cluster: any of them beating shows that tasks are still taken and worked off.
IN_THE_CLUSTER: Final = ("cluster", "sweep", "poller")

# How long each part may be silent; parts that are not named beat when something happens, and may be silent for ever.
SILENCE: Final[Mapping[str, timedelta]] = {
    "cluster": timedelta(minutes=3),
    "sweep": timedelta(minutes=5),
    "poller": timedelta(minutes=5),
    "invariants": timedelta(minutes=30),
    "all invariants": timedelta(hours=26),
    "resync": timedelta(hours=26),
    "chain heads": timedelta(hours=26),
}


def beat(name: str, *, now: datetime, **detail: Any) -> None:
    """This will note that a part is alive, and what it says of itself."""
    Heartbeat.objects.update_or_create(name=name, defaults={"at": now, "detail": detail})


def last(name: str) -> Heartbeat | None:
    """This will give when a part was last alive, or None if it never was."""
    return Heartbeat.objects.filter(name=name).first()


def detail_of(name: str) -> Mapping[str, Any]:
    """This will give what a part last said of itself."""
    found = last(name)
    return found.detail if found is not None else {}


def cluster_seen() -> datetime | None:
    """This will give when anything in the cluster last showed that it is alive."""
    return (
        Heartbeat.objects.filter(name__in=IN_THE_CLUSTER).order_by("-at").values_list("at", flat=True).first()
    )


def drop(name: str) -> None:
    """This will forget a part."""
    Heartbeat.objects.filter(name=name).delete()


def silent(*, now: datetime) -> list[Heartbeat]:
    """This will give the parts that have been silent for longer than they may."""
    return [
        beat
        for beat in Heartbeat.objects.filter(name__in=SILENCE).order_by("name")
        if now - beat.at > SILENCE[beat.name]
    ]
