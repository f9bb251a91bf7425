"""What a process of the sweep may end of, and what every provider must come to: the sweep's own judgement."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError

from marketplace_payouts.lib import crash_points
from payouts.stages import StagesFailed
from tests.chaos import cases, lives
from tests.chaos.cases import CUT, RAISE, STALL, case
from tests.chaos.lives import Broken, Doom, Place
from tests.chaos.story import SCENARIOS, NotOver

PLACE = Place("postgresql:///nowhere", {}, "", Path())
CUT_OFF = OperationalError("the connection is closed")


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Live in a place where all that happens is an error."""

    @contextmanager
    def nowhere(*_address: Any) -> Any:
        yield

    class Life:
        def __init__(self, error: Exception) -> None:
            self._error = error

        def live(self, *_told: Any, **_options: Any) -> None:
            raise self._error

    def live_on(error: Exception, *, kind: str = "", has_struck: bool = True, **options: Any) -> Any:
        monkeypatch.setattr(lives, "pointed_at", nowhere)
        monkeypatch.setattr(lives, "installation", lambda *_about: Life(error))
        struck = Doom(case("paypal", kind=kind), frozenset(), PLACE, lambda _: None, has_struck)
        try:
            return lives.live(SCENARIOS[0], PLACE, struck if kind else None, **options)
        finally:
            crash_points.install(None)

    return live_on


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Broken("Raised."), RAISE),
        (StagesFailed({"send": "Broken: Raised.", "ask": "Broken: Raised."}), RAISE),
        (CUT_OFF, CUT),
        (CUT_OFF, STALL),
    ],
)
def test_a_process_may_end_of_what_was_done_to_it(error: Exception, kind: str, live: Any) -> None:
    assert live(error, kind=kind)["refused"] == []
    with pytest.raises(type(error)):
        live(error, kind=kind, has_struck=False)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ValueError("A mistake."), RAISE),
        (StagesFailed({"send": "Broken: Raised.", "ask": "ValueError: A mistake."}), RAISE),
        (CUT_OFF, RAISE),
        (Broken("Raised."), CUT),
        (NotOver("It is not over."), STALL),
    ],
)
def test_it_may_end_of_nothing_else(error: Exception, kind: str, live: Any) -> None:
    with pytest.raises(type(error)):
        live(error, kind=kind)


def test_whoever_takes_over_may_only_wait_in_vain(live: Any) -> None:
    assert live(NotOver("It is not over."), is_patient=True)["refused"] == []
    with pytest.raises(NotOver):
        live(NotOver("It is not over."))
    with pytest.raises(OperationalError):
        live(CUT_OFF, is_patient=True)


def test_each_provider_comes_to_each_point_by_itself() -> None:
    all_points = dict.fromkeys(crash_points.POINTS, 1)
    hits = {one.name: dict(all_points) for one in SCENARIOS}
    assert cases.unreached(hits) == []
    for one in SCENARIOS:
        if one.provider == "two_step":
            del hits[one.name]["send.after_call"], hits[one.name]["cancel.after_call"]
    assert cases.unreached(hits) == ["send.after_call through two_step"]
