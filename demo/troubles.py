"""Stories in which PayPal is the trouble: lost answers, lack of funds, money that comes back."""

from __future__ import annotations

from io import StringIO

from django.core.management import call_command

from demo.approving import approve_alone
from demo.scene import Scene, Story, Until
from payouts.models import Attempt, Hold, Incident, Payable, Payout, PayoutEvent, Request, State

_ALL = "state=all"
_PLENTY = 200_000_000
"""More than PayPal's sandbox begins with."""


def lost_answer(scene: Scene) -> Story:
    """PayPal's answer about Kenji's and Yuki's batch is lost; the batch is found there and adopted, not sent anew."""
    yield Until(
        "the outcome of Kenji's payout to be unknown",
        lambda: _was(scene, "Kenji", State.UNKNOWN),
    )
    scene.say("PayPal's answer about the yen was lost: nobody knows whether Kenji was paid.")
    yield scene.stands("Kenji", State.PAID)
    yield scene.stands("Yuki", State.PAID)
    # Kenji alone would do: how many are ready at the same moment is the sender's business.
    attempts = Attempt.objects.filter(currency="JPY").select_related("batch")
    if attempts.count() != 2:
        raise AssertionError("The yen were sent anew instead of being adopted.")
    reference = attempts.get(payout__payee__flex_user_id=scene.users["Kenji"]).batch.reference
    scene.say(f"What PayPal has under our key was compared and adopted: {reference}.")


def resolved_by_two(scene: Scene) -> Story:
    """PayPal used Sven's key up and paid nothing; two people say so, and the payout goes out again."""
    payout: Payout = yield scene.stands("Sven", State.UNKNOWN)
    staff = scene.staff
    staff.anna.desk.act(
        "payouts/payout",
        "resolve",
        [payout.pk],
        query="state=unknown",
        outcome="not_paid",
        document="PayPal case 4711: no such batch was ever made.",
        reason="PayPal's support looked for it.",
    )
    request = yield Until("the request about Sven's payout", lambda: _open_request(payout))
    staff.greta.desk.act("payouts/request", "second", [request], reason="Read the case.")
    scene.say(
        f"Anna asks to resolve {payout.number} of Sven as not paid, with PayPal's case; Greta seconds it."
    )
    yield scene.stands("Sven", State.FAILED)
    staff.anna.desk.act("payouts/payout", "retry", [payout.pk], query=_ALL, reason="Certainly not paid.")
    yield scene.stands("Sven", State.PAID)


def _open_request(payout: Payout) -> object:
    rows = Request.objects.filter(act="resolve_unknown", subject=str(payout.pk), state=Request.State.OPEN)
    return rows.values_list("pk", flat=True).first()


def lack_of_funds(scene: Scene) -> Story:
    """PayPal denies the dollars for lack of funds: our alarm, not the payees'; topped up, they go out."""
    names = ("Dale", "Dean")
    # Lack of funds stops all of PayPal, and so does Beat's story: one after the other.
    yield scene.stands("Beat", State.PAID)
    for name in names:
        yield scene.stands(name, State.AWAITING_APPROVAL)
    approve_alone(scene, names, reason="As invoiced.")
    scene.say("Anna approves the dollars, of which there are too few at PayPal.")
    hold: Hold = yield Until(
        "the alarm that PayPal's funds are short",
        lambda: Hold.objects.filter(rule="ours", rail="provider:paypal", lifted_at__isnull=True).first(),
    )
    if scene.payouts("Dale").filter(state=State.FAILED).exists():
        raise AssertionError("Dale was told that the payout failed, though it was our money that was short.")
    scene.paypal.fund("USD", _PLENTY)
    scene.staff.anna.desk.act(
        "payouts/hold", "lift", [hold.pk], query="open=yes", reason="Funds were moved to PayPal."
    )
    scene.say("PayPal denied the batch and everything to PayPal stopped; topped up, Anna lifts the hold.")
    for name in names:
        yield scene.stands(name, State.PAID)


