"""A whole installation inside this process, put back to its beginning in a moment: for short stories by the thousand.

PostgreSQL is the real one, with a clock that tests move. Sharetribe is its sandbox, the providers are those of
`bank`, with the services of `tills`; neither costs a socket.
"""

from __future__ import annotations

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

from accounts.models import Payee, User
from flexsync import restoring
from marketplace_payouts.lib import crash_points
from marketplace_payouts.lib.clock import database_now, utc_now
from marketplace_payouts.lib.embedded_postgres import APP
from marketplace_payouts.lib.http import json_body
from payouts import (
    holding,
    incarnation,
    intervention,
    restore,
    submission,
    webhooks,
)
from payouts.models import (
    Payout,
    PayoutMethod,
    State,
)
from payouts.providers import registry
from payouts.providers.base import RawWebhook, Status
from tests import database
from tests.chaos import bank, inside, story, tills
from tests.chaos.promises import Promises
from tests.chaos.staff import Staff
from tests.chaos.tills import Died, Paid, Till

SELLERS: Final = (
    ("anna", "bank", UUID("0191cccc-0000-4000-8000-000000000001")),
    ("bea", "bank", UUID("0191cccc-0000-4000-8000-000000000002")),
    ("cleo", "teller", UUID("0191cccc-0000-4000-8000-000000000003")),
    ("dora", "chain", UUID("0191cccc-0000-4000-8000-000000000004")),
)
"""Who sells, through which provider they are paid, and their id in Sharetribe."""

LARGE: Final = 200_000
"""A price whose payout two people must approve."""


class Ground:
    """The database and the services; `restart` puts everything back to the beginning."""

    def __init__(self, url: str, services: Mapping[str, inside.InsideService]) -> None:
        self.url, self.flex = url, services["flex"]
        self.offset = timedelta(0)
        tills.reset(now=self.now)
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
        tills.reset(now=self.now)
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


class Installation(Staff):
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
        return [tills.TILLS[name] for name in tills.NAMES]

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

    def retry(self, *payouts: Payout) -> None:
        """Have a person send these again."""
        ids = [one.pk for one in payouts]
        intervention.retry(by=self.bob, payout_ids=ids, reason="Again.", now=self.now)

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
        self.remember_payments_by_hand()
        return restore.after_restore(
            by="engineer", witness=restoring.find_strangers, stopped_at=None, now=self.now
        ).accepted

    # The end -------------------------------------------------------------------------------------------------

    def come_to_rest(self, *, rounds: int = 14) -> list[str]:
        """Let everything come to its end, with nothing going wrong any more; gives what does not."""
        crash_points.install(None)
        for till in self.tills:
            till.script.clear()
            till.blind = 0
            till.nameless = False
            till.misread.clear()
        self.flex.delete("/_sandbox/faults")
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

    def go_on_resting(self) -> list[str]:
        """Let time go by, and everybody do their work, once everything has come to rest; gives what is late then."""
        self.ground.pass_time(hours=2)
        self._one_round()
        return self.promises.late(now=self.now)

    def _one_round(self) -> None:
        if not incarnation.is_accepted():
            self.after_restore()
        self.everything_arrives()
        self.hear_back()
        self.close_incidents()
        self.release_holds()
        self.look_after_holds()
        for payout in Payout.objects.filter(state=State.UNKNOWN):
            self.resolve(payout)
        self.hear()
        self.decide_clawbacks()
        self.move_on()
        self.until_approved()
        self.send()
        self.everything_arrives()
        self.hear_back()


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
