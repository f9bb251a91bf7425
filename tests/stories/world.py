"""A whole installation for a story: Sharetribe and PayPal on loopback, staff, rules, and the stages to be run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group

from accounts.models import Marketplace, Payee, User
from flexsync import identity, interpreter, poller, rereading
from marketplace_payouts.lib.clock import utc_now
from payouts import (
    approval,
    outbox,
    reconciliation,
    requests,
    scheduling,
    settlement,
    submission,
    webhooks,
)
from payouts.models import Attempt, Batch, Payout, Posting, State
from payouts.outcomes import Done
from tests.sandbox_services import SandboxService

PROCESS = "payout-process"


class World:
    """What a story needs: people with their roles, and verbs that read like the story."""

    def __init__(self, flex: SandboxService, paypal: SandboxService) -> None:
        self.flex, self.paypal = flex, paypal
        self.skew = timedelta(0)
        self.alice = self.staff("alice@example.com", "operator", "administrator")
        self.bob = self.staff("bob@example.com", "approver", "administrator")
        self.carol = self.staff("carol@example.com", "approver")

    @property
    def now(self) -> datetime:
        """The business moment: the clock, and what the story has let pass."""
        return utc_now() + self.skew

    def staff(self, email: str, *roles: str) -> User:
        """Hire somebody."""
        user = User.objects.create_user(email, is_staff=True)
        user.groups.set(Group.objects.filter(name__in=roles))
        return user

    def second(self, act: str, payload: dict[str, Any], **more: Any) -> None:
        """Have one person ask for something and another second it."""
        made = requests.make(act=act, by=self.alice, payload=payload, reason="Story.", now=self.now, **more)
        requests.second(request_id=made.pk, by=self.bob, now=self.now)

    def open_for_business(self, *, currencies: Iterable[str] = ("EUR", "USD")) -> Marketplace:
        """Set everything up as an operator would before going live."""
        marketplace = identity.confirm()
        self.second("exponents_confirm", {"exponents": dict.fromkeys(currencies, 2)})
        self.second("go_live", {"at": (self.now - timedelta(days=1)).isoformat()})
        self.switch_on(PROCESS)
        for code in currencies:
            self.second("threshold_set", {"currency": code, "units": "100000"})
            limit = {"user": str(self.carol.pk), "currency": code, "units": "100000000", "window_hours": 24}
            self.second("limit_set", limit)
        return marketplace

    def switch_on(self, process: str, **changes: Any) -> None:
        """Switch the triggers of a process on."""
        from payouts.models import Trigger

        for trigger in Trigger.objects.filter(process__name=process):
            self.second("trigger_change", {"trigger": trigger.pk, "enabled": True, **changes})

    def seller(self, email: str = "seller@example.com", *, method: bool = True, **profile: Any) -> Payee:
        """Let somebody sign up in Sharetribe and say where they want to be paid."""
        shown = self.flex.post("/_sandbox/users", {"email": f"sharetribe-{email}", **profile})
        payee = Payee.objects.create(
            marketplace=Marketplace.objects.get(),
            flex_user_id=UUID(shown["id"]),
            name=email.partition("@")[0],
        )
        if method:
            self.pay_to(payee, email)
        return payee

    def pay_to(self, payee: Payee, email: str) -> None:
        """Have the payee paid through PayPal from now on."""
        fields = {"payee": str(payee.pk), "provider": "paypal", "checked": "Called the payee."}
        self.second("method_add", fields, secret={"email": email})

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

    def hear(self) -> None:
        """Poll and understand."""
        poller.poll(limit_seconds=0, now=self.now)
        while interpreter.understand(limit=500, now=self.now):
            pass

    def decide(self) -> None:
        """Hear, gather and bring before people."""
        self.hear()
        scheduling.gather(limit=500, now=self.now)
        approval.decide(limit=500, now=self.now)

    def approve(self, *, by: User | None = None) -> Done:
        """Approve whatever awaits approval."""
        waiting = Payout.objects.filter(state=State.AWAITING_APPROVAL).values_list("pk", flat=True)
        wanted = list(approval.digests_of(list(waiting)).items())
        return approval.approve(by=by or self.carol, wanted=wanted, reason="Looks right.", now=self.now)

    def send(self) -> int:
        """Read again, announce, and send what may go."""
        while rereading.reread(limit=500, now=self.now):
            pass
        sent = total = submission.send(limit=15_000, now=self.now)
        while sent:
            sent = submission.send(limit=15_000, now=self.now)
            total += sent
        return total

    def hear_back(self, *, rounds: int = 1) -> None:
        """Ask about everything, settle it and tell everybody."""
        for _ in range(rounds):
            Batch.objects.filter(next_at__isnull=False, lease_until__isnull=True).update(next_at=self.now)
            Batch.objects.filter(next_at__isnull=False, state="accepted").update(next_at=self.now)
            webhooks.work_off(limit=500, now=self.now)
            reconciliation.ask(limit=500, now=self.now)
            while settlement.settle(limit=15_000, now=self.now):
                pass
            while outbox.tell(limit=500, now=self.now):
                pass

    def until(self, state: str, *, of: Payout | None = None, seconds: float = 10.0) -> None:
        """Hear back until the payout (or every payout) stands in the state."""
        import time

        end = time.monotonic() + seconds
        payouts = Payout.objects.filter(pk=of.pk) if of else Payout.objects.all()
        while set(payouts.values_list("state", flat=True)) != {state}:
            if time.monotonic() > end:
                standing = list(payouts.values_list("number", "state", "reason", "blocked_by"))
                raise AssertionError(f"not {state}: {standing}")
            self.hear_back()
            time.sleep(0.05)

    def truth(self, transaction: str) -> dict[str, Any]:
        """What Sharetribe says of a transaction."""
        shown: dict[str, Any] = self.flex.get(f"/_sandbox/transactions/{transaction}")
        return shown

    def moved(self, kind: str = "debit") -> dict[str, int]:
        """What really moved at PayPal, by currency."""
        totals: dict[str, int] = {}
        for entry in self.paypal.ledger():
            if entry["kind"] == kind:
                totals[entry["currency"]] = totals.get(entry["currency"], 0) + int(entry["units"])
        return totals

    def balance(self, account: str) -> int:
        """What an account holds: debits less credits."""
        debits = sum(int(u) for u in Posting.objects.filter(debit=account).values_list("units", flat=True))
        credits = sum(int(u) for u in Posting.objects.filter(credit=account).values_list("units", flat=True))
        return debits - credits

    def assert_books_agree(self) -> None:
        """Every account of work in progress is empty or explained, and every debit is an attempt of ours."""
        debits = sorted(e["reference"] for e in self.paypal.ledger() if e["kind"] == "debit")
        ours = sorted(Attempt.objects.filter(debited=True, provider="paypal").values_list("key", flat=True))
        gone = {
            e["reference"]
            for e in self.paypal.ledger()
            if e["kind"] == "return" and e["reference"] not in ours
        }
        assert [key for key in debits if key not in gone] == ours
