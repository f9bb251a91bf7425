"""A whole installation for a story: Sharetribe and PayPal on loopback, staff, rules, and the stages to be run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group
from django.db import connection
from django.db.models import Max

from accounts.models import Marketplace, Payee, User
from flexsync import identity, interpreter, poller, rereading
from flexsync.models import FlexCursor, FlexEvent
from marketplace_payouts.lib import crash_points
from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.money import Money
from payments.recording import Answer
from payments.words import OUTCOMES, PaymentWord
from payouts import (
    approval,
    counting,
    outbox,
    reconciliation,
    requests,
    scheduling,
    settlement,
    submission,
    webhooks,
)
from payouts.invariants import running
from payouts.models import (
    Attempt,
    Batch,
    Hold,
    Incident,
    OutboxMessage,
    Payable,
    Payout,
    PayoutMethod,
    Request,
    SourceCheck,
    State,
    Trigger,
)
from payouts.outcomes import Done
from tests.sandbox_services import SandboxService
from tests.stories.books import balances, disagreements

PROCESS = "payout-process"
CREATE = "/v1/payments/payouts$"
"""PayPal's address at which batches are made."""


class Crashed(BaseException):
    """The process died here, as far as the story is concerned; nothing catches it, as nothing catches a kill."""


class World:
    """What a story needs: people with their roles, and verbs that read like the story."""

    def __init__(self, flex: SandboxService, paypal: SandboxService) -> None:
        self.flex, self.paypal = flex, paypal
        self.skew = timedelta(0)
        self.alice = self.staff("alice@example.com", "operator", "administrator")
        self.bob = self.staff("bob@example.com", "approver", "administrator")
        self.carol = self.staff("carol@example.com", "approver")
        self.dave = self.staff("dave@example.com", "approver")

    @property
    def now(self) -> datetime:
        """The business moment: the clock, and what the story has let pass."""
        return utc_now() + self.skew

    # People and rules ----------------------------------------------------------------------------------------

    def staff(self, email: str, *roles: str) -> User:
        """Hire somebody."""
        user = User.objects.create_user(email, is_staff=True)
        user.groups.set(Group.objects.filter(name__in=roles))
        return user

    def ask_for(self, act: str, payload: dict[str, Any], *, by: User | None = None, **more: Any) -> Request:
        """Have one person ask for something that another must second."""
        return requests.make(
            act=act, by=by or self.alice, payload=payload, reason="Story.", now=self.now, **more
        )

    def second(self, act: str, payload: dict[str, Any], *, by: User | None = None, **more: Any) -> None:
        """Have one person ask for something and another second it."""
        made = self.ask_for(act, payload, by=by, **more)
        seconds = self.carol if made.made_by == self.bob else self.bob
        requests.second(request_id=made.pk, by=seconds, now=self.now)

    def open_for_business(self, *, currencies: Iterable[str] = ("EUR", "USD")) -> Marketplace:
        """Set everything up as an operator would before going live."""
        marketplace = identity.confirm()
        self.second("go_live", {"at": (self.now - timedelta(days=1)).isoformat()})
        self.switch_on(PROCESS)
        for code in currencies:
            self.deal_in(code)
        return marketplace

    def deal_in(self, code: str, *, places: int = 2, threshold: int = 100_000) -> None:
        """Take up a currency: its decimals, its threshold, and how much people may approve."""
        self.second("exponents_confirm", {"exponents": {code: places}})
        self.second("threshold_set", {"currency": code, "units": str(threshold)})
        for user in (self.carol, self.dave):
            limit = {"user": str(user.pk), "currency": code, "units": "100000000", "window_hours": 24}
            self.second("limit_set", limit)

    def switch_on(self, process: str, **changes: Any) -> None:
        """Switch the triggers of a process on."""
        for trigger in Trigger.objects.filter(process__name=process):
            self.second("trigger_change", {"trigger": trigger.pk, "enabled": True, **changes})

    # Sellers and sales ---------------------------------------------------------------------------------------

    def seller(self, email: str = "seller@example.com", *, method: bool = True, **profile: Any) -> Payee:
        """Let somebody sign up in Sharetribe and say where they want to be paid."""
        shown = self.flex.post("/_sandbox/users", {"email": f"sharetribe-{email}", **profile})
        payee = Payee.objects.create(
            marketplace=Marketplace.objects.get(),
            flex_user_id=UUID(shown["id"]),
            name=email.partition("@")[0],
            email=email,
        )
        if method:
            self.pay_to(payee, email)
        return payee

    def pay_to(self, payee: Payee, email: str) -> PayoutMethod:
        """Have the payee paid through PayPal from now on."""
        fields = {"payee": str(payee.pk), "provider": "paypal", "checked": "Called the payee."}
        self.second("method_add", fields, secret={"email": email})
        return PayoutMethod.objects.get(payee=payee, retired_at__isnull=True)

    def sale(self, payee: Payee, *, price: int = 10_000, currency: str = "EUR", **more: Any) -> str:
        """Sell something and have it received; 10 % commission goes to the marketplace. Gives the transaction's id."""
        asked = {
            "process": PROCESS,
            "provider": str(payee.flex_user_id),
            "price": price,
            "currency": currency,
            "provider_percent": 10,
            "state": "state/received",
            **more,
        }
        return str(self.flex.post("/_sandbox/transactions", asked)["id"])

    def transition(self, transaction: str, name: str, **params: Any) -> None:
        """Take a transaction one step further in Sharetribe."""
        asked = {"transition": f"transition/{name}", **({"params": params} if params else {})}
        self.flex.post(f"/_sandbox/transactions/{transaction}/transition", asked)

    def refund(self, transaction: str, *, amount: int, by: str = "operator-adjust") -> None:
        """Give the buyer a part back."""
        asked = {"refund": {"amount": amount}, "transition": f"transition/{by}"}
        self.flex.post(f"/_sandbox/transactions/{transaction}/lines", asked)

    def truth(self, transaction: str) -> dict[str, Any]:
        """What Sharetribe says of a transaction."""
        shown: dict[str, Any] = self.flex.get(f"/_sandbox/transactions/{transaction}")
        return shown

    def told(self, transaction: str) -> dict[str, Any]:
        """What a transaction has been told about its payout."""
        value: dict[str, Any] = self.truth(transaction)["metadata"].get("payout", {})
        return value

    def buyer(
        self,
        transaction: str,
        outcome: str,
        units: int,
        *,
        reference: str = "pay-1",
        currency: str = "EUR",
        origin: str = "checkout",
        at: datetime | None = None,
    ) -> Answer:
        """Have a payment system say what became of a buyer's money."""
        word = PaymentWord(
            transaction_id=UUID(transaction),
            kind=OUTCOMES[outcome],
            amount=Money(units, currency),
            origin=origin,
            reference=reference,
            happened_at=at or self.now,
        )
        [answer] = counting.hear([word], marketplace_id=Marketplace.objects.get().pk, now=self.now)
        return answer

    # Stages --------------------------------------------------------------------------------------------------

    def hear(self) -> None:
        """Poll and understand."""
        poller.poll(limit_seconds=0, now=self.now)
        self.understand()

    def understand(self) -> None:
        """Count what was said of payments, and understand everything that is stored."""
        while counting.count(limit=500, now=self.now):
            pass
        while interpreter.understand(limit=500, now=self.now):
            pass

    def gather(self) -> int:
        """Gather what is due."""
        return scheduling.gather(limit=500, now=self.now)

    def decide(self) -> None:
        """Hear, gather and bring before people."""
        self.hear()
        self.gather()
        self.let_decide()

    def let_decide(self) -> int:
        """Bring what is pending before people, or a policy."""
        Payout.objects.filter(state__in=(State.PENDING, State.AWAITING_APPROVAL)).update(next_at=self.now)
        return approval.decide(limit=500, now=self.now)

    def approve(self, *payouts: Payout, by: User | None = None) -> Done:
        """Approve whatever awaits approval, or these."""
        waiting = Payout.objects.filter(state=State.AWAITING_APPROVAL)
        chosen = waiting.filter(pk__in=[one.pk for one in payouts]) if payouts else waiting
        wanted = list(approval.digests_of(list(chosen.values_list("pk", flat=True))).items())
        return approval.approve(by=by or self.carol, wanted=wanted, reason="Looks right.", now=self.now)

    def reread(self) -> None:
        """Read the transactions of approved payouts again, and announce the payouts."""
        SourceCheck.objects.update(next_at=None)
        while rereading.reread(limit=500, now=self.now):
            pass

    def transmit(self, *, limit: int = 15_000) -> int:
        """Send what may go just now, as often as something goes."""
        Payout.objects.filter(state=State.APPROVED).update(next_at=self.now)
        sent = total = submission.send(limit=limit, now=self.now)
        while sent:
            sent = submission.send(limit=limit, now=self.now)
            total += sent
        return total

    def send(self) -> int:
        """Read again, announce, and send what may go."""
        self.reread()
        return self.transmit()

    def sold_and_approved(self, payee: Payee, **sale: Any) -> tuple[str, Payout]:
        """Let the payee sell something, and have its payout approved; gives the transaction and the payout."""
        transaction = self.sale(payee, **sale)
        before = set(Payout.objects.values_list("pk", flat=True))
        self.decide()
        payout = Payout.objects.exclude(pk__in=before).get(payee=payee)
        done = self.approve(payout)
        assert (done.done, done.refused) == ([payout.number], [])
        payout.refresh_from_db()
        return transaction, payout

    def ask(self) -> None:
        """Ask PayPal about every batch that is still asked about, as if its time had come."""
        Batch.objects.filter(next_at__isnull=False, lease_until__isnull=True).update(next_at=self.now)
        Batch.objects.filter(next_at__isnull=False, state__in=("accepted", "closed")).update(next_at=self.now)
        reconciliation.ask(limit=500, now=self.now)

    def settle(self) -> None:
        """Fold what was heard."""
        while settlement.settle(limit=15_000, now=self.now):
            pass

    def tell(self) -> None:
        """Tell everybody what there is to tell."""
        OutboxMessage.objects.filter(next_at__isnull=False).update(next_at=self.now)
        while outbox.tell(limit=500, now=self.now):
            pass

    def hear_back(self, *, rounds: int = 1) -> None:
        """Ask about everything, settle it and tell everybody."""
        for _ in range(rounds):
            webhooks.work_off(limit=500, now=self.now)
            self.ask()
            self.settle()
            self.tell()

    def until(self, state: str, *, of: Payout | None = None, seconds: float = 10.0) -> None:
        """Hear back until the payout (or every payout that was not let go) stands in the state."""
        payouts = Payout.objects.filter(pk=of.pk) if of else Payout.objects.exclude(state=State.CANCELLED)
        if state == State.CANCELLED and of is None:
            payouts = Payout.objects.all()

        def is_there() -> bool:
            return set(payouts.values_list("state", flat=True)) == {state}

        try:
            self.until_true(is_there, seconds=seconds)
        except AssertionError:
            standing = list(payouts.values_list("number", "state", "reason", "blocked_by"))
            raise AssertionError(f"not {state}: {standing}") from None
        if of is not None:
            of.refresh_from_db()

    def until_true(self, is_true: Callable[[], bool], *, seconds: float = 10.0) -> None:
        """Hear back until something holds."""
        end = time.monotonic() + seconds
        while not is_true():
            if time.monotonic() > end:
                raise AssertionError("It never came true.")
            self.hear_back()
            time.sleep(0.02)

    # Time and trouble ----------------------------------------------------------------------------------------

    def let_pass(self, **time_: float) -> None:
        """Let business time pass: ours, and PayPal's too."""
        delta = timedelta(**time_)
        self.skew += delta
        self.paypal.advance(delta.total_seconds())

    @contextmanager
    def crash_at(self, point: str, *, nth: int = 1) -> Iterator[list[str]]:
        """Die at a crash point, the n-th time it is reached, in this block; gives the points that were passed."""
        passed: list[str] = []

        def hook(name: str) -> None:
            passed.append(name)
            if name == point and passed.count(point) == nth:
                raise Crashed(point)

        crash_points.install(hook)
        try:
            yield passed
        except Crashed:
            pass
        else:
            raise AssertionError(f"{point} was never reached: {passed}")
        finally:
            crash_points.install(None)
            connection.close()

    @contextmanager
    def meanwhile(self, point: str, act: Callable[[], object], *, nth: int = 1) -> Iterator[None]:
        """Do something at the moment at which a crash point is reached for the n-th time in this block."""
        passed: list[str] = []

        def hook(name: str) -> None:
            passed.append(name)
            if name == point and passed.count(point) == nth:
                act()

        crash_points.install(hook)
        try:
            yield
        finally:
            crash_points.install(None)
        assert passed.count(point) >= nth, f"{point} was never reached"

    def lease_is_over(self) -> None:
        """Let the leases of all senders run out."""
        Batch.objects.filter(lease_until__isnull=False).update(
            lease_until=utc_now() - timedelta(seconds=1), next_at=self.now
        )

    def lift_our_holds(self) -> None:
        """Have a person lift what rules of ours have set, as after a top-up."""
        from payouts import holding

        ids = Hold.objects.filter(lifted_at__isnull=True).values_list("pk", flat=True)
        assert holding.lift(by=self.carol, hold_ids=list(ids), reason="Mended.", now=self.now).refused == []

    # What is so ----------------------------------------------------------------------------------------------

    def moved(self, kind: str = "debit") -> dict[str, int]:
        """What really moved at PayPal, by currency."""
        totals: dict[str, int] = {}
        for entry in self.paypal.ledger():
            if entry["kind"] == kind:
                totals[entry["currency"]] = totals.get(entry["currency"], 0) + int(entry["units"])
        return totals

    def created(self) -> list[dict[str, Any]]:
        """The requests for a batch that reached PayPal, in order."""
        asked: list[dict[str, Any]] = self.paypal.get(
            "/_sandbox/requests?path=/v1/payments/payouts&method=POST"
        )["requests"]
        return [one for one in asked if one["target"] == "/v1/payments/payouts"]

    def balance(self, account: str) -> int:
        """What an account holds: debits less credits, over all currencies."""
        return sum(units for (name, _), units in balances().items() if name == account)

    def payout(self, **query: Any) -> Payout:
        """The one payout that there is, or that fits."""
        return Payout.objects.select_related("payee", "method").get(**query)

    def attempt(self, payout: Payout) -> Attempt:
        """The newest attempt to pay a payout."""
        return Attempt.objects.filter(payout=payout).order_by("-n")[0]

    def states(self) -> dict[str, str]:
        """Every payout's state, by the name of its payee; the newest one counts."""
        rows = Payout.objects.order_by("created_at", "pk").values_list("payee__name", "state")
        return dict(rows)

    def open_payables(self, payee: Payee) -> list[int]:
        """What is open for a payee, in units, oldest first."""
        rows = Payable.objects.filter(payee=payee, settled="").order_by("pk")
        return [int(row.units) for row in rows]

    def incidents(self) -> Sequence[str]:
        """The kinds of all open incidents."""
        return list(Incident.objects.filter(closed_at__isnull=True).values_list("kind", flat=True))

    def everything_heard(self) -> bool:
        """Whether the cursor stands at the newest event that is stored."""
        newest = FlexEvent.objects.aggregate(newest=Max("sequence_id"))["newest"]
        return bool(newest) and FlexCursor.objects.get().last_sequence_id == newest

    def assert_books_agree(self, *, unexplained: int = 0) -> None:
        """PayPal's ledger, our postings and Sharetribe's truth agree, to the cent, for every payout and payee.

        `unexplained` is what stands in suspense, where the story ends in an incident.
        """
        wrong = disagreements(flex=self.flex, provider=self.paypal, suspense=unexplained)
        for _ in range(20):
            if not wrong:
                break
            # PayPal may have been in the middle of debiting a batch while its ledger was read.
            time.sleep(0.1)
            wrong = disagreements(flex=self.flex, provider=self.paypal, suspense=unexplained)
        assert not wrong, "\n".join(wrong)
        self.assert_promises_hold()

    def assert_promises_hold(self) -> None:
        """No invariant whose violation stops a provider finds anything."""
        asked = running.check(since=None, now=self.now)
        found = [f"{found}" for one in asked if one.invariant.stops for found in one.found]
        assert not found, "\n".join(found)
