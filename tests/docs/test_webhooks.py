"""docs/webhooks.md tells subscribers what the code does: each kind of news, each field, each limit."""

from __future__ import annotations

import re
from datetime import timedelta

from payouts.models.subscriptions import FAILING_AFTER
from payouts.subscriptions import calling, delivering, purging, recording, subscribing
from payouts.subscriptions.events import EVENTS, TEST, TEST_EVENT, Event
from tests.docs.pages import bare, table, text_of

PAGE = "docs/webhooks.md"
SECTIONS = {
    title.strip("`"): text
    for title, text in re.findall(r"^### (.*?)\n(.*?)(?=^##)", text_of(PAGE), re.MULTILINE | re.DOTALL)
}
Row = tuple[str, str, str]


def _rows(section: str) -> list[Row]:
    found = re.findall(r"^\| `([\w.]+)` \| ([\w ]+) \| (.*) \|$", SECTIONS[section], re.MULTILINE)
    return [(path, kind, meaning) for path, kind, meaning in found]


def _told(name: str) -> list[Row]:
    common = _rows("All of `payout.…") if name.startswith("payout.") else []
    return sorted(common + _rows(name))


def _meant(event: Event) -> list[Row]:
    return sorted((field.path, field.kind, field.meaning) for field in event.fields)


def test_every_kind_of_news_is_told_field_by_field():
    named = [name for name in SECTIONS if re.fullmatch(r"\w+\.\w+", name)]
    assert named == [*EVENTS, TEST]
    for name, event in {**EVENTS, TEST: TEST_EVENT}.items():
        assert _told(name) == _meant(event), name


def test_what_each_means_begins_as_the_code_says():
    for name, event in EVENTS.items():
        told = " ".join(SECTIONS[name].split())
        assert told.startswith(event.meaning), name


def test_the_waits_are_those_of_the_code():
    told = [row[1] for row in table(PAGE, "failure", "it waits")]
    assert told == [_words(delay) for delay in recording.DELAYS]


def _words(delay: timedelta) -> str:
    seconds = int(delay.total_seconds())
    for unit, size in (("hours", 3600), ("minutes", 60), ("seconds", 1)):
        if seconds % size == 0:
            return f"{seconds // size} {unit}"
    raise AssertionError(delay)


def test_the_limits_are_those_of_the_code():
    told = {bare(name): value for name, value in table(PAGE, "limit", "value")}
    assert told == {
        "the whole of a call": f"{calling.TIMEOUTS.total:.0f} seconds",
        "messages of one subscription under way at once": str(delivering.AT_ONCE),
        "failures in a row, after which it is tried once a minute": str(FAILING_AFTER),
        "nothing but failures, after which it is switched off": f"{recording.OFF_AFTER.days} days",
        "messages are kept": f"{purging.KEPT.days} days",
        "subscriptions that have not ended": str(subscribing.MOST),
    }
    assert timedelta(minutes=1) == recording.REST
