"""What happens in every case: some sales, from Sharetribe's event to the seller's money, with staff and webhooks.

Prepared once per provider; then told by whoever lives: one process begins, and if it dies the next one goes on.
"""

from __future__ import annotations

import base64
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import requests
from django.conf import settings
from django.db import connection, connections
from django.test import Client

from accounts.models import User
from flexsync import poller, replaying, restoring, resync, user_telling
from marketplace_payouts.lib.clock import database_now
from payments.models import PaymentIn
from payouts import (
    holding,
    incarnation,
    intervention,
    reconciliation,
    reconciling,
    restore,
    stages,
    webhook_addresses,
)
from payouts.invariants import running as invariants
from payouts.models import (
    Attempt,
    AttemptState,
    Batch,
    Incarnation,
    OutboxMessage,
    Payout,
    Source,
    State,
    WebhookDelivery,
    WebhookMessage,
    WebhookSubscription,
)
from payouts.notices import earning, reminding
from payouts.providers import registry
from payouts.providers.base import Status
from payouts.subscriptions import signing, subscribing
from payouts.subscriptions.events import EVENTS
from tests import database
from tests.providers.two_step.running import PROVIDER as TWO_STEP
from tests.sandbox_services import SandboxService
from tests.stories.world import World
from tests.subscriptions.verifying import verify

SELLERS: Final = {
    "paypal": ("anna@example.com", "unclaimed+bea@example.com"),
    "two_step": ("anna", "bounce+bea"),
}
"""Whose money arrives, and whose comes back: by PayPal because nobody claims it, by two steps because it bounces."""

CLOCK: Final = """
    CREATE SCHEMA chaos;
    CREATE TABLE chaos.skew (ahead interval NOT NULL);
    INSERT INTO chaos.skew VALUES ('0');
    CREATE FUNCTION chaos.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
        AS 'SELECT pg_catalog.clock_timestamp() + (SELECT ahead FROM chaos.skew)';
    GRANT USAGE ON SCHEMA chaos TO PUBLIC;
    GRANT SELECT, UPDATE ON chaos.skew TO PUBLIC;
"""
"""A clock in front of PostgreSQL's own, which tests move: leases and back-offs end without anybody waiting."""
SUBSCRIBER: Final = "/subscriber"
"""Where, beside a case's webhooks, the marketplace is told of what happens."""
SEARCH_PATH: Final = "-c search_path=chaos,pg_catalog,public"

ANOTHER_DATABASE: Final = """
    INSERT INTO payouts_incarnation (id, system_identifier, timeline, database_oid, table_oid, environment,
                                     accepted_at, accepted_by)
    VALUES ('01900000-0000-7000-8000-000000000000', 'another server', 1, 1, 1, 'test',
            now() - interval '1 day', 'rule:first use')
"""
"""What a database remembers that was restored from a dump of another one."""

# By how much time goes on after each round in which not everything came to its end.
_PASSES: Final = (6, 6, 60, 190, 310, 310, 610, 610, 3610, 3610, 3610, 7210, 7210)
# What the provider never had, or refused, and neither of which is on its way any more.
_ENDED: Final = (AttemptState.ABSENT, AttemptState.REFUSED)


class NotOver(AssertionError):
    """The story did not come to its end within its rounds."""


@contextmanager
def pointed_at(url: str, services: Mapping[str, SandboxService]) -> Iterator[None]:
    """Point this process, a fork, at a case's own database and services."""
    address = database.django_address(url)
    options = connections.settings["default"]["OPTIONS"]
    if "search_path" not in options["options"]:
        options["options"] += f" {SEARCH_PATH}"
    connections.settings["default"] |= address
    for service in services.values():
        for name, value in service.environment().items():
            os.environ[name] = value
            if hasattr(settings, name):
                setattr(settings, name, value)
    os.environ["DEBUG"] = "1"
    if "two_step" in services:
        os.environ["EXTRA_PROVIDERS"] = TWO_STEP
    registry.reset()
    yield
    connections.close_all()


