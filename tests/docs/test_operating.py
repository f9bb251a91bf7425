"""docs/operating.md knows every line of the first page, every alarm, incident, role and request."""

from __future__ import annotations

import re

from django.core.management import get_commands

from accounts.roles import ROLES
from payouts.admin import payout_acts
from payouts.notices.kinds import KINDS
from payouts.requests import ACTS
from payouts.schedules import PLAN, Planned
from tests.docs.code import calls
from tests.docs.pages import bare, column, table

PAGE = "docs/operating.md"
REQUESTS = ("request", "what happens when it is seconded", "who may make it")


def test_every_notice_is_explained():
    told = [(bare(row[0]), row[1], row[2]) for row in table(PAGE, "notice", "when", "can be switched off")]
    assert told == [(kind.name, kind.when, "yes" if kind.can_be_off else "no") for kind in KINDS.values()]


def test_every_role_is_explained():
    assert column(PAGE, ("role", "for", "may"), "role") == list(ROLES)


def test_every_request_is_explained_with_who_may_make_it():
    told = {bare(row[0]): bare(row[2]).split(", ") for row in table(PAGE, *REQUESTS)}
    by_label = {
        act.label: [name for name, acts in ROLES.items() if act.needs in acts] for act in ACTS.values()
    }
    assert told == by_label


def test_everything_that_staff_can_do_with_a_payout_is_explained():
    assert set(column(PAGE, ("act", "from", "effect"), "act")) == {act.label for act in payout_acts.ACTS}


def test_every_line_of_the_first_page_is_explained():
    told = set(column(PAGE, ("on the first page", "what it means", "what to do"), "on the first page"))
    found = {call.said("label", 0) for call in calls("Need", "_payouts")}
    found |= {
        "Opening items to release or mark as paid",
        "Returned, waiting to go out again",
        "Clawbacks to decide",
    }
    labels = {label for label in found if label}
    assert {re.sub(r"\s+", " ", label) for label in labels} == told


def test_the_titles_of_alarms_are_explained():
    told = set(column(PAGE, ("alarm", "what happened", "what to do"), "alarm"))
    # The one that is not written where it is raised is the name of an invariant.
    titles = {call.said("title") or "the name of a promise" for call in calls("raise_alert")}
    assert titles == told


def test_the_kinds_of_incidents_are_explained():
    told = set(column(PAGE, ("kind", "what was seen"), "kind"))
    found = {call.said("kind", 0) for call in calls("Evidence", "Difference")} | {
        call.said("kind", 1) for call in calls("_evidence")
    }
    assert found - {None} == told


def test_what_comes_round_is_explained_with_how_often():
    told = [(bare(row[0]), row[1]) for row in table(PAGE, "task", "how often", "what it does")]
    assert told == [(one.name, _how_often(one)) for one in PLAN]


def _how_often(one: Planned) -> str:
    if one.at is not None:
        return f"daily at {one.at:%H:%M} UTC"
    hours, minutes = divmod(one.minutes, 60)
    if hours and not minutes:
        return "every hour" if hours == 1 else f"every {hours} hours"
    return "every minute" if one.minutes == 1 else f"every {one.minutes} minutes"


def test_every_command_of_ours_is_explained():
    ours = {
        name for name, app in get_commands().items() if app in {"accounts", "payments", "payouts", "flexsync"}
    }
    assert set(column(PAGE, ("command", "what it does", "exit 1"), "command")) == ours
