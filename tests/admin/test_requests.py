"""Requests: every act that needs two people has a form; one asks, another seconds, and nobody both."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Marketplace
from accounts.roles import ROLES
from payouts import requests
from payouts.admin.request_forms import FORMS
from payouts.models import (
    ApprovalPolicy,
    ApprovalThreshold,
    ApproverLimit,
    Incident,
    Payable,
    PayoutMethod,
    Process,
    Request,
    Schedule,
    Trigger,
)
from tests import factories


def form_url(act: str) -> str:
    return reverse("admin:new_request_of", args=[act])


def act_url(name: str) -> str:
    return reverse("admin:payouts_request_act", args=[name])


@pytest.fixture
def ask(as_role):
    """Fill in the form of an act, as somebody whose roles cover it; gives the request."""

    def asked(act: str, **given: object) -> Request:
        role = next(role for role, acts in ROLES.items() if requests.ACTS[act].needs in acts)
        before = set(Request.objects.values_list("pk", flat=True))
        response = as_role(role).post(form_url(act), {"reason": "As agreed", **given})
        assert response.status_code == 302, response.context["form"].errors
        made = Request.objects.exclude(pk__in=before).get()
        assert response["Location"] == reverse("admin:payouts_request_change", args=[made.pk])
        return made

    return asked


@pytest.fixture
def second(as_role):
    """Second a request, as the other approver."""

    def seconded(made: Request) -> None:
        as_role("another").post(
            act_url("second"), {"ids": str(made.pk), "confirmed": "1", "reason": "Checked"}
        )
        made.refresh_from_db()
        assert made.state == Request.State.SECONDED

    return seconded


def test_every_act_has_a_form():
    assert set(FORMS) == set(requests.ACTS)


def test_forms_open_for_whoever_may_ask_and_for_nobody_else(as_role, everything, paypal):
    clients = {role: as_role(role) for role in ROLES}
    for act, kind in requests.ACTS.items():
        for role, acts in ROLES.items():
            expected = 200 if kind.needs in acts else 403
            assert clients[role].get(form_url(act)).status_code == expected, (act, role)
    assert clients["operator"].get(form_url("nothing")).status_code == 404


def test_every_form_wants_a_reason(as_role, everything, paypal):
    for act, kind in requests.ACTS.items():
        role = next(role for role, acts in ROLES.items() if kind.needs in acts)
        response = as_role(role).post(form_url(act), {})
        assert response.status_code == 200
        assert "reason" in response.context["form"].errors
    assert Request.objects.count() == 1


def test_a_method_is_set_by_two_people_and_travels_sealed(ask, second, people, paypal):
    payee = factories.PayeeFactory.create(email="Ada@Seller.example")
    made = ask(
        "method_add", payee="ada@seller.example", provider="paypal", email="new@Ada.example", checked="Called"
    )
    assert "new@ada.example" not in f"{made.payload} {made.summary}".lower()
    assert made.sealed
    second(made)
    method = PayoutMethod.objects.get(payee=payee)
    assert (method.made_by, method.seconded_by) == (people["operator"], people["another"])
    assert not made.sealed


def test_a_wrong_destination_is_refused_with_its_sentence(as_role, people, paypal):
    payee = factories.PayeeFactory.create()
    given = {"reason": "x", "payee": str(payee.pk), "provider": "paypal", "paypal_id": "no id"}
    response = as_role("operator").post(form_url("method_add"), given)
    assert response.context["form"].non_field_errors()
    both = {**given, "email": "a@b.example"}
    assert "or its PayPal ID" in str(
        as_role("operator").post(form_url("method_add"), both).context["form"].errors
    )
    unknown = {**given, "payee": "nobody@nowhere.example"}
    assert "No payee" in str(as_role("operator").post(form_url("method_add"), unknown).context["form"].errors)


def test_a_method_is_verified(ask, second, people, paypal):
    method = factories.MethodFactory.create(verified_at=None, verified_how="")
    second(ask("method_verify", method=str(method.pk), checked="Called the number on file"))
    method.refresh_from_db()
    assert method.verified_how == "Called the number on file"


def test_money_is_asked_for_in_the_currencys_own_decimals(ask, second, as_role, people):
    payee = factories.PayeeFactory.create()
    second(ask("payable_add", payee=str(payee.flex_user_id), purpose="bonus", currency="JPY", amount="1,500"))
    assert Payable.objects.get(payee=payee).units == 1500
    for amount in ("1.5", "1e3", "much", ""):
        given = {
            "reason": "x",
            "payee": str(payee.pk),
            "purpose": "bonus",
            "currency": "JPY",
            "amount": amount,
        }
        response = as_role("operator").post(form_url("payable_add"), given)
        assert "amount" in response.context["form"].errors, amount


def test_a_clawback_is_decided(ask, second, everything):
    row = Payable.objects.get(waits_for=Payable.Waits.CLAWBACK)
    asked = ask("clawback_decide", payable=str(row.pk), decision="write_off")
    assert str(row.payee) in asked.summary
    second(asked)
    row.refresh_from_db()
    assert row.settled == Payable.Settled.WRITTEN_OFF


def test_an_incident_is_closed(ask, second, everything):
    incident = Incident.objects.get()
    second(ask("incident_close", incident=str(incident.pk), explanation="A refund of last year"))
    incident.refresh_from_db()
    assert incident.closed_at is not None


def test_a_payment_by_hand_is_asked_for(ask, everything):
    made = ask("pay_by_hand", payout=str(everything["approved"].pk), document="Bank, 22 Nov, line 7")
    assert everything["approved"].number in made.summary


def test_a_trigger_is_changed_and_added(ask, second, people, as_role):
    trigger = factories.TriggerFactory.create(minimums={"EUR": "500"}, hold_days=3)
    client = as_role("administrator")
    page = client.get(form_url("trigger_change"), {"trigger": trigger.pk})
    started = page.context["form"]
    given = {
        name: started[name].value() for name in started.fields if started[name].value() not in (None, False)
    }
    assert given["minimums"] == "EUR 5.00"
    changed = ask("trigger_change", **{**given, "reason": "Longer", "hold_days": 7})
    assert changed.payload == {"trigger": trigger.pk, "hold_days": 7}
    second(changed)
    trigger.refresh_from_db()
    assert trigger.hold_days == 7
    new = {
        "process": "another-process",
        "transition": "transition/done",
        "schedule": trigger.schedule_id,
        "hold_days": 0,
        "write_back": "transition",
        "transition_paid": "transition/mark-paid",
        "minimums": "EUR 5\nUSD 7.50",
        "payment_transitions": "transition/confirm\ntransition/pay",
    }
    second(ask("trigger_change", **new))
    made = Trigger.objects.get(process__name="another-process")
    assert made.minimums == {"EUR": "500", "USD": "750"}
    assert made.write_back_transitions == {"paid": "transition/mark-paid"}
    assert made.payment_transitions == ["transition/confirm", "transition/pay"]
    assert made.enabled is False


def test_a_process_a_schedule_and_the_rules_of_approval_are_set(ask, second, people):
    process = factories.ProcessFactory.create(name="with-stripe", uses_stripe=True, pays_nothing_at=None)
    second(ask("process_confirm", process=process.pk))
    assert Process.objects.get(pk=process.pk).pays_nothing_at is not None
    second(ask("schedule_set", name="Fridays", kind="weekly", hour=9, weekday=4))
    schedule = Schedule.objects.get(name="Fridays")
    assert (schedule.weekday, schedule.hour) == (4, 9)
    second(ask("schedule_set", schedule=schedule.pk, name="Once", kind="date", hour=9, on_date="2027-01-31"))
    schedule.refresh_from_db()
    assert str(schedule.on_date) == "2027-01-31"
    second(ask("threshold_set", currency="SEK", amount="5000"))
    assert ApprovalThreshold.objects.get(currency="SEK").units == 500_000
    second(ask("policy_set", currency="SEK", amount="100", enabled="on", method_age_days=10))
    policy = ApprovalPolicy.objects.get(currency="SEK")
    assert (policy.maximum_units, policy.enabled, policy.payee_paid_before) == (10_000, True, False)
    second(ask("limit_set", user=str(people["approver"].pk), currency="SEK", amount="900", window_hours=24))
    assert ApproverLimit.objects.get(user=people["approver"], currency="SEK").units == 90_000


def test_go_live_and_decimals_are_confirmed(ask, second, people):
    marketplace = factories.MarketplaceFactory.create(
        go_live_at=None, exponents={}, time_zone="Europe/Helsinki"
    )
    second(ask("go_live", at="2027-01-01T00:00"))
    marketplace.refresh_from_db()
    assert marketplace.go_live_at is not None
    assert marketplace.go_live_at.isoformat() == "2026-12-31T22:00:00+00:00"
    made = ask("exponents_confirm", exponents="EUR 2\nJPY 0")
    assert "12.34 EUR" in made.summary
    second(made)
    assert Marketplace.objects.get().exponents == {"EUR": 2, "JPY": 0}


def test_declining_and_withdrawing(as_role, open_request, people):
    own = as_role("operator").post(
        act_url("withdraw"), {"ids": str(open_request.pk), "confirmed": "1"}, follow=True
    )
    assert "Withdrawn (1)" in " ".join(str(message) for message in own.context["messages"])
    again = requests.make(
        act="payable_add",
        by=people["operator"],
        payload=open_request.payload,
        reason="Once more",
        now=timezone.now(),
    )
    given = {"ids": str(again.pk), "confirmed": "1", "reason": "Not agreed"}
    as_role("approver").post(act_url("decline"), given)
    again.refresh_from_db()
    open_request.refresh_from_db()
    assert (open_request.state, again.state) == (Request.State.WITHDRAWN, Request.State.DECLINED)
    assert again.closing_note == "Not agreed"
    assert not Payable.objects.filter(purpose="bonus").exists()


def test_the_page_tells_what_will_happen_before_it_is_seconded(as_role, open_request):
    page = as_role("approver").post(act_url("second"), {"ids": str(open_request.pk)})
    assert open_request.summary in page.context["will"]
    own = (
        as_role("operator")
        .get(reverse("admin:payouts_request_change", args=[open_request.pk]))
        .content.decode()
    )
    assert "Withdraw…" in own
    assert "Second…" not in own


@pytest.mark.parametrize(
    ("table", "act"), [("accounts_marketplace", "calendar_set"), ("payouts_process", "process_set")]
)
def test_what_a_page_shows_can_be_changed_from_there(table, act, as_role, everything):
    page = as_role("administrator").get(reverse(f"admin:{table}_changelist")).content.decode()
    assert form_url(act) in page


def test_seconding_many_shows_what_each_kind_comes_to_per_currency(ask, as_role, everything):
    payee = str(everything["paid"].payee_id)
    Request.objects.all().delete()
    clawback = Payable.objects.get(waits_for=Payable.Waits.CLAWBACK)
    made = [
        ask("payable_add", payee=payee, purpose="bonus", currency="EUR", amount="25"),
        ask("payable_add", payee=payee, purpose="deduction", currency="EUR", amount="5"),
        ask("payable_add", payee=payee, purpose="bonus", currency="USD", amount="7"),
        ask("clawback_decide", payable=str(clawback.pk), decision="write_off"),
        ask("pay_by_hand", payout=str(everything["approved"].pk), document="Bank, line 7"),
        ask("resolve_unknown", payout=str(everything["unknown"].pk), outcome="paid", document="Statement"),
        ask("threshold_set", currency="SEK", amount="5000"),
    ]
    shown = as_role("another").post(act_url("second"), {"ids": " ".join(str(one.pk) for one in made)})
    assert [(total["of"], total["count"], total["text"]) for total in shown.context["totals"]] == [
        ("Decide a clawback", 1, "5.00 EUR"),
        ("Owe a payee a bonus, correction or deduction", 2, "20.00 EUR"),
        ("Owe a payee a bonus, correction or deduction", 1, "7.00 USD"),
        ("Record a payment made by hand", 1, "123.45 EUR"),
        ("Resolve an unknown outcome", 1, "123.45 EUR"),
    ]
    together = shown.content.decode().partition("Together")[2].partition("</table>")[0]
    assert "Record a payment made by hand" in together


@pytest.mark.parametrize(
    "document", ["Statement of 22 Nov, no such line", "Statement of 22 Nov, no such line."]
)
def test_a_sentence_ends_once(document, ask, everything):
    unknown, approved = everything["unknown"], everything["approved"]
    incident = Incident.objects.get()
    method = factories.MethodFactory.create(verified_at=None, verified_how="")
    for made in (
        ask("resolve_unknown", payout=str(unknown.pk), outcome="not_paid", document=document),
        ask("pay_by_hand", payout=str(approved.pk), document=document),
        ask("incident_close", incident=str(incident.pk), explanation=document),
        ask("method_verify", method=str(method.pk), checked=document),
    ):
        assert made.summary.endswith("no such line."), made.summary


def test_the_message_of_what_was_done_ends_once(as_role, open_request):
    given = {"ids": str(open_request.pk), "confirmed": "1", "reason": "Not agreed"}
    done = as_role("approver").post(act_url("decline"), given, follow=True)
    assert [str(message) for message in done.context["messages"]] == [f"Declined (1): {open_request.summary}"]
