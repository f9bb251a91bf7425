"""Before anything is signed: the right cluster, a recipient who can be paid, money enough, and a simulation.

Nothing here moves money, and nothing signed exists yet: whatever is wrong is a certain refusal, or may be tried later.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from solders.message import MessageV0
from solders.pubkey import Pubkey

from marketplace_payouts.lib.money import Money
from payouts.providers.base import (
    Accepted,
    Deferred,
    Outcome,
    ProviderUnavailable,
    RefusalClass,
    Refused,
    Step,
)
from payouts.providers.solana import codes, messages, recipients
from payouts.providers.solana.identity import Identity
from payouts.providers.solana.limits import Limits
from payouts.providers.solana.messages import Payment, Terms
from payouts.providers.solana.networks import SOL, USDC
from payouts.providers.solana.node import CONFIRMED, Account, Blockhash, Node
from payouts.providers.solana.steps import BLOCKHASH_LIFE, facts_of

_SOON: Final = timedelta(seconds=10)
_APART: Final = 64
"""Blocks that may pass between two questions."""


class _Stop(Exception):
    """The payment goes no further, for a reason with a code."""

    def __init__(self, code: str, sentence: str = "") -> None:
        super().__init__(code)
        self.code, self.sentence = code, sentence


@dataclass(frozen=True, slots=True)
class _Scene:
    """What lies at the addresses of a payment."""

    wallet: Account | None
    recipient: Account | None
    source: Account | None
    home: Account | None


class Preparer:
    """Prepares payments from one wallet."""

    def __init__(self, *, node: Node, identity: Identity, wallet: Pubkey, limits: Limits) -> None:
        self._node, self._identity, self._wallet, self._limits = node, identity, wallet, limits

    def transmit(self, step: Step) -> Outcome:
        """This will look at everything that a payment needs, and give what it takes to sign it."""
        payment = _read(step.body)
        try:
            self._identity.check_now()
            return self._prepared(payment)
        except _Stop as stop:
            return _refused(stop)
        except ProviderUnavailable as error:
            return Deferred(str(error), ours=self._identity.is_wrong, retry_after=_SOON)

    def _prepared(self, payment: Payment) -> Outcome:
        usdc = self._identity.network.usdc
        scene = self._scene(payment, usdc)
        _check_recipient(payment, scene, wallet=self._wallet)
        rent = self._node.rent_floor(recipients.TOKEN_ACCOUNT) if _opens_account(payment, scene) else 0
        self._check_funds(payment, scene, costs=messages.LAMPORTS_PER_SIGNATURE + rent)
        blockhash = self._blockhash()
        draft = Terms(self._wallet, usdc, blockhash.blockhash, messages.MOST_UNITS, 0)
        units = self._simulate(messages.message_of(payment, draft))
        limit = min(units * 6 // 5 + 1_000, messages.MOST_UNITS)
        price = self._price(payment, usdc, limit=limit, rent=rent)
        fee = messages.fee_of(Terms(self._wallet, usdc, blockhash.blockhash, limit, price))
        if fee + rent > self._limits.fee:
            raise _Stop(codes.FEE_TOO_HIGH)
        self._check_funds(payment, scene, costs=fee + rent)
        return Accepted(
            reference=blockhash.blockhash,
            facts=facts_of(blockhash, unit_limit=limit, unit_price=price),
        )

    def _blockhash(self) -> Blockhash:
        """A node that tells two heights at once would tell nothing later of what was signed."""
        blockhash = self._node.blockhash()
        height = self._node.height(CONFIRMED)
        if abs(height - (blockhash.last_height - BLOCKHASH_LIFE)) > _APART:
            raise ProviderUnavailable(
                f"The node gives the height {height}, and a blockhash that is good until {blockhash.last_height}: one"
                " of them cannot be so."
            )
        return blockhash

    def _scene(self, payment: Payment, usdc: Pubkey) -> _Scene:
        source, home = (messages.home_of(owner, usdc) for owner in (self._wallet, payment.recipient))
        return _Scene(*self._node.accounts(str(self._wallet), str(payment.recipient), str(source), str(home)))

    def _check_funds(self, payment: Payment, scene: _Scene, *, costs: int) -> None:
        lamports = scene.wallet.lamports if scene.wallet else 0
        needed = costs + self._identity.wallet_floor
        if payment.amount.currency == SOL:
            needed = costs + payment.amount.units + max(self._limits.reserve, self._identity.wallet_floor)
        if lamports < needed:
            raise _Stop(codes.NO_SOL)
        if payment.amount.currency == USDC:
            if scene.source is not None and recipients.is_frozen(scene.source):
                raise _Stop(codes.OUR_ACCOUNT_FROZEN)
            if recipients.units_in(scene.source) < payment.amount.units:
                raise _Stop(codes.NO_USDC)

    def _simulate(self, message: MessageV0) -> int:
        told = self._node.simulate(messages.unsigned(message))
        err = told.get("err")
        if err == "BlockhashNotFound":
            raise ProviderUnavailable("The node does not know its own newest blockhash: it lags.")
        if err is not None:
            raise _Stop(codes.code_of(err, messages.programs_of(message)))
        units = told.get("unitsConsumed")
        return units if isinstance(units, int) and units > 0 else messages.MOST_UNITS

    def _price(self, payment: Payment, usdc: Pubkey, *, limit: int, rent: int) -> int:
        """What three of four others paid lately, but never more than the highest fee leaves room for."""
        writes = [self._wallet, payment.recipient]
        if payment.amount.currency == USDC:
            writes = [messages.home_of(owner, usdc) for owner in writes]
        prices = self._node.recent_prices(*(str(one) for one in writes))
        usual = prices[len(prices) * 3 // 4] if prices else 0
        room = self._limits.fee - messages.LAMPORTS_PER_SIGNATURE - rent
        return max(min(usual, room * 1_000_000 // limit), 0)


def _read(body: bytes) -> Payment:
    said: Mapping[str, Any] = json.loads(body)
    return Payment(
        item_key=said["item_key"],
        note=said["note"],
        amount=Money(int(said["units"]), said["currency"]),
        recipient=Pubkey.from_string(said["recipient"]),
    )


def _check_recipient(payment: Payment, scene: _Scene, *, wallet: Pubkey) -> None:
    sentence = (
        "This is our own wallet." if payment.recipient == wallet else recipients.why_not(scene.recipient)
    )
    if payment.amount.currency == USDC:
        if scene.home is not None and recipients.is_frozen(scene.home):
            raise _Stop(codes.FROZEN)
        sentence = sentence or recipients.why_no_usdc(scene.home, payment.recipient)
    if sentence:
        raise _Stop(codes.NOT_A_WALLET, sentence)


def _opens_account(payment: Payment, scene: _Scene) -> bool:
    return payment.amount.currency == USDC and (scene.home is None or not scene.home.data)


def _refused(stop: _Stop) -> Refused:
    known = codes.refusal(stop.code)
    return Refused(
        code=known.code,
        refusal=known.refusal,
        message=stop.sentence or known.message,
        # What we mend ourselves may be prepared once more.
        key_is_spent=known.refusal is not RefusalClass.OURS,
    )