class Installation(World):
    """The world of the stories, whose people are there already, and whose clock is the database's."""

    def __init__(self, provider: str, services: Mapping[str, SandboxService], *, is_new: bool) -> None:
        self.provider = provider
        self.service = services[provider]
        if is_new:
            super().__init__(services["flex"], services[provider])
            return
        self.flex = self.paypal = services["flex"]
        people = {user.email: user for user in User.objects.filter(is_staff=True)}
        self.alice, self.bob, self.carol, self.dave = (
            people[f"{name}@example.com"] for name in ("alice", "bob", "carol", "dave")
        )

    @property
    def now(self) -> datetime:
        """The present, by the database's clock."""
        return database_now(connection)

    def prepare(self) -> dict[str, str]:
        """Open for business, and let each seller sell something; gives where each wants to be paid."""
        self.open_for_business(currencies=("EUR",))
        subscribing.add(
            by=self.alice,
            url=f"http://127.0.0.1:9{SUBSCRIBER}",  # each case has a place of its own for it
            description="Shop",
            types=list(EVENTS),
            now=self.now,
        )
        # The cases' databases are copies of this one, and would tell and send nothing: each is to be new.
        Incarnation.objects.all().delete()
        wanted = {}
        for place in SELLERS[self.provider]:
            payee = self.seller(place, method=self.provider == "paypal")
            if self.provider == "two_step":
                fields = {"payee": str(payee.pk), "provider": "two_step", "checked": "Called the payee."}
                self.second("method_add", fields, secret={"account": place})
            sale = self.sale(payee)
            # Told by the payment system before Sharetribe tells us of the sale, and besides what Sharetribe shows.
            self.buyer(sale, "succeeded", 10_000, reference=f"paid for {place}")
            wanted[str(payee.flex_user_id)] = place
        return wanted

    # Living --------------------------------------------------------------------------------------------------

    def live(
        self, scenario: Scenario, letters: Callable[[], list[dict[str, Any]]], *, rounds: int | None = None
    ) -> None:
        """Do all there is to do, round after round, until everything came to its end.

        :raises NotOver: when it does not.
        """
        self._carried, is_tidy = 0, not scenario.has_chores
        for seconds in _PASSES[:rounds]:
            self._work()
            if scenario.is_restored:
                self._accept()
            if self._decide():
                self._work("reread")
            if self._carry(letters()):
                self._work("work_off")
            if (self._carried or scenario.is_silent) and not any(self.open_ends().values()):
                if is_tidy:
                    return
                self._do_chores()
                is_tidy = True
            self.pass_time(seconds)
        raise NotOver(f"It is not over: {self.open_ends()}")

    def _work(self, start: str = "") -> None:
        if not start:
            poller.poll(limit_seconds=0, now=self.now)
        done = stages.work(seconds=60, start=start)
        # What runs apart has a task of its own.
        for name in stages.APART:
            done.errors.update(stages.work(seconds=60, start=name).errors)
        if done.errors:
            raise stages.StagesFailed(done.errors)

    def _accept(self) -> None:
        """Be the engineer after a restore."""
        if not incarnation.is_accepted():
            restore.after_restore(
                by="engineer", witness=restoring.find_strangers, stopped_at=None, now=self.now
            )

    def _do_chores(self) -> None:
        """Do what is done now and then: funds, lists, a resync, a transaction replayed, words to payees and of them."""
        reconciliation.read_funds(now=self.now)
        reconciling.reconcile_all(now=self.now)
        resync.resync(since=None, now=self.now)
        replaying.replay(source_id=Source.objects.earliest("created_at").pk, now=self.now)
        reminding.remind(limit=100, now=self.now)
        earning.tell_of_days(now=self.now)
        user_telling.stage_news(now=self.now)

    def _decide(self) -> bool:
        """Be the staff: approve what awaits it, cancel what nobody claims, retry what failed."""
        waiting = Payout.objects.filter(state=State.AWAITING_APPROVAL).exists()
        if waiting:
            self.approve()
        unclaimed = Attempt.objects.filter(state=AttemptState.ACCEPTED, status=Status.AWAITING_PAYEE)
        if cancelled := list(unclaimed.values_list("payout_id", flat=True)):
            intervention.cancel(by=self.bob, payout_ids=cancelled, reason="Unclaimed.", now=self.now)
        failed = Payout.objects.filter(state=State.FAILED, attempts__state__in=_ENDED).distinct()
        if retried := list(failed.values_list("pk", flat=True)):
            intervention.retry(by=self.bob, payout_ids=retried, reason="Sent again.", now=self.now)
        return waiting or bool(cancelled or retried)

    def stop(self) -> None:
        """Have a person say that nothing may be sent."""
        holding.stop(by=self.alice, reason="Stop!", now=self.now)

    def resume(self) -> None:
        """Have another lift that."""
        holding.resume(by=self.bob, reason="Go on.", now=self.now)

    def _carry(self, letters: list[dict[str, Any]]) -> bool:
        """Bring webhooks to the product's own door, as the provider does."""
        client = Client(raise_request_exception=True)
        address = f"/webhooks/{self.provider}/{webhook_addresses.token(self.provider)}/"
        for letter in letters[self._carried :]:
            headers = {name: value for name, value in letter["headers"].items() if name != "Content-Length"}
            answer = client.post(
                address,
                data=base64.b64decode(letter["body"]),
                content_type="application/json",
                headers=headers,
            )
            assert answer.status_code == 200, answer.content
        new, self._carried = len(letters) > self._carried, len(letters)
        return new

    def pass_time(self, seconds: float) -> None:
        """Let time go by, for the database and the provider alike."""
        with connection.cursor() as cursor:
            cursor.execute("UPDATE chaos.skew SET ahead = ahead + make_interval(secs => %s)", [seconds])
        self.service.advance(seconds)

    def open_ends(self) -> dict[str, list[str]]:
        """What has not come to its end, by kind."""
        ends = (State.PAID, State.RETURNED, State.CANCELLED)
        return {
            "payouts": [
                f"{p.number} {p.state} {p.blocked_by}" for p in Payout.objects.exclude(state__in=ends)
            ],
            "payments": [str(one.pk) for one in PaymentIn.objects.filter(next_at__isnull=False)],
            "sources": [str(one.pk) for one in Source.objects.filter(next_at__isnull=False)],
            "messages": [f"{m.kind} {m.error}" for m in OutboxMessage.objects.filter(next_at__isnull=False)],
            "batches": [str(b.pk) for b in Batch.objects.filter(state__in=("committed", "sent", "unknown"))],
            "webhooks": [str(w.pk) for w in WebhookDelivery.objects.filter(state="new")],
            "news": [f"{m.type} {m.error}" for m in WebhookMessage.objects.filter(next_at__isnull=False)],
            "sales": [] if Payout.objects.exists() else ["nothing was heard"],
        }

    def broken_promises(self) -> list[str]:
        """What `check_invariants` finds."""
        asked = invariants.check(since=None, now=self.now)
        return [f"{one.invariant.name}: {found}" for one in asked for found in one.found]

    def unheard(self, letters: Callable[[], list[dict[str, Any]]]) -> list[str]:
        """What the subscriber was not told of, or not as it should have been."""
        secrets = signing.secrets_of(WebhookSubscription.objects.get(), now=self.now)
        heard: dict[str, set[bytes]] = defaultdict(set)
        for letter in letters():
            headers = {name.lower(): value for name, value in letter["headers"].items()}
            body = base64.b64decode(letter["body"])
            if len(body) < int(headers["content-length"]):
                continue  # whoever sent it died in the middle
            signed_at = float(headers["webhook-timestamp"])
            heard[verify(headers, body, secrets[0], now=signed_at)].add(body)
        told = {message.public_id for message in WebhookMessage.objects.filter(delivered_at__isnull=False)}
        kinds = set(WebhookMessage.objects.values_list("type", flat=True))
        return [
            *(f"{one} counts as delivered, and never arrived." for one in told - heard.keys()),
            *(f"{one} came in different bytes." for one, bodies in heard.items() if len(bodies) > 1),
            *(
                f"Nobody was told of {one}."
                for one in {"payable.owed", "payout.approved", "payout.paid"} - kinds
            ),
        ]


