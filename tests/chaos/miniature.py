"""A whole installation inside this process, put back to its beginning in a moment: for short stories by the thousand.

PostgreSQL is the real one, with a clock that tests move. Sharetribe is its sandbox, the providers are those of
`bank`; neither costs a socket.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import Final
from unittest import mock
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import connection, connections
from django.db.models import Q

from accounts.models import Payee, User
from flexsync import restoring
from marketplace_payouts.lib import crash_points
from marketplace_payouts.lib.clock import database_now, utc_now
from marketplace_payouts.lib.embedded_postgres import APP
from marketplace_payouts.lib.http import json_body
from payouts import (
    dissolving,
    holding,
    incarnation,
    intervention,
    restore,
    submission,
    webhooks,
)
from payouts.errors import DomainError
from payouts.models import (
    Attempt,
    AttemptState,
    Hold,
    Incident,
    OutboxMessage,
    Payable,
    Payout,
    PayoutMethod,
    SourceCheck,
    State,
)
from payouts.providers import registry
from payouts.providers.base import RawWebhook, Status
from tests import database
from tests.chaos import bank, inside, story
from tests.chaos.bank import Died, Paid, Till
from tests.chaos.promises import Promises
from tests.stories.world import World

SELLERS: Final = (
    ("anna", "bank", UUID("0191cccc-0000-4000-8000-000000000001")),
    ("bea", "bank", UUID("0191cccc-0000-4000-8000-000000000002")),
    ("cleo", "teller", UUID("0191cccc-0000-4000-8000-000000000003")),
)
"""Who sells, through which provider they are paid, and their id in Sharetribe."""

LARGE: Final = 200_000
"""A price whose payout two people must approve."""


class Ground:
    """The database and the services; `restart` puts everything back to the beginning."""

    def __init__(self, url: str, services: Mapping[str, inside.InsideService]) -> None:
        self.url, self.flex = url, services["flex"]
        self.offset = timedelta(0)
        bank.reset(now=self.now)
        self._sign_up()
        self.world = Installation(self, is_new=True)
        self.world.prepare()
        self._first = database.Cleaner(url)

    def now(self) -> datetime:
        """The services' moment; the database's is the same."""
        return utc_now() + self.offset

    def restart(self) -> Installation:
        """Begin anew."""
        connections.close_all()
        self._first.clean()
        self.offset = timedelta(0)
        self._set_clock()
        self.flex.reset()
        self._sign_up()
        bank.reset(now=self.now)
        crash_points.install(None)
        self.world = Installation(self, is_new=False)
        return self.world

    def pass_time(self, **time_: float) -> None:
        """Let time go by for everybody."""
        self.offset += timedelta(**time_)
        self._set_clock()

    def _set_clock(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE chaos.skew SET ahead = make_interval(secs => %s)", [self.offset.total_seconds()]
            )

    def _sign_up(self) -> None:
        for name, _, pk in SELLERS:
            self.flex.post("/_sandbox/users", {"id": str(pk), "email": f"{name}@example.com"})

    def close(self) -> None:
        """Leave the database."""
        self._first.close()


class Installation(World):
    """The world of the stories on this ground: its verbs, and those of services that lie beyond a story's reach."""

    def __init__(self, ground: Ground, *, is_new: bool) -> None:
        self.ground = ground
        if is_new:
            super().__init__(ground.flex, ground.flex)
        else:
            self.flex = self.paypal = ground.flex
            people = {user.email: user for user in User.objects.filter(is_staff=True)}
            self.alice, self.bob, self.carol, self.dave = (
                people[f"{name}@example.com"] for name in ("alice", "bob", "carol", "dave")
            )
        self.promises = Promises(ground.url)
        self.backup: database.Cleaner | None = None

    @property
    def now(self) -> datetime:
        """The present, by the database's clock."""
        return database_now(connection)

    def prepare(self) -> None:
        """Open for business, and let the sellers say where they want to be paid."""
        marketplace = self.open_for_business(currencies=("EUR",))
        for name, provider, pk in SELLERS:
            payee = Payee.objects.create(
                marketplace=marketplace, flex_user_id=pk, name=name, email=f"{name}@example.com"
            )
            self.paid_through(payee, provider, name)

    def paid_through(self, payee: Payee, provider: str, account: str) -> PayoutMethod:
        """Have a seller paid so from now on."""
        fields = {"payee": str(payee.pk), "provider": provider, "checked": "Called the payee."}
        self.second("method_add", fields, secret={"account": account})
        return PayoutMethod.objects.get(payee=payee, retired_at__isnull=True)

    def payee_called(self, name: str) -> Payee:
        """Give a seller, by the name that they had at first."""
        pk = next(pk for known, _, pk in SELLERS if known == name)
        return Payee.objects.get(flex_user_id=pk)

    # The providers -------------------------------------------------------------------------------------------

    @property
    def tills(self) -> list[Till]:
        """Both services."""
        return list(bank.TILLS.values())

    @property
    def paid_items(self) -> list[Paid]:
        """Every payment that either knows of."""
        return [item for till in self.tills for item in till.items]

    def everything_arrives(self) -> None:
        """Let whatever is on its way arrive."""
        for till in self.tills:
            till.land()
            for item in till.items:
                till.turn(item, Status.PAID)

    def webhook(self, name: str, **hint: str) -> int:
        """Have a provider tell something; what it says need not be so any more."""
        body = json_body({"kind": "status", **hint})
        headers = {"x-seal": bank.SIGNATURE}
        return webhooks.receive(registry.get(name), RawWebhook(headers, body, self.now))

    # Working -------------------------------------------------------------------------------------------------

    def approve_all(self) -> None:
        """Approve as often as the amounts ask for."""
        for by in (self.carol, self.dave):
            self.approve(by=by)

    def until_approved(self) -> None:
        """Everything that can be approved is."""
        self.decide()
        self.approve_all()

    def until_sent(self, *script: str) -> None:
        """Everything that can be sent is; the tills answer by the script."""
        self.until_approved()
        self.reread()
        self.hand_in(*script)

    def hand_in(self, *script: str) -> None:
        """Send once, with the tills answering so; the sender may die in it."""
        for till in self.tills:
            till.script.clear()
            till.script.extend(script)
        Payout.objects.filter(state=State.APPROVED).update(next_at=self.now)
        try:
            self.dying(lambda: submission.send(limit=15_000, now=self.now))
        finally:
            for till in self.tills:
                till.script.clear()

    def dying(self, act: Callable[[], object]) -> bool:
        """Do something in which the process may die; tells whether it did."""
        try:
            act()
        except Died:
            connection.close()
            return True
        return False

    def lease_is_over(self) -> None:
        """Let time pass until every lease has run out."""
        self.ground.pass_time(seconds=settings.SEND_LEASE.total_seconds() + 1)

    # A backup ------------------------------------------------------------------------------------------------

    def take_backup(self) -> None:
        """Keep the database as it is now."""
        connections.close_all()
        self.backup = database.Cleaner(self.ground.url)

    def put_back(self, *, looks_the_same: bool = False) -> None:
        """Put the backup back: into another database, or as a snapshot of the disk, which looks like the same one."""
        assert self.backup is not None
        self.promises.see()
        connections.close_all()
        self.backup.clean()
        self.forget_backup()
        self.ground.pass_time(seconds=1)
        if not looks_the_same:
            with psycopg.connect(self.ground.url, autocommit=True) as session:
                session.execute("SET session_replication_role = replica")
                session.execute("UPDATE payouts_incarnation SET database_oid = database_oid + 1")
        self.promises.is_restored = True

    def leave(self) -> None:
        """Leave the database."""
        self.forget_backup()
        self.promises.close()

    def forget_backup(self) -> None:
        """Keep it no longer."""
        if self.backup is not None:
            self.backup.close()
            self.backup = None

    def after_restore(self) -> bool:
        """Be the engineer; tells whether the database may send."""
        return restore.after_restore(
            by="engineer", witness=restoring.find_strangers, stopped_at=None, now=self.now
        ).accepted

    # People who tell the truth -------------------------------------------------------------------------------

    def resolve(self, payout: Payout) -> bool:
        """Have two people say what became of an unknown payout, where they can know; tells whether they could."""
        attempt = Attempt.objects.filter(payout=payout, state=AttemptState.UNKNOWN).first()
        outcome = "" if attempt is None else self._truth(attempt)
        if not outcome:
            return False
        fields = {"payout": str(payout.pk), "outcome": outcome, "document": "A letter"}
        with contextlib.suppress(DomainError):  # somebody is asking about it just now
            self.second("resolve_unknown", fields, by=self.carol)
            return True
        return False

    def _truth(self, attempt: Attempt) -> str:
        till = bank.TILLS[attempt.provider]
        known = [item for item in till.items if item.key == attempt.key]
        if any(item.status is Status.PAID for item in known):
            return "paid"
        if known or till.may_land(attempt.key):
            return ""
        return "not_paid"

    def look_after_holds(self) -> None:
        """Lift what rules left to people, unless it stands on what was paid already."""
        open_now = Hold.objects.filter(lifted_at__isnull=True, rule__in=holding.LIFTED_BY_PEOPLE - {"staff"})
        ids = [one.pk for one in open_now if not self._is_right(one)]
        holding.lift(by=self.bob, hold_ids=ids, reason="Looked into it.", now=self.now)

    def _is_right(self, hold: Hold) -> bool:
        """Whether something that it stands on has truly been paid already, though our books do not say so."""
        payouts = Payout.objects.filter(holding.covered([hold])).exclude(
            state__in=(State.PAID, State.RETURNED)
        )
        covers = set(payouts.values_list("pk", flat=True))
        loose = Payable.objects.filter(Q(payee_id=hold.payee_id), settled="") if hold.payee_id else []
        return self.promises.is_paid(payouts=covers, payables=[one.pk for one in loose])

    def close_incidents(self) -> None:
        """Have two people close whatever is open."""
        for incident in Incident.objects.filter(closed_at__isnull=True):
            fields = {"incident": str(incident.pk), "explanation": "Looked into it."}
            self.second("incident_close", fields, by=self.carol)

    # The end -------------------------------------------------------------------------------------------------

    def come_to_rest(self, *, rounds: int = 14) -> list[str]:
        """Let everything come to its end, with nothing going wrong any more; gives what does not."""
        crash_points.install(None)
        for till in self.tills:
            till.script.clear()
            till.blind = 0
            till.nameless = False
        self.flex.delete("/_sandbox/faults")
        by_staff = Hold.objects.filter(lifted_at__isnull=True, rule="staff").values_list("pk", flat=True)
        # By somebody who approves nothing: whoever touches a hold must not.
        holding.lift(by=self.bob, hold_ids=list(by_staff), reason="Done.", now=self.now)
        for payee in Payee.objects.filter(frozen_at__isnull=False):
            holding.thaw(by=self.bob, payee_id=payee.pk, reason="Done.", now=self.now)
        left: list[str] = []
        for n in range(rounds):
            self._one_round()
            left = self.open_ends()
            if not left:
                break
            self.ground.pass_time(hours=1 if n < 4 else 12)
        return left

    def _one_round(self) -> None:
        if not incarnation.is_accepted():
            self.after_restore()
        self.everything_arrives()
        self.hear_back()
        self.close_incidents()
        self.look_after_holds()
        for payout in Payout.objects.filter(state=State.UNKNOWN):
            self.resolve(payout)
        self.hear()
        self.decide_clawbacks()
        self._move_on()
        self.until_approved()
        self.send()
        self.everything_arrives()
        self.hear_back()

    def _move_on(self) -> None:
        """Send what failed again, or let go of what goes to where the payee is paid no more."""
        stuck = Payout.objects.filter(state__in=(State.FAILED, State.APPROVED))
        retired = list(stuck.filter(method__retired_at__isnull=False).values_list("pk", flat=True))
        failed = list(
            stuck.filter(state=State.FAILED, method__retired_at__isnull=True).values_list("pk", flat=True)
        )
        if retired:
            intervention.cancel(by=self.bob, payout_ids=retired, reason="Another method.", now=self.now)
        if failed:
            intervention.retry(by=self.bob, payout_ids=failed, reason="Again.", now=self.now)

    def decide_clawbacks(self, decision: str = "write_off") -> None:
        """Have two people decide what was paid too much, and release what came back.

        What was not paid yet is not written off: its payout is let go, and the two meet in the next one.
        """
        waiting = Payable.objects.filter(settled="")
        for row in waiting.filter(waits_for=Payable.Waits.CLAWBACK):
            covering = Payout.objects.filter(
                lines__payable=row.original_id, lines__released_at__isnull=True
            ).first()
            if covering is not None and covering.state in dissolving.DISSOLVABLE:
                self.cancel(covering)
            if covering is None or covering.state in dissolving.DISSOLVABLE:
                self.second("clawback_decide", {"payable": str(row.pk), "decision": "net"})
            elif covering.state in (State.PAID, State.RETURNED):
                self.second("clawback_decide", {"payable": str(row.pk), "decision": decision})
        back = list(waiting.filter(waits_for=Payable.Waits.RETURNED).values_list("pk", flat=True))
        if not back:
            return
        intervention.release_payables(by=self.bob, payable_ids=back, reason="Again.", now=self.now)

    def cancel(self, *payouts: Payout) -> None:
        """Have a person let these go."""
        ids = [one.pk for one in payouts]
        intervention.cancel(by=self.bob, payout_ids=ids, reason="Not so.", now=self.now)

    def open_ends(self) -> list[str]:
        """What neither came to its end nor is held for a reason that holds."""
        ends = (State.PAID, State.RETURNED, State.CANCELLED)
        left = [
            f"{payout.number} is {payout.state}: {payout.blocked_by} {payout.reason}"
            for payout in Payout.objects.exclude(state__in=ends)
            if not self._is_rightly_held(payout)
        ]
        held = Hold.objects.filter(payee__isnull=False, lifted_at__isnull=True).values("payee")
        left += [
            f"payable {row.pk} of {row.payee} is open: {row.blocked_by} {row.waits_for}"
            for row in Payable.objects.filter(settled="").exclude(payee__in=held).select_related("payee")
        ]
        left += [f"{m.kind} untold: {m.error}" for m in OutboxMessage.objects.filter(next_at__isnull=False)]
        return left

    def _is_rightly_held(self, payout: Payout) -> bool:
        stranger = SourceCheck.objects.filter(
            source__payables__payout_lines__payout=payout, foreign_payout__gt=""
        )
        held = [h for h in Hold.objects.filter(lifted_at__isnull=True) if _covers(h, payout)]
        return stranger.exists() or any(self._is_right(one) for one in held)