def bad_receiver(scene: Scene) -> Story:
    """PayPal names Inga's address as bad and refuses the whole batch; the others go out without her."""
    payout: Payout = yield scene.stands("Inga", State.FAILED)
    innocent = Payout.objects.filter(rounds__gte=1).exclude(pk=payout.pk).count()
    scene.say(f"PayPal refuses Inga's address and the whole batch: {innocent} innocent payouts go out again.")


def declined_once(scene: Scene) -> Story:
    """PayPal declines Lino's payout once; Anna sends it again."""
    payout: Payout = yield scene.stands("Lino", State.FAILED)
    scene.staff.anna.desk.act(
        "payouts/payout", "retry", [payout.pk], query=_ALL, reason="PayPal's support says it will work now."
    )
    scene.say(f"PayPal declined {payout.number} of Lino; Anna sends it again.")
    yield scene.stands("Lino", State.PAID)


def came_back(scene: Scene) -> Story:
    """Rita's money comes back after it was paid; Greta releases it, and Anna approves it again."""
    yield scene.stands("Rita", State.RETURNED)
    row: Payable = yield scene.waits("Rita", Payable.Waits.RETURNED)
    scene.staff.greta.desk.act("payouts/payable", "release", [row.pk], reason="Rita cleared it with PayPal.")
    scene.say("Rita's money came back after it was paid; Greta releases it.")
    yield scene.stands("Rita", State.PAID, nth=1)


def returned_in_part(scene: Scene) -> Story:
    """A part of Gus's money comes back without a word; PayPal's statement shows it."""
    payout: Payout = yield scene.stands("Gus", State.PAID)
    attempt = payout.attempts.order_by("-n")[0]
    scene.paypal.post("return", {"reference": attempt.key, "units": 3_000})
    # Beat and the dollars stop all of PayPal for a while; the statement is compared when that is over.
    yield scene.stands("Dean", State.PAID)
    scene.say(f"Emil compares PayPal's statement with our attempts: {reconcile(scene)}")
    yield scene.waits("Gus", Payable.Waits.RETURNED)


def reconcile(scene: Scene) -> str:
    """Have PayPal's statement compared with our attempts; gives what the command says.

    :raises AssertionError: when they contradict each other.
    """
    scene.paypal.post("fresh")  # PayPal's own reports are hours behind
    said = StringIO()
    try:
        call_command("reconcile", "--provider", "paypal", stdout=said)
    except SystemExit as status:
        if status.code:
            raise AssertionError(said.getvalue()) from status
    return said.getvalue().strip()


def wrong_echo(scene: Scene) -> Story:
    """PayPal once speaks of another amount than was sent to Ingrid; two people find out and close the incident."""
    yield scene.waits("Gus", Payable.Waits.RETURNED)
    payout: Payout = yield scene.stands("Ingrid", State.AWAITING_APPROVAL)
    her_batch = {"method": "GET", "path": "/v1/payments/payouts/", "reference": scene.sellers["Ingrid"].to}
    scene.paypal.fault("wrong_echo", match=her_batch, times=1)
    approve_alone(scene, ["Ingrid"], reason="As agreed.")
    incident: Incident = yield Until(
        "the incident about Ingrid's payout",
        lambda: Incident.objects.filter(payout=payout, closed_at__isnull=True).first(),
    )
    staff = scene.staff
    staff.olga.desk.act("payouts/payout", "refresh", [payout.pk], query=_ALL)
    yield scene.stands("Ingrid", State.PAID)
    request = staff.anna.desk.ask(
        "incident_close",
        incident=str(incident.pk),
        explanation="PayPal's support says that it was shown wrongly; it is right now.",
        reason="Asked again: the amount is right.",
    )
    staff.greta.desk.act("payouts/request", "second", [request], reason="Saw it at PayPal.")
    scene.say(f"PayPal spoke of another amount for {payout.number}: an incident, which Anna and Greta close.")
    yield Until(
        "PayPal to be open again",
        lambda: not Hold.objects.filter(lifted_at=None, rail__isnull=False).exists(),
    )


def _was(scene: Scene, name: str, state: str) -> bool:
    payout = scene.payouts(name).first()
    return payout is not None and PayoutEvent.objects.filter(payout=payout, to_state=state).exists()
