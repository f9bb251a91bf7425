"""Who may approve what: limits, two people above the threshold, makers, expiry, revocation, and policies."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.roles import NotAllowed
from payouts import approval, holding
from payouts.errors import Refused
from payouts.models import Approval, ApprovalPolicy, Payout, PayoutMethod
from tests.stories.world import World


def test_above_the_threshold_two_people_approve(world: World) -> None:
    world.sale(world.seller(), price=200_000)
    world.decide()
    assert world.approve(by=world.carol).refused == []
    payout = world.payout()
    assert payout.state == "awaiting_approval"
    again = world.approve(by=world.carol)
    assert again.done == []
    assert "already" in again.refused[0][1]
    assert world.send() == 0
    assert world.approve(by=world.dave).refused == []
    world.send()
    world.until("paid")
    assert world.moved() == {"EUR": 180_000}
    world.assert_books_agree()


def test_a_currency_without_a_threshold_always_needs_two(world: World) -> None:
    from payouts.models import ApprovalThreshold

    ApprovalThreshold.objects.filter(currency="EUR").delete()
    world.sale(world.seller(), price=100)
    world.decide()
    world.approve(by=world.carol)
    assert world.payout().state == "awaiting_approval"
    world.approve(by=world.dave)
    assert world.payout().state == "approved"


@pytest.mark.parametrize("part", ["method", "bonus", "hold", "trigger", "verification"])
def test_whoever_made_a_part_of_it_may_not_approve(world: World, part: str) -> None:
    seller = world.seller(method=part != "method")
    if part == "method":
        fields = {"payee": str(seller.pk), "provider": "paypal", "checked": "Called."}
        world.second("method_add", fields, by=world.carol, secret={"email": "anna@example.com"})
    if part == "verification":
        PayoutMethod.objects.filter(payee=seller).update(verified_by=world.carol)
    if part == "bonus":
        fields = {"payee": str(seller.pk), "purpose": "bonus", "units": "500", "currency": "EUR"}
        world.second("payable_add", fields, by=world.carol)
    transaction = world.sale(seller)
    if part == "trigger":
        from payouts.models import Trigger

        Trigger.objects.update(changed_by=world.carol)
    world.decide()
    payout = world.payout()
    if part == "hold":
        holding.hold(by=world.carol, payouts=[payout.pk], reason="Look.", now=world.now)
        world.lift_our_holds()
        world.let_decide()
    done = world.approve(by=world.carol)
    assert done.done == []
    assert "another person" in done.refused[0][1]
    assert Approval.objects.get(result="refused").by == world.carol
    assert world.approve(by=world.dave).refused == []
    world.send()
    world.until("paid")
    assert world.told(transaction)["status"] == "paid"
    world.assert_books_agree()


def test_a_rolling_limit_is_counted_and_its_window_passes(world: World) -> None:
    limit = {"user": str(world.carol.pk), "currency": "EUR", "units": "10000", "window_hours": 24}
    world.second("limit_set", limit)
    for n in range(2):
        world.sale(world.seller(f"s{n}@example.com"))
    world.decide()
    done = world.approve(by=world.carol)
    assert len(done.done) == len(done.refused) == 1
    assert "Over your limit" in done.refused[0][1]
    world.let_pass(hours=25)
    assert len(world.approve(by=world.carol).done) == 1


def test_without_a_limit_nothing_may_be_approved(world: World) -> None:
    from payouts.models import ApproverLimit

    ApproverLimit.objects.filter(user=world.carol).delete()
    world.sale(world.seller())
    world.decide()
    assert "no approval limit" in world.approve(by=world.carol).refused[0][1]


def test_roles_and_superusers_have_no_bypass(world: World) -> None:
    world.sale(world.seller())
    world.decide()
    for user in (world.alice, type(world.alice).objects.create_superuser("root@example.com")):
        with pytest.raises(NotAllowed):
            world.approve(by=user)


def test_an_approval_expires(world: World) -> None:
    _, payout = world.sold_and_approved(world.seller())
    world.let_pass(days=8)
    assert world.send() == 0
    payout.refresh_from_db()
    assert payout.state == "awaiting_approval"
    assert Approval.objects.get().revoked_at is not None
    world.let_decide()
    assert world.approve().refused == []
    world.send()
    world.until("paid")
    world.assert_books_agree()


def test_an_approval_is_revoked_and_given_again(world: World) -> None:
    _, payout = world.sold_and_approved(world.seller())
    done = approval.revoke(by=world.dave, payout_ids=[payout.pk], reason="Wait.", now=world.now)
    assert done.done == [payout.number]
    assert world.send() == 0
    assert world.approve().refused == []
    world.send()
    world.until("paid")
    assert approval.revoke(by=world.dave, payout_ids=[payout.pk], reason="Late.", now=world.now).done == []
    world.assert_books_agree()


def test_a_revocation_at_the_moment_of_sending_comes_before_or_too_late(world: World) -> None:
    _, payout = world.sold_and_approved(world.seller())
    world.reread()

    def revoke() -> None:
        done = approval.revoke(by=world.dave, payout_ids=[payout.pk], reason="Wait.", now=world.now)
        assert done.done == []  # it is being sent: nothing can be revoked any more

    with world.meanwhile("send.after_intent", revoke):
        world.transmit()
    world.until("paid")
    world.assert_books_agree()


def policy(world: World, **changes: object) -> None:
    """Let a policy approve small amounts."""
    fields = {"currency": "EUR", "units": "5000", "enabled": True, "method_age_days": 0, **changes}
    world.second("policy_set", fields)


def test_a_policy_approves_what_it_covers(world: World) -> None:
    seller = world.seller()
    world.sold_and_approved(seller, price=1_000)
    world.send()
    world.until("paid")
    policy(world, payee_paid_before=True)
    world.sale(seller, price=2_000)
    world.sale(world.seller("new@example.com"), price=2_000)
    world.sale(world.seller("big@example.com"), price=20_000)
    world.decide()
    by_policy = Payout.objects.get(state="approved")
    assert by_policy.payee == seller
    assert Approval.objects.get(payout=by_policy).policy == ApprovalPolicy.objects.get(
        retired_at__isnull=True
    )
    world.send()
    world.until("paid", of=by_policy)
    assert world.moved() == {"EUR": 2_700}
    world.assert_books_agree()


def test_a_first_payment_is_always_reviewed_by_a_person(world: World) -> None:
    policy(world, payee_paid_before=False)
    world.sale(world.seller(), price=1_000)
    world.decide()
    assert world.payout().state == "awaiting_approval"


def test_a_policy_is_off_by_default_and_never_above_the_threshold(world: World) -> None:
    assert not ApprovalPolicy.objects.filter(enabled=True).exists()
    with pytest.raises(Refused):
        policy(world, units="100001")
    policy(world, enabled=False)
    seller = world.seller()
    world.sold_and_approved(seller, price=1_000)
    world.send()
    world.until("paid")
    world.sale(seller, price=1_000)
    world.decide()
    assert Payout.objects.filter(state="approved").count() == 0


def test_a_young_method_is_not_for_a_policy(world: World) -> None:
    seller = world.seller()
    world.sold_and_approved(seller, price=1_000)
    world.send()
    world.until("paid")
    policy(world, method_age_days=30)
    world.sale(seller, price=1_000)
    world.decide()
    assert Payout.objects.filter(state="awaiting_approval").count() == 1
    PayoutMethod.objects.filter(payee=seller)  # its age is what it was made with; time must pass
    world.let_pass(days=31)
    world.let_decide()
    assert Payout.objects.filter(state="approved").count() == 1


def test_an_approval_of_what_was_not_seen_is_refused_and_recorded(world: World) -> None:
    world.sale(world.seller())
    world.decide()
    payout = world.payout()
    done = approval.approve(by=world.carol, wanted=[(payout.pk, b"x" * 32)], reason="?", now=world.now)
    assert "changed since you looked" in done.refused[0][1]
    assert Approval.objects.get().result == "refused"
    assert payout.next_at <= world.now + timedelta(hours=1)
