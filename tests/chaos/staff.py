"""People who work at an installation and tell the truth: they know what really happened, as papers would tell them."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from uuid import UUID

from django.db.models import Q

from accounts.models import Payee
from payouts import dissolving, holding, intervention, methods, requests
from payouts.errors import DomainError
from payouts.models import (
    Attempt,
    AttemptState,
    Hold,
    Incident,
    OutboxMessage,
    Payable,
    Payout,
    SourceCheck,
    State,
)
from payouts.providers.base import Status
from tests.chaos import tills
from tests.chaos.promises import Promises
from tests.chaos.tills import Paid
from tests.stories.world import World


class Staff(World):
    """The staff of a world whose promises are known."""

    promises: Promises

    def payee_called(self, name: str) -> Payee:
        """Give a seller, by the name that they had at first."""
        raise NotImplementedError

    # What became of payments ---------------------------------------------------------------------------------

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
        till = tills.TILLS[attempt.provider]
        known = [item for item in till.items if item.key == attempt.key]
        if any(item.status is Status.PAID for item in known):
            return "paid"
        if any(till.has_forgotten(item) for item in known):
            return self._truth_of_forgotten(attempt, known)
        if known or till.may_land(attempt.key):
            return ""
        return "not_paid"

    def _truth_of_forgotten(self, attempt: Attempt, known: Sequence[Paid]) -> str:
        """What the till itself says no more stands on its statements, once it is over."""
        if any(item.is_under_way for item in known):
            return ""
        if any(item.kept for item in known):
            return "paid"
        # It may remember that it came back: then it was out, and two people had said that it was not paid.
        self.promises.allow("contradiction", attempt.provider, attempt.key)
        return "not_paid"

    def pay_by_hand(self, payout: Payout) -> bool:
        """Have somebody pay an approved payout themselves, held before, and recorded by two; tells whether they did."""
        holding.hold(by=self.alice, payouts=[payout.pk], reason="Paid by hand.", now=self.now)
        if self._is_rightly_held(payout):
            return False  # they look at what others held, and see that it was paid
        fields = {"payout": str(payout.pk), "document": "A bank statement"}
        try:
            asked = self.ask_for("pay_by_hand", fields, by=self.carol)
        except DomainError:
            return False  # an attempt is open, or it is approved no more: then nobody pays
        requests.second(request_id=asked.pk, by=self.bob, now=self.now)
        attempt = self.attempt(payout)
        account = methods.destination(attempt.method)["account"]
        tills.TILLS[tills.BY_HAND].hand_out(attempt.key, account, attempt.currency, int(attempt.units))
        return True

    def remember_payments_by_hand(self) -> None:
        """Hold whoever was paid by hand and is to be paid once more: the database forgot it, the papers did not."""
        held = Hold.objects.filter(payee__isnull=False, lifted_at__isnull=True, rule="staff")
        payees = self._paid_by_hand_unknown_to_us() - set(held.values_list("payee", flat=True))
        holding.hold(by=self.alice, payees=sorted(payees), reason="Paid by hand.", now=self.now)

    def _paid_by_hand_unknown_to_us(self) -> set[UUID]:
        known = set(Attempt.objects.filter(provider=tills.BY_HAND).values_list("key", flat=True))
        items = [item for item in tills.TILLS[tills.BY_HAND].items if item.key not in known]
        return {self.payee_called(item.account.partition("-")[0]).pk for item in items}

    def release_holds(self) -> None:
        """Lift the holds of staff, but for those on somebody who is known to have been paid already."""
        by_staff = Hold.objects.filter(lifted_at__isnull=True, rule="staff")
        ids = [one.pk for one in by_staff if one.rail_id or one.method_id or not self._is_right(one)]
        # By somebody who approves nothing: whoever touches a hold must not.
        holding.lift(by=self.bob, hold_ids=ids, reason="Go.", now=self.now)

    def look_after_holds(self) -> None:
        """Lift what rules left to people, unless it stands on what was paid already."""
        open_now = Hold.objects.filter(lifted_at__isnull=True, rule__in=holding.LIFTED_BY_PEOPLE - {"staff"})
        ids = [one.pk for one in open_now if not self._is_right(one)]
        holding.lift(by=self.bob, hold_ids=ids, reason="Looked into it.", now=self.now)

    def _is_right(self, hold: Hold) -> bool:
        """Whether something that it stands on has truly been paid already, though our books do not say so."""
        if hold.payee_id in self._paid_by_hand_unknown_to_us():
            return True  # perhaps by a payout that is not gathered again yet
        payouts = Payout.objects.filter(holding.covered([hold])).exclude(
            state__in=(State.PAID, State.RETURNED)
        )
        covers = set(payouts.values_list("pk", flat=True))
        loose = Payable.objects.filter(Q(payee_id=hold.payee_id), settled="") if hold.payee_id else []
        return self.promises.is_paid_unknown_to_us(payouts=covers, payables=[one.pk for one in loose])

    def close_incidents(self) -> None:
        """Have two people close whatever is open."""
        for incident in Incident.objects.filter(closed_at__isnull=True):
            fields = {"incident": str(incident.pk), "explanation": "Looked into it."}
            self.second("incident_close", fields, by=self.carol)

    # Payouts and payables ------------------------------------------------------------------------------------

    def move_on(self) -> None:
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

    def is_all_told(self) -> bool:
        """Whether every transaction says what has become of its payouts, and nothing is on its way to them."""
        untold = OutboxMessage.objects.filter(kind="write_back", done_at__isnull=True)
        under_way = Attempt.objects.filter(state__in=(AttemptState.COMMITTED, AttemptState.UNKNOWN))
        return not (untold.exists() or under_way.exists())

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
