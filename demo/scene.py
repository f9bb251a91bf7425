"""Where the demo plays: the sandbox, the staff, and who sold what; with what stories ask of the product."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import Payee
from demo.calling import Account
from demo.cast import Seller
from demo.mailbox import Mailbox
from demo.sandboxes import PayPal, Sharetribe, Stripe
from demo.staff import Staff
from payouts.models import Payable, Payout


@dataclass(frozen=True, slots=True)
class Until:
    """What a story waits for: a sentence, and a look that gives something true once it is so."""

    sentence: str
    look: Callable[[], Any]


Story = Generator[Until, Any, None]
"""Acts, then waits; what the look gave is sent back in."""


@dataclass(slots=True)
class Scene:
    """Everything that stories share."""

    web: str
    flex: Sharetribe
    paypal: PayPal
    stripe: Stripe
    mailbox: Mailbox
    staff: Staff
    say: Callable[[str], None]
    sellers: dict[str, Seller] = field(default_factory=dict)
    """By first name."""
    users: dict[str, UUID] = field(default_factory=dict)
    """First name → user in Sharetribe."""
    sales: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """First name → transactions, in the order in which they were sold."""
    reserved: set[str] = field(default_factory=set)
    """Sellers whose payouts wait for their own story instead of being approved with all others."""
    accounts: dict[str, Account] = field(default_factory=dict)
    """First name → account of ours, of those who signed up for one."""
    is_seeded: bool = False

    def join(self, seller: Seller) -> None:
        """Let a seller sign up in Sharetribe."""
        user = self.flex.user(seller.email, seller.first, seller.last, **seller.account)
        self.sellers[seller.first], self.users[seller.first] = seller, UUID(user)

    def sell(self, name: str, price: int, **terms: Any) -> str:
        """Have a seller's thing sold and received; gives the transaction."""
        seller = self.sellers[name]
        asked = {"price": price, "currency": seller.currency, **seller.sale, **terms}
        transaction = self.flex.sale(str(self.users[name]), **asked)
        self.sales[name].append(transaction)
        return transaction

    def payee(self, name: str) -> Payee:
        """Find a seller as the product knows them."""
        return Payee.objects.get(flex_user_id=self.users[name])

    def payouts(self, name: str) -> QuerySet[Payout]:
        """Find a seller's payouts, oldest first."""
        rows = Payout.objects.filter(payee__flex_user_id=self.users[name])
        return rows.select_related("payee", "method").order_by("created_at", "pk")

    def payables(self, name: str) -> QuerySet[Payable]:
        """Find what is and was owed to a seller, oldest first."""
        return Payable.objects.filter(payee__flex_user_id=self.users[name]).order_by("created_at", "pk")

    def stands(self, name: str, state: str, *, nth: int = 0) -> Until:
        """Wait until a seller's n-th payout is in a state; gives the payout."""

        def look() -> Payout | None:
            found = list(self.payouts(name)[nth : nth + 1])
            return found[0] if found and found[0].state == state else None

        which = "" if nth == 0 else f" ({nth + 1})"
        return Until(f"{name}'s payout{which} to be {state.replace('_', ' ')}", look)

    def mailed(self, to: str, pattern: str) -> Until:
        """Wait until a mail to somebody says something; gives what the pattern's group finds in it."""
        return Until(f"a mail to {to}", lambda: self.mailbox.newest(to=to, pattern=pattern))

    def waits(self, name: str, reason: str) -> Until:
        """Wait until something owed to a seller waits for a decision of people; gives the payable."""
        return Until(
            f"{name}'s {reason} to wait for a person",
            lambda: self.payables(name).filter(settled="", waits_for=reason).first(),
        )