def letters_at(url: str) -> Callable[[], list[dict[str, Any]]]:
    """Give what fetches a case's webhooks; the first time, waits a moment for one to come."""

    def fetch() -> list[dict[str, Any]]:
        with requests.Session() as session:
            session.trust_env = False
            for _ in range(40):
                found: list[dict[str, Any]] = session.get(url, timeout=10).json()
                if found or not Payout.objects.filter(state__in=(State.SUBMITTED, State.PAID)).exists():
                    return found
                time.sleep(0.05)
        return []

    return fetch


@dataclass(frozen=True, slots=True, eq=False)
class Scenario:
    """One way in which the story goes: through which provider, and what goes wrong at it by itself."""

    name: str
    provider: str
    faults: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    is_restored: bool = False
    """Whether the database finds itself to be another one than was accepted."""
    is_silent: bool = False
    """Whether no webhook comes."""
    has_chores: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether nothing special happens in it."""
        return not (self.faults or self.is_restored or self.has_chores)


_BATCHES: Final = "/v1/payments/payouts"


def _once(kind: str, path: str, method: str = "POST", **more: Any) -> tuple[str, Mapping[str, Any]]:
    return kind, {"times": 1, "match": {"path": path, "method": method}, **more}


SCENARIOS: Final = (
    Scenario("paypal", "paypal"),
    Scenario("two_step", "two_step"),
    Scenario(
        "paypal, troubled",
        "paypal",
        (
            _once("rate_limit", f"{_BATCHES}$"),
            _once("drop_after", f"{_BATCHES}$"),
        ),
        is_restored=True,
        has_chores=True,
    ),
    Scenario(
        "paypal, silent",
        "paypal",
        (
            ("webhook_lose", {}),
            _once("error_after", f"{_BATCHES}$", status=500),
            _once("drop_after", f"{_BATCHES}$"),
        ),
        is_silent=True,
    ),
    Scenario(
        "paypal, forgetful",
        "paypal",
        (
            _once("drop_before", f"{_BATCHES}/[^/]+$", "GET"),
            _once("error_before", f"{_BATCHES}/[^/]+$", "GET", status=404),
            # The look-up that follows.
            _once("drop_before", f"{_BATCHES}/[^/]+$", "GET"),
            ("late_cancel_refused", {"times": 1}),
        ),
    ),
    Scenario(
        "two_step, troubled",
        "two_step",
        (
            _once("rate_limit", "/transfers$"),
            _once("drop_after", "/transfers/[^/]+/fund$"),
            _once("drop_before", "/transfers/[^/]+/fund$"),
        ),
        is_restored=True,
        has_chores=True,
    ),
    Scenario(
        "two_step, forgetful",
        "two_step",
        (
            _once("error_before", "/transfers/[^/]+$", "GET", status=404),
            _once("drop_before", "/transfers/[^/]+$", "GET"),
        ),
    ),
    Scenario(
        "two_step, silent",
        "two_step",
        (("webhook_lose", {}), _once("drop_after", "/transfers/[^/]+/fund$")),
        is_silent=True,
    ),
    # One payment fails after its debit, and its webhook, rightly signed, says that it arrived.
    Scenario("two_step, boastful", "two_step", (("refuse", {"times": 1}), ("boast", {}))),
)
