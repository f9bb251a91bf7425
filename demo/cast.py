"""Who sells in the demo, what they sell, and what must have become of it in the end: one table, checked at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

THRESHOLD = {
    "CHF": 100_000,
    "EUR": 100_000,
    "JPY": 100_000,
    "NOK": 1_000_000,
    "SEK": 1_000_000,
    "USD": 100_000,
}
"""Above which amount two people approve, by currency, in smallest units; these are the demo's currencies."""
POLICY = {"EUR": 5_000}
"""Up to which amount a policy approves for payees who were paid before."""
MINIMUM = {"EUR": "500"}
REGULARS = 24
SALES_OF_REGULARS = 312
SECOND_SALES = 10
"""So many regulars sell once more, for an amount that the policy covers."""

BY_HAND = (
    "transition/request-payment",
    "transition/operator-confirm-payment",
    "transition/mark-delivered",
)
DISPUTED = (*BY_HAND, "transition/dispute", "transition/mark-received-from-disputed")
BY_TIME = (*BY_HAND, "transition/auto-mark-received")


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What must be true of a seller in the end."""

    payouts: tuple[str, ...] | None = ("paid",)
    """The states of all their payouts, sorted; None: however many, all are paid."""
    open: Mapping[str, int] = field(default_factory=dict)
    """What is owed and in no payout: the gate or decision that it waits for → units."""
    told: tuple[str, ...] | None = None
    """What their transactions say of their payouts, sorted and without repeats; None: what their payouts are."""
    approvals: int = 1
    """By how many people each paid payout was approved; 0: by the policy or by people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seller:
    """One seller."""

    first: str
    last: str
    fate: str
    """What their story is, for the person who watches."""
    to: str = ""
    """Their address at PayPal, whose first word decides what becomes of the money there; empty: they give none."""
    currency: str = "EUR"
    prices: tuple[int, ...] = (10_000,)
    """One sale each, in smallest units; the marketplace keeps a tenth. None: they sell in their own story alone."""
    sale: Mapping[str, Any] = field(default_factory=dict)
    account: Mapping[str, Any] = field(default_factory=dict)
    promise: Promise = Promise()

    @property
    def email(self) -> str:
        """Their address in Sharetribe."""
        return f"{self.first}.{self.last}@example.com".lower()


def _to(word: str, name: str) -> str:
    return f"{word}+{name}@example.com"