def _covers(hold: Hold, payout: Payout) -> bool:
    return Payout.objects.filter(holding.covered([hold]), pk=payout.pk).exists()


@contextmanager
def ground() -> Iterator[Ground]:
    """Have a ground for as long as needed; the process's own settings are as before afterwards."""
    with ExitStack() as stack:
        admin = stack.enter_context(database.admin_url())
        url = stack.enter_context(database.clone(admin, of=database.template(admin)))
        with psycopg.connect(url, autocommit=True) as session:
            session.execute(story.CLOCK)
        running = stack.enter_context(inside.services("flex"))
        stack.enter_context(_settings(url, running))
        made = Ground(url, running)
        stack.callback(made.close)
        yield made


@contextmanager
def _settings(url: str, services: Mapping[str, inside.InsideService]) -> Iterator[None]:
    present = connections.settings["default"]
    before, options = dict(present), dict(present["OPTIONS"])
    environment = {"EXTRA_PROVIDERS": bank.EXTRA}
    with ExitStack() as stack:
        for service in services.values():
            environment |= service.environment()
            for name, value in service.environment().items():
                if hasattr(settings, name):
                    stack.enter_context(mock.patch.object(settings, name, value))
        stack.enter_context(mock.patch.dict(os.environ, environment))
        connections.close_all()
        present |= database.django_address(database.as_role(url, APP))
        present["OPTIONS"]["options"] += f" {story.SEARCH_PATH}"
        registry.reset()
        try:
            yield
        finally:
            crash_points.install(None)
            connections.close_all()
            present.update(before)
            present["OPTIONS"].clear()
            present["OPTIONS"].update(options)
            registry.reset()
