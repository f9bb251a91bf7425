"""What is printed in the end: how much was heard, owed, paid; the three books; and whether they agree."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Count

from demo import books as bookkeeping
from demo.books import Books
from demo.cast import SELLERS
from demo.scene import Scene
from flexsync.models import FlexEvent
from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.currencies import EXPONENTS, to_decimal_string
from payouts.invariants import running
from payouts.models import Approval, Attempt, Batch, Incident, Payable, Payout, State, WebhookDelivery

_MOST_DIFFERENCES = 20


def show(scene: Scene, *, seconds: float) -> bool:
    """Print everything; gives whether the books agree and every invariant holds."""
    books = bookkeeping.compare(flex=scene.flex, paypal=scene.paypal)
    _line()
    _fates(scene)
    _counts(seconds)
    _sums(books)
    _paypal(books)
    _line("Sharetribe's transactions say: " + _listed(sorted(books.told.items())))
    _line()
    holds = _invariants()
    _line(
        f"Compared one by one: {books.compared['transactions']} transactions of Sharetribe with what is accrued and"
        f" what they were told; {books.compared['attempts']} attempts with what PayPal moved."
    )
    if books.differences:
        _line(f"THE THREE BOOKS DISAGREE in {len(books.differences)} places:")
        for difference in books.differences[:_MOST_DIFFERENCES]:
            _line(f"  {difference}")
    else:
        _line("The three books agree.")
    return holds and not books.differences


def _fates(scene: Scene) -> None:
    for seller in SELLERS:
        states = [State(payout.state).label.lower() for payout in scene.payouts(seller.first)]
        name = f"{seller.first} {seller.last}"
        _line(f"  {name:<16}{', '.join(states) or 'no payout':<22}{seller.fate}")
    _line()


def _counts(seconds: float) -> None:
    states = Payout.objects.values_list("state").annotate(n=Count("pk"))
    by_state = dict(states)
    approvals = Approval.objects.filter(result="given", revoked_at__isnull=True)
    by_policy = approvals.filter(policy__isnull=False).count()
    _line(f"After {seconds:.0f} seconds:")
    _line(
        f"  {FlexEvent.objects.count()} events heard, {Payable.objects.count()} payables,"
        f" {Payout.objects.count()} payouts: "
        + _listed((State(name).label.lower(), by_state[name]) for name in State.values if name in by_state)
    )
    _line(
        f"  {approvals.count() - by_policy} approvals by people, {by_policy} by the policy;"
        f" {Batch.objects.count()} batches with {Attempt.objects.count()} attempts;"
        f" {WebhookDelivery.objects.count()} webhooks; {Incident.objects.count()} incidents,"
        f" {Incident.objects.filter(closed_at=None).count()} of them open"
    )
    _line()


def _sums(books: Books) -> None:
    titles = ("owed", "= paid", "+ on its way", "+ waiting", "+ returned", "fees")
    _line("Our ledger" + "".join(f"{title:>15}" for title in titles))
    for code, sums in books.sums.items():
        numbers = (sums.owed, sums.paid, sums.on_its_way, sums.waiting, sums.returned, sums.fees)
        shown = "".join(f"{_amount(units, code):>15}" for units in numbers)
        _line(f"  {code:<8}{shown}{'' if sums.adds_up else '   DOES NOT ADD UP'}")
    _line()


def _paypal(books: Books) -> None:
    _line(f"PayPal's own{'debits':>13}{'fees':>15}{'came back':>15}")
    for code, kinds in sorted(books.paypal.items()):
        shown = "".join(f"{_amount(kinds.get(kind, 0), code):>15}" for kind in ("debit", "fee", "return"))
        _line(f"  {code:<8}{shown}")
    _line()


def _invariants() -> bool:
    """Ask every promise of the product of everything that there is."""
    asked = running.check(since=None, now=utc_now())
    broken = [one for one in asked if one.count]
    _line(f"{len(asked)} invariants asked, {len(broken)} broken.")
    for one in broken:
        _line(f"  {one.invariant.name}: {one.count} — {one.invariant.meaning}")
        for row in one.found[:3]:
            _line(f"    {row.subject} {row.detail}")
    return not broken


def _amount(units: int, code: str) -> str:
    return to_decimal_string(units, EXPONENTS[code])


def _listed(pairs: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{number} {name}" for name, number in pairs)


def _line(text: str = "") -> None:
    print(text, flush=True)
