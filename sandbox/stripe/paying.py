"""The life of a payment: confirmed, paid or declined, refunded and disputed."""

from __future__ import annotations

from sandbox.core import Request
from sandbox.stripe import problems
from sandbox.stripe.cards import CARDS, DECLINES, GENERIC, Cards, Decline
from sandbox.stripe.charging import Charging
from sandbox.stripe.ground import Ground, Part
from sandbox.stripe.names import names_of
from sandbox.stripe.problems import Problem
from sandbox.stripe.store import Record

_OVER = ("succeeded", "canceled")


class Paying(Part):
    """Moves payment intents on."""

    def __init__(self, ground: Ground, *, cards: Cards, charging: Charging) -> None:
        super().__init__(ground)
        self._cards = cards
        self._charging = charging

    def confirm(self, intent: Record, request: Request) -> None:
        """Try to collect a payment.

        :raises Problem: 402 when the card is declined, 400 when there is none.
        """
        if intent.data["payment_method"] is None:
            raise problems.invalid(
                "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update "
                "the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with "
                "a payment method or ConfirmationToken.",
                code="payment_intent_unexpected_state",
            )
        names = names_of(intent, self._store)
        method = self._cards.get(intent.data["payment_method"], account=intent.account)
        fate = self._fates.of("payment_intent", names)
        card = CARDS[method.hidden["card"]]
        decline = self._decline(card.decline, fate, names, request)
        if decline is not None:
            raise self._declined(intent, method, decline)
        if fate in ("processing", "requires_action") or card.asks:
            self._wait(intent, "processing" if fate == "processing" else "requires_action")
            return
        self.succeed(intent)
        self._follow(intent, fate or card.then)

    def _decline(
        self, decline: Decline | None, fate: str | None, names: set[str], request: Request
    ) -> Decline | None:
        fault = (
            self._world.faults.take("refuse", references=names, request=request)
            if self._world.faults
            else None
        )
        if fault is not None:
            return DECLINES.get(str(fault.value), GENERIC)
        return GENERIC if fate == "failed" else decline

    def _declined(self, intent: Record, method: Record, decline: Decline) -> Problem:
        """Note that a card was declined, and give what the caller is told."""
        charge = self._charging.charge(intent, method, decline=decline, capture=False)
        data = intent.data
        problem = Problem(
            402,
            decline.message,
            kind="card_error",
            code=decline.code,
            more={
                "charge": charge.id,
                **({"decline_code": decline.decline_code} if decline.decline_code else {}),
            },
        )
        error = {**problem.body()["error"], "payment_method": self._shows.show(method)}
        data |= {
            "last_payment_error": error,
            "latest_charge": charge.id,
            "next_action": None,
            "payment_method": None,
            "status": "requires_payment_method",
        }
        self._store.keep(intent)
        self._events.tell("payment_intent.payment_failed", intent)
        problem.more = {**error, "payment_intent": self._shows.show(intent)}
        return problem

    def _wait(self, intent: Record, status: str) -> None:
        intent.data["status"] = status
        if status == "requires_action":
            intent.data["next_action"] = {
                "type": "use_stripe_sdk",
                "use_stripe_sdk": {"type": "three_d_secure_redirect"},
            }
        self._store.keep(intent)
        self._events.tell(f"payment_intent.{status}", intent)

    def succeed(self, intent: Record) -> None:
        """Collect a payment, or authorise it where it is captured by hand."""
        data = intent.data
        method = self._cards.get(data["payment_method"], account=intent.account)
        capture = data["capture_method"] != "manual"
        charge = self._charging.charge(intent, method, decline=None, capture=capture)
        data |= {
            "amount_capturable": 0 if capture else data["amount"],
            "amount_received": data["amount"] if capture else 0,
            "last_payment_error": None,
            "latest_charge": charge.id,
            "next_action": None,
            "status": "succeeded" if capture else "requires_capture",
        }
        self._store.keep(intent)
        self._events.tell(
            "payment_intent.succeeded" if capture else "payment_intent.amount_capturable_updated", intent
        )

    def capture(self, intent: Record, units: int) -> None:
        """Collect what was authorised."""
        charge = self._charge_of(intent)
        if charge is not None:
            self._charging.capture(charge, units)
        intent.data |= {"amount_capturable": 0, "amount_received": units, "status": "succeeded"}
        self._store.keep(intent)
        self._events.tell("payment_intent.succeeded", intent)

    def cancel(self, intent: Record, *, reason: str | None) -> bool:
        """Give a payment up; False when it is over."""
        if intent.data["status"] in _OVER:
            return False
        intent.data |= {
            "amount_capturable": 0,
            "canceled_at": self._store.now(),
            "cancellation_reason": reason,
            "next_action": None,
            "status": "canceled",
        }
        self._store.keep(intent)
        self._events.tell("payment_intent.canceled", intent)
        return True

    def _follow(self, intent: Record, then: str | None) -> None:
        """Have happen afterwards what the card, or steering, is for."""
        if then in ("refunded", "disputed", "dispute_won", "dispute_lost"):
            self._world.clock.call_later(self._settings.after_s, lambda: self.decide(intent, then))

    # Steering ------------------------------------------------------------------------------------------------

    def decide(self, intent: Record, fate: str) -> bool:
        """Have this become of a payment; False when it cannot any more."""
        if fate == "canceled":
            return self.cancel(intent, reason=None)
        if fate in ("succeeded", "failed", "processing", "requires_action"):
            return self._decide_open(intent, fate)
        charge = self._charge_of(intent)
        if charge is None or intent.data["status"] != "succeeded":
            return False
        if fate == "refunded":
            return self.refund(intent, None) is not None
        found = self._store.where("dispute", "charge", charge.id)
        dispute = found[-1] if found else self._charging.dispute(charge, charge.data["amount_captured"])
        return fate == "disputed" or self._charging.decide(dispute, won=fate == "dispute_won")

    def _decide_open(self, intent: Record, fate: str) -> bool:
        if intent.data["status"] in _OVER:
            return False
        if intent.data["status"] == "requires_capture":
            if fate == "succeeded":
                self.capture(intent, intent.data["amount_capturable"])
            return fate == "succeeded"
        if intent.data["payment_method"] is None:
            method = self._cards.make("pm_card_visa", account=intent.account, param=None)
            intent.data["payment_method"] = method.id
        if fate == "succeeded":
            self.succeed(intent)
        elif fate == "failed":
            method = self._cards.get(intent.data["payment_method"], account=intent.account)
            self._declined(intent, method, GENERIC)
        else:
            self._wait(intent, fate)
        return True

    def refund(self, intent: Record, units: int | None) -> Record | None:
        """Give so much back (else all that is left), as in the Dashboard; None when there is not so much."""
        charge = self._charge_of(intent)
        if charge is None:
            return None
        left = charge.data["amount_captured"] - charge.data["amount_refunded"]
        if not 0 < (units or left) <= left:
            return None
        return self._charging.refund(charge, units or left)

    def dispute(self, intent: Record, units: int, reason: str) -> Record | None:
        """Have the buyer's bank take so much back; None when there is not so much."""
        charge = self._charge_of(intent)
        if charge is None or not 0 < units <= charge.data["amount_captured"]:
            return None
        return self._charging.dispute(charge, units, reason=reason)

    def _charge_of(self, intent: Record) -> Record | None:
        identity = intent.data["latest_charge"]
        return self._store.get(identity, "charge") if identity else None
