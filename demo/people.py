"""Stories in which staff step in: holds, freezing, opening items, refunds, bonuses, a changed address."""

from __future__ import annotations

import csv
import uuid
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from django.core.management import call_command

from accounts.models import Payee
from demo.approving import approve_alone
from demo.scene import Scene, Story, Until
from flexsync.models import FlexEvent
from flexsync.snapshots import SNAPSHOT
from payouts.models import Payable, Payout, State
from payouts.providers.base import Status

_ALL = "state=all"


def held(scene: Scene) -> Story:
    """Olga holds Hanna's payout before anybody approves it."""
    payout: Payout = yield scene.stands("Hanna", State.AWAITING_APPROVAL)
    scene.staff.olga.desk.act(
        "payouts/payout", "hold", [payout.pk], query=_ALL, reason="Hanna asked us to wait for her tax number."
    )
    scene.say(f"Olga puts a hold on {payout.number} of Hanna.")


def frozen(scene: Scene) -> Story:
    """Olga freezes Fritz before anything of his is gathered."""
    payee: Payee = yield Until("Fritz to be known", lambda: _known(scene, "Fritz"))
    scene.staff.olga.desk.act(
        "accounts/payee", "freeze", [payee.pk], query="q=Fritz", reason="Complaints about counterfeits."
    )
    scene.say("Olga freezes Fritz.")
    scene.sell("Fritz", 10_000)


def connected_to_stripe(scene: Scene) -> Story:
    """Sia sells once Sharetribe has said that she has a Stripe account there."""

    def known() -> bool:
        payee = _known(scene, "Sia")
        return payee is not None and payee.stripe_connected

    yield Until("Sharetribe to say that Sia is connected to Stripe", known)
    scene.sell("Sia", 10_000)


def unheard(scene: Scene) -> Story:
    """Sharetribe gives no event of Lena's sale out; Emil's resync finds it, if the daily one did not come first."""
    transaction = str(uuid.uuid4())
    scene.flex.fault("event_gap", match={"reference": transaction})
    scene.sell("Lena", 10_000, id=transaction)
    yield Until("everybody else's sales to be heard", lambda: _are_paid(scene, ("Alma", "Yann")))
    heard = FlexEvent.objects.filter(resource_id=transaction).exclude(event_type=SNAPSHOT)
    if heard.exists():
        raise AssertionError("Lena's sale was heard of, though no event of it was given out.")
    said = StringIO()
    call_command("resync_flex", "--all", stdout=said)
    scene.say(f"Emil runs a resync, which finds Lena's sale: {said.getvalue().strip()}")
    yield scene.stands("Lena", State.PAID)


def _known(scene: Scene, name: str) -> Payee | None:
    return Payee.objects.filter(flex_user_id=scene.users[name]).first()


def opening_items(scene: Scene) -> Story:
    """Of Otto's four old sales one is released, and one turns out to have been paid by hand."""

    def all_there() -> list[Payable]:
        rows = list(scene.payables("Otto").filter(waits_for=Payable.Waits.OPENING))
        return rows if len(rows) == len(scene.sales["Otto"]) else []

    rows: list[Payable] = yield Until("Otto's opening items", all_there)
    by_sale = {row.reference: row for row in rows}
    first, second = scene.sales["Otto"][:2]
    # Whoever releases something has made it, and cannot approve it: Greta releases, Anna approves.
    scene.staff.greta.desk.act(
        "payouts/payable",
        "release",
        [by_sale[first].pk],
        query="waits_for=opening",
        reason="Not in our bank statements: never paid.",
    )
    with TemporaryDirectory() as folder:
        path = Path(folder) / "paid.csv"
        with path.open("w", newline="") as file:
            csv.writer(file).writerows(
                [
                    ["transaction_id", "paid_at", "reference"],
                    [second, "2026-01-31", "Bank statement 7, line 3"],
                ]
            )
        call_command("import_paid", str(path), "--as", scene.staff.greta.user.email, stdout=StringIO())
    scene.say("Greta releases one of Otto's opening items, and imports that another was paid by hand.")
    yield scene.stands("Otto", State.PAID)


def refunded_before(scene: Scene) -> Story:
    """Rolf's and Petra's buyers get money back while the payouts await approval."""
    yield scene.stands("Rolf", State.AWAITING_APPROVAL)
    yield scene.stands("Petra", State.AWAITING_APPROVAL)
    scene.flex.step(scene.sales["Rolf"][0], "operator-refund")
    scene.flex.refund(scene.sales["Petra"][0], 30)
    scene.say("Rolf's buyer gets everything back and Petra's 30 %, before anything was sent.")
    yield scene.stands("Rolf", State.CANCELLED)
    yield scene.stands("Petra", State.AWAITING_APPROVAL, nth=1)
    scene.reserved -= {"Rolf", "Petra"}
    yield scene.stands("Petra", State.PAID, nth=1)


