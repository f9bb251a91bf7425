"""Every act needs a POST, its permission and a confirmed page; and does what the page said."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.urls import reverse
from django.utils import timezone

from accounts.backoffice.acting import ActingAdmin, ReasonForm
from accounts.roles import ROLES
from payouts import holding, incidents
from payouts.incidents import Evidence
from payouts.models import (
    Approval,
    ApproverLimit,
    Hold,
    Incident,
    Note,
    OutboxMessage,
    Payable,
    Payout,
    PayoutEvent,
    PayoutMethod,
    Request,
    State,
)
from tests import factories
from tests.admin.conftest import nothing_is_written

PAGES = [page for page in admin.site._registry.values() if isinstance(page, ActingAdmin)]
ACTS = [(page, act) for page in PAGES for act in page.acts]


def url_of(page: ActingAdmin, name: str) -> str:
    return reverse(f"admin:{page.model._meta.app_label}_{page.model._meta.model_name}_act", args=[name])


def payout_act(name: str) -> str:
    return reverse("admin:payouts_payout_act", args=[name])


def fields_of(response: Any) -> dict[str, str]:
    """What the page carries hidden."""
    context = response.context
    return {"ids": context["ids"], "proof": context["proof"], "back": context["back"], "confirmed": "1"}


def told(response: Any) -> str:
    return " ".join(str(message) for message in response.context["messages"])


def test_every_act_needs_a_post(as_role, everything):
    for page, act in ACTS:
        role = next(role for role, acts in ROLES.items() if act.needs in acts)
        assert as_role(role).get(url_of(page, act.name)).status_code == 405, act.name


def test_every_act_needs_its_permission(as_role, everything):
    clients = {part: as_role(part) for part in (*ROLES, "nobody", "superuser")}
    for page, act in ACTS:
        row = page.model._default_manager.order_by("pk").first()
        assert row is not None
        given = {"ids": str(row.pk), "confirmed": "1", "reason": "because", "proof": "{}"}
        for part, client in clients.items():
            if act.needs not in ROLES.get(part, ()):
                with nothing_is_written():
                    assert client.post(url_of(page, act.name), given).status_code == 403, (act.name, part)


def test_every_act_shows_its_page_first_wants_its_reason_and_changes_nothing_by_it(as_role, everything):
    clients = {role: as_role(role) for role in ROLES}
    for page, act in ACTS:
        client = clients[next(role for role, acts in ROLES.items() if act.needs in acts)]
        ids = " ".join(str(row.pk) for row in page.model._default_manager.order_by("pk")[:20])
        with nothing_is_written():
            shown = client.post(url_of(page, act.name), {"ids": ids})
            assert shown.status_code == 200
            if not shown.context["fitting"]:
                continue
            assert b"This will:" in shown.content
            assert shown.context["will"]
            if issubclass(act.form_class, ReasonForm):
                again = client.post(url_of(page, act.name), {**fields_of(shown), "reason": "  "})
                assert "reason" in again.context["form"].errors, act.name


def test_the_list_offers_exactly_the_acts_of_the_role(as_role, everything):
    url = reverse("admin:payouts_payout_changelist")
    offered = {
        role: {
            name for name, _ in as_role(role).get(url).context["action_form"].fields["action"].choices if name
        }
        if as_role(role).get(url).context["action_form"]
        else set()
        for role in ROLES
    }
    assert offered["viewer"] == set()
    assert offered["operator"] == {"hold", "refresh", "note"}
    assert offered["engineer"] == {"hold", "refresh"}
    assert offered["administrator"] == {"note"}
    assert offered["approver"] == {
        "approve",
        "hold",
        "release",
        "retry",
        "resolve",
        "refresh",
        "revoke",
        "cancel",
        "note",
    }


def test_approving_many_binds_what_was_shown(as_role, people):
    payouts = [
        factories.PayoutFactory.create(state=State.AWAITING_APPROVAL, debt_units=1000 * n) for n in (1, 2, 3)
    ]
    factories.PayoutFactory.create(state=State.AWAITING_APPROVAL, debt_units=500, debt_currency="USD")
    client = as_role("approver")
    listed = reverse("admin:payouts_payout_changelist") + "?state=awaiting_approval"
    given = {
        "action": "approve",
        "_selected_action": [str(payouts[0].pk)],
        "select_across": "1",
        "index": "0",
    }
    page = client.post(listed, given)
    assert [(total["currency"], total["count"], total["text"]) for total in page.context["totals"]] == [
        ("EUR", 3, "60.00 EUR"),
        ("USD", 1, "5.00 USD"),
    ]
    done = client.post(payout_act("approve"), {**fields_of(page), "reason": "Weekly list"}, follow=True)
    assert done.redirect_chain[0][0] == listed
    assert "Approval given (4)" in told(done)
    assert Payout.objects.filter(state=State.APPROVED).count() == 4
    assert set(Approval.objects.values_list("reason", flat=True)) == {"Weekly list"}


def test_a_stale_digest_is_refused(as_role, people):
    payout, other = (factories.PayoutFactory.create(state=State.AWAITING_APPROVAL) for _ in range(2))
    client = as_role("approver")
    page = client.post(payout_act("approve"), {"ids": f"{payout.pk} {other.pk}"})
    factories.MethodFactory.create(payee=payout.payee, version=2, retired_at=payout.created_at)
    Payout.objects.filter(pk=payout.pk).update(debt_units=99_999, sent_units=99_999)
    done = client.post(payout_act("approve"), {**fields_of(page), "reason": "Looks right"}, follow=True)
    assert f"{payout.number}: It changed since you looked at it" in told(done)
    payout.refresh_from_db()
    other.refresh_from_db()
    assert (payout.state, other.state) == (State.AWAITING_APPROVAL, State.APPROVED)
    assert Approval.objects.get(payout=payout).result == Approval.Result.REFUSED


@pytest.mark.parametrize("proof", ["", "{}", "[]", "{", '{"x": "zz"}'])
def test_approving_without_the_proof_of_the_page_does_nothing(proof, as_role, people):
    payout = factories.PayoutFactory.create(state=State.AWAITING_APPROVAL)
    given = {"ids": str(payout.pk), "confirmed": "1", "reason": "x", "proof": proof}
    as_role("approver").post(payout_act("approve"), given)
    payout.refresh_from_db()
    assert payout.state == State.AWAITING_APPROVAL


def test_ids_that_are_none_are_refused(as_role, people):
    client = as_role("approver")
    assert client.post(payout_act("hold"), {"ids": "nonsense"}).status_code == 400
    assert client.post(payout_act("hold"), {"ids": ""}).status_code == 400
    assert client.post(payout_act("hold"), {"ids": "01913d9c-0000-7000-8000-000000000000"}).status_code == 404
    assert client.post(payout_act("nothing"), {"ids": ""}).status_code == 404


def test_nobody_is_led_away_by_the_way_back(as_role, everything):
    payout = everything["approved"]
    given = {"ids": str(payout.pk), "confirmed": "1", "text": "Seen"}
    for back in ("https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)"):
        response = as_role("operator").post(payout_act("note"), {**given, "back": back})
        assert response["Location"] == reverse("admin:payouts_payout_changelist")


def test_holding_and_releasing(as_role, people):
    payout = factories.PayoutFactory.create(state=State.APPROVED)
    client = as_role("approver")
    given = {"ids": str(payout.pk), "confirmed": "1", "reason": "Asked to wait"}
    client.post(payout_act("hold"), given)
    hold = Hold.objects.get(payout=payout)
    assert hold.set_by == people["approver"]
    page = client.post(payout_act("release"), {"ids": str(payout.pk)})
    assert "Asked to wait" in page.context["will"][0]
    client.post(payout_act("release"), {**given, "reason": "All clear"})
    hold.refresh_from_db()
    assert hold.lifted_by == people["approver"]
    assert [e.kind for e in PayoutEvent.objects.filter(payout=payout).order_by("n")][-2:] == [
        "held",
        "released",
    ]


def test_cancelling_retrying_revoking_and_refreshing(as_role, people):
    client = as_role("approver")
    failed = factories.PayoutFactory.create(state=State.FAILED)
    pending = factories.PayoutFactory.create(state=State.PENDING)
    for name, payout, state in (
        ("retry", failed, State.AWAITING_APPROVAL),
        ("cancel", pending, State.CANCELLED),
    ):
        client.post(payout_act(name), {"ids": str(payout.pk), "confirmed": "1", "reason": "As agreed"})
        payout.refresh_from_db()
        assert payout.state == state
    done = client.post(payout_act("refresh"), {"ids": str(failed.pk), "confirmed": "1"}, follow=True)
    assert "Asked again (1)" in told(done)


def test_what_does_not_fit_is_left_out_with_its_reason(as_role, everything):
    ids = f"{everything['paid'].pk} {everything['failed'].pk} {everything['unknown'].pk}"
    page = as_role("approver").post(payout_act("retry"), {"ids": ids})
    assert (page.context["fitting"], page.context["unfitting"]) == (1, 2)
    assert page.context["ids"] == str(everything["failed"].pk)
    assert "an unknown outcome must be resolved" in page.content.decode()


def test_resolving_makes_a_request_that_another_person_must_second(as_role, everything):
    unknown = everything["unknown"]
    given = {
        "ids": str(unknown.pk),
        "confirmed": "1",
        "outcome": "not_paid",
        "document": "Statement of 22 Nov, no such line",
        "reason": "PayPal support confirmed",
    }
    as_role("approver").post(payout_act("resolve"), given)
    made = Request.objects.get(act="resolve_unknown")
    unknown.refresh_from_db()
    assert unknown.state == State.UNKNOWN
    second = reverse("admin:payouts_request_act", args=["second"])
    own = as_role("approver").post(second, {"ids": str(made.pk), "confirmed": "1"}, follow=True)
    assert "another person must second it" in told(own)
    as_role("another").post(second, {"ids": str(made.pk), "confirmed": "1"})
    unknown.refresh_from_db()
    assert unknown.state == State.FAILED


def test_notes_stand_beside_the_payout(as_role, everything):
    payout = everything["paid"]
    as_role("operator").post(
        payout_act("note"), {"ids": str(payout.pk), "confirmed": "1", "text": "<b>Called</b>"}
    )
    assert Note.objects.get(payout=payout).text == "<b>Called</b>"
    page = as_role("viewer").get(reverse("admin:payouts_payout_change", args=[payout.pk])).content.decode()
    assert "&lt;b&gt;Called&lt;/b&gt;" in page


def test_releasing_opening_items(as_role, everything):
    row = Payable.objects.get(waits_for=Payable.Waits.OPENING)
    clawback = Payable.objects.get(waits_for=Payable.Waits.CLAWBACK)
    url = reverse("admin:payouts_payable_act", args=["release"])
    given = {"ids": f"{row.pk} {clawback.pk}", "confirmed": "1", "reason": "Not paid by hand"}
    done = as_role("approver").post(url, given, follow=True)
    assert "Released (1)" in told(done)
    row.refresh_from_db()
    clawback.refresh_from_db()
    assert (row.waits_for, clawback.waits_for) == ("", "clawback")


def test_telling_a_dead_message_again(as_role, everything):
    dead = OutboxMessage.objects.get(dead_at__isnull=False)
    url = reverse("admin:payouts_outboxmessage_act", args=["replay"])
    as_role("engineer").post(url, {"ids": str(dead.pk), "confirmed": "1", "reason": "Mail is back"})
    dead = OutboxMessage.objects.get(pk=dead.pk)
    assert dead.dead_at is None
    assert dead.next_at is not None


def test_freezing_thawing_and_paying_now(as_role, people):
    payee = factories.PayeeFactory.create()

    def act(part: str, name: str) -> None:
        url = reverse("admin:accounts_payee_act", args=[name])
        as_role(part).post(url, {"ids": str(payee.pk), "confirmed": "1", "reason": "As agreed"})
        payee.refresh_from_db()

    act("operator", "freeze")
    assert payee.frozen_reason == "As agreed"
    act("operator", "pay_now")
    act("approver", "thaw")
    assert payee.frozen_at is None
    act("operator", "pay_now")
    assert payee.pay_now_at is not None


def test_paying_now_shows_what_it_comes_to_per_currency(as_role, people):
    payee = factories.PayeeFactory.create()
    for units, currency in ((1_000, "EUR"), (250, "EUR"), (700, "USD")):
        factories.PayableFactory.create(payee=payee, units=units, currency=currency)
    factories.PayableFactory.create(payee=payee, units=9_900, waits_for=Payable.Waits.OPENING)
    factories.PayableFactory.create(payee=factories.PayeeFactory.create(), units=5)
    url = reverse("admin:accounts_payee_act", args=["pay_now"])
    shown = as_role("operator").post(url, {"ids": str(payee.pk)})
    assert [total["text"] for total in shown.context["totals"]] == ["12.50 EUR", "7.00 USD"]


def test_approving_leaves_out_what_would_be_refused(as_role, people):
    held, own, good = (factories.PayoutFactory.create(state=State.AWAITING_APPROVAL) for _ in range(3))
    holding.hold(by=people["operator"], payees=[held.payee_id], reason="Documents differ", now=timezone.now())
    PayoutMethod.objects.filter(pk=own.method_id).update(verified_by=people["approver"])
    shown = as_role("approver").post(payout_act("approve"), {"ids": f"{held.pk} {own.pk} {good.pk}"})
    assert shown.context["ids"] == str(good.pk)
    assert shown.context["totals"] == [{"of": "", "currency": "EUR", "count": 1, "text": "123.45 EUR"}]
    page = shown.content.decode()
    assert "Documents differ" in page
    assert "You made part of it" in page


def test_what_is_held_or_let_go_is_added_up(as_role, people):
    payee = factories.PayeeFactory.create()
    waiting = factories.PayoutFactory.create(payee=payee, state=State.AWAITING_APPROVAL, debt_units=1_000)
    factories.PayoutFactory.create(state=State.APPROVED, debt_units=5)
    factories.PayoutFactory.create(payee=payee, state=State.SUBMITTED, debt_units=7)
    factories.PayableFactory.create(payee=payee, units=300)
    now, by = timezone.now(), people["operator"]
    holding.hold(by=by, payees=[payee.pk], methods=[waiting.method_id], reason="Wait", now=now)

    def text(part: str, model: str, name: str, *rows) -> list[str]:
        url = reverse(f"admin:{model}_act", args=[name])
        shown = as_role(part).post(url, {"ids": " ".join(str(row.pk) for row in rows)})
        return [f"{total['count']} {total['text']}" for total in shown.context["totals"]]

    assert text("operator", "accounts_payee", "hold", payee) == ["1 10.00 EUR"]
    assert text("operator", "accounts_payee", "freeze", payee) == ["1 10.00 EUR", "1 3.00 EUR"]
    assert text("operator", "payouts_payoutmethod", "hold", waiting.method) == ["1 10.00 EUR"]
    assert text("approver", "payouts_hold", "lift", *Hold.objects.all()) == ["1 10.00 EUR"]
    holding.stop(by=by, reason="Stop", now=now)
    assert text("approver", "payouts_hold", "lift", *Hold.objects.all()) == ["2 10.05 EUR"]
    holding.freeze(by=by, payee_id=payee.pk, reason="Documents differ", now=now)
    assert text("approver", "accounts_payee", "thaw", payee) == ["1 10.00 EUR", "1 3.00 EUR"]


def test_cancelling_tells_what_was_cancelled_from_what_was_only_asked(as_role, people, paypal):
    pending, unclaimed = (factories.PayoutFactory.create(state=s) for s in (State.PENDING, State.SUBMITTED))
    unclaimed.attempts.update(status="awaiting_payee", raw_status="UNCLAIMED")
    given = {"ids": f"{pending.pk} {unclaimed.pk}", "confirmed": "1", "reason": "Wrong person"}
    said = told(as_role("approver").post(payout_act("cancel"), given, follow=True))
    assert f"Cancelled (1): {pending.number}." in said
    assert f"The provider was asked to cancel, and may refuse (1): {unclaimed.number}." in said
    alone = factories.PayoutFactory.create(state=State.SUBMITTED)
    alone.attempts.update(status="awaiting_payee", raw_status="UNCLAIMED")
    said = told(as_role("approver").post(payout_act("cancel"), {**given, "ids": str(alone.pk)}, follow=True))
    assert "asked to cancel" in said
    assert "Cancelled" not in said
    assert "nothing to do" not in said


def test_who_may_have_been_paid_already_is_held_until_a_person_says_otherwise(as_role, people):
    payee = factories.PayeeFactory.create()
    incidents.open_incidents(
        [
            Evidence(
                kind="returned_late",
                subject="X",
                sentence="It was paid.",
                provider="paypal",
                payee_id=payee.pk,
            )
        ],
        now=timezone.now(),
    )
    hold = Hold.objects.get(payee=payee)
    lift = reverse("admin:payouts_hold_act", args=["lift"])
    given = {"ids": str(hold.pk), "confirmed": "1", "reason": "The statement shows one payment"}
    assert "Released (1)" in told(as_role("approver").post(lift, given, follow=True))


def test_a_hold_that_a_rule_lifts_is_not_offered_for_release(as_role, people):
    payout = factories.PayoutFactory.create(state=State.APPROVED)
    incident = Incident.objects.create(
        kind="wrong_echo", provider="paypal", subject="X", sentence="Another amount."
    )
    now = timezone.now()
    holding.hold_by_rule(
        rule=f"incident:{incident.pk}", reason="Another amount.", payouts=[payout.pk], now=now
    )
    holding.hold_by_rule(rule="night", reason="Dark.", rail="provider:paypal", now=now)
    client = as_role("approver")
    of_payout = client.get(reverse("admin:payouts_payout_change", args=[payout.pk])).content.decode()
    assert "Release…" not in of_payout
    page = client.post(payout_act("release"), {"ids": str(payout.pk)})
    assert page.context["fitting"] == 0
    assert "closing its incident lifts it" in page.content.decode()
    lift = reverse("admin:payouts_hold_act", args=["lift"])
    for hold, who in zip(
        Hold.objects.order_by("pk"), ("closing its incident lifts it", "The rule night set it"), strict=True
    ):
        listed = client.get(reverse("admin:payouts_hold_change", args=[hold.pk])).content.decode()
        assert "Release…" not in listed
        assert who in listed
        shown = client.post(lift, {"ids": str(hold.pk)})
        assert shown.context["fitting"] == 0
        assert who in shown.content.decode()


def test_releasing_a_payout_lifts_what_people_may_lift(as_role, people):
    payout = factories.PayoutFactory.create(state=State.APPROVED)
    now = timezone.now()
    holding.hold_by_rule(rule="incident:1", reason="Another amount.", payouts=[payout.pk], now=now)
    holding.hold(by=people["operator"], payouts=[payout.pk], reason="Asked to wait", now=now)
    client = as_role("approver")
    page = client.post(payout_act("release"), {"ids": str(payout.pk)})
    assert page.context["will"][0] == "Lift 1 hold on 1 payout: “Asked to wait”."
    assert "closing its incident lifts it" in page.context["will"][1]
    given = {"ids": str(payout.pk), "confirmed": "1", "reason": "All clear"}
    done = client.post(payout_act("release"), given, follow=True)
    assert told(done) == f"Released (1): {payout.number}."
    assert Hold.objects.get(lifted_at__isnull=True).rule == "incident:1"


def test_approving_shows_what_is_left_of_the_own_limit_and_warns_when_it_is_too_little(as_role, people):
    payouts = [
        factories.PayoutFactory.create(
            state=State.AWAITING_APPROVAL, debt_units=units, debt_currency=currency
        )
        for units, currency in ((1_000, "EUR"), (2_000, "EUR"), (700, "USD"), (500, "SEK"))
    ]
    ApproverLimit.objects.filter(user=people["approver"], currency="EUR").update(units=3_500)
    earlier = factories.PayoutFactory.create(state=State.AWAITING_APPROVAL, debt_units=1_000)
    client = as_role("approver")
    page = client.post(payout_act("approve"), {"ids": str(earlier.pk)})
    assert "Your limit in EUR: 35.00 EUR left of 35.00 EUR in 24 hours." in page.context["will"]
    assert not page.context["warnings"]
    client.post(payout_act("approve"), {**fields_of(page), "reason": "Looks right"})
    page = client.post(payout_act("approve"), {"ids": " ".join(str(payout.pk) for payout in payouts)})
    assert [sentence for sentence in page.context["will"] if "limit in" in sentence] == [
        "Your limit in EUR: 25.00 EUR left of 35.00 EUR in 24 hours.",
        "Your limit in USD: 100,000.00 USD left of 100,000.00 USD in 24 hours.",
    ]
    assert page.context["warnings"] == [
        "30.00 EUR is more than is left of your limit, 25.00 EUR: what does not fit any more will be refused.",
        "You have no approval limit in SEK; an administrator can set one. Its payouts will be refused.",
    ]
    shown = page.content.decode()
    assert shown.index("more than is left") < shown.index('name="confirmed"')