SELLERS = (
    # Paid, each in another way
    Seller(
        first="Bella",
        last="Grande",
        fate="above the threshold: two people approve",
        to="bella@example.com",
        prices=(150_000,),
        promise=Promise(approvals=2),
    ),
    Seller(
        first="Clio",
        last="Spaet",
        fate="claims the money after a while",
        to=_to("claimed", "clio"),
    ),
    Seller(
        first="Duo",
        last="Klein",
        fate="two small sales reach the minimum together",
        to="duo@example.com",
        prices=(300, 400),
    ),
    Seller(
        first="Trudi",
        last="Schritt",
        fate="Sharetribe is told by operator transitions",
        to="trudi@example.com",
        sale={"transitions": BY_TIME},
    ),
    Seller(
        first="Bonnie",
        last="Plus",
        fate="paid, then a bonus that two people decide",
        to="bonnie@example.com",
        promise=Promise(payouts=("paid", "paid"), approvals=0),
    ),
    Seller(
        first="Gerd",
        last="Spaeter",
        fate="on hold at PayPal, then released there",
        to=_to("released", "gerd"),
    ),
    Seller(
        first="Kenji",
        last="Sato",
        fate="PayPal's answer is lost; what exists there is adopted",
        to="kenji@example.com",
        currency="JPY",
    ),
    Seller(
        first="Yuki",
        last="Mori",
        fate="paid in yen, as likely as not in the request whose answer is lost",
        to="yuki@example.com",
        currency="JPY",
        prices=(7_000,),
    ),
    Seller(
        first="Sven",
        last="Lund",
        fate="nobody knows whether it was paid; two people resolve it, and it goes out again",
        to="sven@example.com",
        currency="SEK",
        prices=(40_000,),
    ),
    Seller(
        first="Dale",
        last="Short",
        fate="PayPal denies the batch for lack of funds; topped up, it goes out",
        to="dale@example.com",
        currency="USD",
    ),
    Seller(
        first="Dean",
        last="Short",
        fate="in the batch that was denied",
        to="dean@example.com",
        currency="USD",
        prices=(20_000,),
    ),
    Seller(
        first="Beat",
        last="Halt",
        fate="verified by two people's word; approved while everything is stopped, and sent when it starts again",
        to="beat@example.com",
        currency="CHF",
    ),
    Seller(
        first="Ingrid",
        last="Echo",
        fate="PayPal speaks of another amount than was sent: an incident stops PayPal until two people close it",
        to="ingrid@example.com",
        currency="NOK",
        prices=(50_000,),
    ),
    Seller(
        first="Lena",
        last="Luecke",
        fate="Sharetribe never gives out the events of her sale; a resync finds it",
        to="lena@example.com",
    ),
    Seller(
        first="Lino",
        last="Nochmal",
        fate="PayPal declines it once; retried by a person, it is paid",
        to="lino@example.com",
    ),
    # From sign-up to paid
    Seller(
        first="Mara",
        last="Neu",
        fate="signs up with an account of ours, buys through Stripe, and is verified there as a seller",
        prices=(),
        promise=Promise(payouts=(), told=()),
    ),
    Seller(
        first="Willi",
        last="Seite",
        fate="is paid what Mara paid, where he said on the payees' own pages",
        prices=(),
    ),
    Seller(
        first="Gita",
        last="Kasse",
        fate="is paid what a buyer paid by a system of the marketplace's own",
        to="gita@example.com",
        prices=(),
    ),
    # Came back
    Seller(
        first="Rita",
        last="Retour",
        fate="comes back after it was paid; released by a person and paid again",
        to="rita@example.com",
        promise=Promise(payouts=("paid", "returned"), told=("paid",), approvals=0),
    ),
    Seller(
        first="Tara",
        last="Heim",
        fate="the receiver sends it back; it waits for a person",
        to=_to("refunded", "tara"),
        promise=Promise(payouts=("returned",), open={"returned": 9_000}),
    ),
    Seller(
        first="Vito",
        last="Zurueck",
        fate="PayPal reverses it; it waits for a person",
        to=_to("reversed", "vito"),
        promise=Promise(payouts=("returned",), open={"returned": 9_000}),
    ),
    Seller(
        first="Gus",
        last="Teils",
        fate="a part comes back, which stands on PayPal's statement alone",
        to="gus@example.com",
        promise=Promise(open={"returned": 3_000}),
    ),
    Seller(
        first="Ulla",
        last="Wartet",
        fate="never claims it: cancelled by staff, re-owed to a new address in its cool-down",
        to=_to("unclaimed", "ulla"),
        promise=Promise(payouts=("pending", "returned"), told=("returned",)),
    ),
    # Under way
    Seller(
        first="Uta",
        last="Offen",
        fate="has not claimed it yet",
        to=_to("unclaimed", "uta"),
        promise=Promise(payouts=("submitted",), told=("sent",)),
    ),
    Seller(
        first="Hugo",
        last="Haken",
        fate="on hold at PayPal",
        to=_to("onhold", "hugo"),
        promise=Promise(payouts=("submitted",), told=("sent",)),
    ),
    Seller(
        first="Pia",
        last="Ewig",
        fate="stays pending at PayPal",
        to=_to("pending", "pia"),
        promise=Promise(payouts=("submitted",), told=("sent",)),
    ),
    # Failed for certain
    Seller(
        first="Faye",
        last="Zu",
        fate="the PayPal account is locked",
        to=_to("failed", "faye"),
        promise=Promise(payouts=("failed",)),
    ),
    Seller(
        first="Bodo",
        last="Sperr",
        fate="PayPal blocks it because of risk",
        to=_to("blocked", "bodo"),
        promise=Promise(payouts=("failed",)),
    ),
    Seller(
        first="Inga",
        last="Falsch",
        fate="PayPal refuses the address and with it the whole batch; the others go out again",
        to=_to("invalid", "inga"),
        promise=Promise(payouts=("failed",)),
    ),
    # Stopped by people
    Seller(
        first="Hanna",
        last="Pause",
        fate="held by the operator while it awaits approval",
        to="hanna@example.com",
        promise=Promise(payouts=("awaiting_approval",), told=("",)),
    ),
    Seller(
        first="Fritz",
        last="Frost",
        fate="frozen by the operator",
        to="fritz@example.com",
        promise=Promise(payouts=(), open={"payee_active": 9_000}, told=("",)),
    ),
    # Stopped by a gate
    Seller(
        first="Nils",
        last="Nirgends",
        fate="never said where to be paid",
        promise=Promise(payouts=(), open={"method_present": 9_000}, told=("",)),
    ),
    Seller(
        first="Mini",
        last="Mal",
        fate="below the minimum",
        to="mini@example.com",
        prices=(300,),
        promise=Promise(payouts=(), open={"minimum": 270}, told=("",)),
    ),
    Seller(
        first="Holda",
        last="Frist",
        fate="received after a dispute: in the hold period",
        to="holda@example.com",
        sale={"transitions": DISPUTED},
        promise=Promise(payouts=(), open={"due": 9_000}, told=("",)),
    ),
    Seller(
        first="Moritz",
        last="Mangel",
        fate="the buyer paid less than the sale costs now",
        to="moritz@example.com",
        promise=Promise(payouts=(), open={"payment_received": 13_500}, told=("",)),
    ),
    Seller(
        first="Sia",
        last="Stripe",
        fate="connected to Stripe in Sharetribe",
        to="sia@example.com",
        account={"stripeConnected": True},
        promise=Promise(payouts=(), open={"not_paid_by_stripe": 9_000}, told=("",)),
    ),
    Seller(
        first="Dagmar",
        last="Default",
        fate="sold by a process in which Sharetribe pays through Stripe",
        to="dagmar@example.com",
        sale={"process": "default-purchase"},
        promise=Promise(payouts=(), open={"not_paid_by_stripe": 9_000}, told=("",)),
    ),
    Seller(
        first="Otto",
        last="Alt",
        fate="sold before go-live: one released and paid, one paid by hand before, two wait",
        to="otto@example.com",
        prices=(11_000, 12_000, 13_000, 14_000),
        promise=Promise(open={"opening": 24_300}, told=("", "paid")),
    ),
    # Given back to the buyer
    Seller(
        first="Carl",
        last="Storno",
        fate="cancelled before it was due",
        to="carl@example.com",
        sale={"transitions": (*BY_HAND[:2], "transition/cancel")},
        promise=Promise(payouts=(), told=("",)),
    ),
    Seller(
        first="Rolf",
        last="Ganz",
        fate="refunded whole before it was approved",
        to="rolf@example.com",
        promise=Promise(payouts=("cancelled",), told=("",)),
    ),
    Seller(
        first="Petra",
        last="Halb",
        fate="refunded in part before it was approved: the rest is paid",
        to="petra@example.com",
        promise=Promise(payouts=("cancelled", "paid"), told=("paid",)),
    ),
    Seller(
        first="Paul",
        last="Teil",
        fate="refunded in part after it was paid: netted against the next sale, as two people decide",
        to="paul@example.com",
        promise=Promise(payouts=("paid", "paid"), approvals=0),
    ),
    Seller(
        first="Nora",
        last="Danach",
        fate="refunded in part after it was paid: the clawback waits for a decision",
        to="nora@example.com",
        promise=Promise(open={"clawback": -1_800}),
    ),
)

_FIRST = (
    "Alma Ben Cora Dirk Elsa Finn Gesa Hans Ida Jan Kira Leo Maja Nico Olea Per Rosa Sam Tilda Uwe Vera Wim Xenia"
    " Yann"
)
_LAST = "Ahrens Brandt Claasen Dierks Evers Fink Graf Holm Iversen Jessen Kolb Lorenz"


def regulars() -> tuple[Seller, ...]:
    """Give the sellers of whom nothing special is told."""
    firsts, lasts = _FIRST.split(), _LAST.split()
    return tuple(
        Seller(
            first=firsts[n],
            last=lasts[n % len(lasts)],
            fate="sells and is paid",
            to=f"{firsts[n].lower()}@example.com",
            prices=(),
            # What is understood in two sets may be gathered into two payouts.
            promise=Promise(payouts=None, approvals=0),
        )
        for n in range(REGULARS)
    )