def refunded_after(scene: Scene) -> Story:
    """Paul's and Nora's buyers get money back when the sellers were paid already."""
    yield scene.stands("Paul", State.PAID)
    yield scene.stands("Nora", State.PAID)
    for name in ("Paul", "Nora"):
        scene.flex.refund(scene.sales[name][0], 20)
    scene.say("Paul's and Nora's buyers get 20 % back after the sellers were paid.")
    row: Payable = yield scene.waits("Paul", Payable.Waits.CLAWBACK)
    staff = scene.staff
    request = staff.olga.desk.ask(
        "clawback_decide", payable=str(row.pk), decision="net", reason="Paul agreed by e-mail."
    )
    staff.ada.desk.act("payouts/request", "second", [request], reason="Saw the e-mail.")
    scene.say("Olga asks to net Paul's clawback against his next sale; Ada seconds it.")
    scene.sell("Paul", 6_000)
    payout: Payout = yield scene.stands("Paul", State.PAID, nth=1)
    if payout.sent_units != 5_400 - 1_800:
        raise AssertionError(f"Paul's second payout is {payout.sent_units}, not his sale less the clawback.")
    yield scene.waits("Nora", Payable.Waits.CLAWBACK)


def bonus(scene: Scene) -> Story:
    """Bonnie gets a bonus, once she was paid for her sale."""
    yield scene.stands("Bonnie", State.PAID)
    staff, fields = scene.staff, {"purpose": "bonus", "currency": "EUR", "amount": "25.00"}
    request = staff.olga.desk.ask(
        "payable_add", payee=str(scene.payee("Bonnie").pk), reason="Seller of the month.", **fields
    )
    staff.boris.desk.act("payouts/request", "second", [request], reason="Well deserved.")
    scene.say("Olga asks for a bonus of EUR 25.00 for Bonnie; Boris seconds it.")
    yield scene.stands("Bonnie", State.PAID, nth=1)


def unclaimed(scene: Scene) -> Story:
    """Ulla does not claim her money: it is cancelled, comes back, and waits for her new address to cool down."""
    payout: Payout = yield Until("Ulla not to claim her money", lambda: _unclaimed(scene, "Ulla"))
    staff = scene.staff
    staff.anna.desk.act(
        "payouts/payout", "cancel", [payout.pk], query=_ALL, reason="Ulla has no PayPal account any more."
    )
    scene.say(f"Anna cancels {payout.number} of Ulla, who does not claim it.")
    row: Payable = yield scene.waits("Ulla", Payable.Waits.RETURNED)
    request = staff.olga.desk.ask(
        "method_add",
        payee=str(scene.payee("Ulla").pk),
        provider="paypal",
        email="ulla.new@example.com",
        checked="Ulla said so on the number we had on file.",
        reason="Ulla has a new address at PayPal.",
    )
    staff.ada.desk.act("payouts/request", "second", [request], reason="Called her as well.")
    staff.greta.desk.act("payouts/payable", "release", [row.pk], reason="To be paid to the new address.")
    scene.say("Ulla gets a new address (Olga asks, Ada seconds) and Greta releases what came back.")
    yield scene.stands("Ulla", State.PENDING, nth=1)
    yield Until(
        "Ulla's payout to wait for the cool-down",
        lambda: scene.payouts("Ulla").filter(state=State.PENDING, blocked_by="method_cooled").first(),
    )


def _unclaimed(scene: Scene, name: str) -> Payout | None:
    rows = scene.payouts(name).filter(state=State.SUBMITTED)
    return rows.filter(attempts__status=Status.AWAITING_PAYEE).first()


def stopped(scene: Scene) -> Story:
    """Olga stops everything while Beat's payout is approved; it goes out when Anna starts it again."""
    yield Until("the others to be paid", lambda: _are_paid(scene, ("Alma", "Yann", "Yuki", "Sven", "Lino")))
    yield scene.stands("Beat", State.AWAITING_APPROVAL)
    scene.staff.olga.desk.switch("stop/", reason="A strange e-mail: looking into it.")
    approve_alone(scene, ["Beat"], reason="Fine as such.")
    scene.say("Olga stops everything; Anna approves Beat's payout, which must not go out now.")
    yield Until(
        "Beat's payout to be stopped",
        lambda: scene.payouts("Beat").filter(state=State.APPROVED, blocked_by="stopped").first(),
    )
    scene.staff.anna.desk.switch("resume/", reason="It was a newsletter.")
    scene.say("Anna lets sending start again.")
    yield scene.stands("Beat", State.PAID)


def _are_paid(scene: Scene, names: Sequence[str]) -> bool:
    return all(scene.payouts(name).filter(state=State.PAID).exists() for name in names)


def verified_by_word(scene: Scene) -> Story:
    """Beat's payout waits until two people say that the address is his."""
    payout: Payout = yield Until(
        "Beat's payout to wait for the verification",
        lambda: scene.payouts("Beat").filter(state=State.PENDING, blocked_by="method_verified").first(),
    )
    request = scene.staff.olga.desk.ask(
        "method_verify", method=str(payout.method_id), checked="Called Beat.", reason="He is known to us."
    )
    scene.staff.ada.desk.act("payouts/request", "second", [request], reason="Heard the call.")
    scene.say("Olga says that Beat's address was checked by telephone; Ada seconds it.")
    yield scene.stands("Beat", State.PAID)
