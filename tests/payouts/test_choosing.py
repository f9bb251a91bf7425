"""Payees say where they want to be paid: what is offered, what is refused, what it does, and who is told."""

from __future__ import annotations

import re
import threading
from datetime import timedelta

import pytest
from django.core import mail
from django.db import IntegrityError, connections, transaction
from django.test import Client
from django.utils import timezone

from accounts.models import Payee
from marketplace_payouts.lib.currencies import EXPONENTS
from marketplace_payouts.lib.money import Money
from payouts import choosing, incarnation, mending, methods, outbox
from payouts.choosing import Author, ChoiceRefused
from payouts.kept_methods import Standing
from payouts.models import MethodChange, OutboxMessage, Payable, PayoutMethod, State
from payouts.owing import owed
from payouts.providers import registry
from payouts.providers.offering import Form, Hosted, HostedState
from payouts.providers.paypal.offering import COUNTRIES
from tests import factories
from tests.providers import offers
from tests.providers.offers import bank, wallet

BY = Author(user=None, login="sharetribe")


@pytest.fixture(autouse=True)
def _services(monkeypatch: pytest.MonkeyPatch):
    """PayPal, a bank and a wallet are set up; none of them is ever called."""
    monkeypatch.setenv("PAYPAL_CLIENT_ID", "client")
    monkeypatch.setenv("PAYPAL_CLIENT_SECRET", "secret")
    monkeypatch.setenv("TWO_STEP_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("TWO_STEP_TOKEN", "token")
    monkeypatch.setenv("EXTRA_PROVIDERS", offers.PROVIDERS)
    monkeypatch.setattr(bank, "is_down", False)
    wallet.states.clear()
    registry.reset()
    yield
    registry.reset()


@pytest.fixture
def anna(transactional_db: None) -> Payee:
    """A payee in Germany who is owed 123.45 EUR and has no method; this database may tell them."""
    incarnation.begin()
    payee = factories.PayeeFactory.create(country="DE", email="anna@market.example")
    factories.PayableFactory.create(payee=payee)
    return payee


def choose(payee: Payee, email: str = "anna@mail.example", **more) -> choosing.Chosen:
    given = {"provider": "paypal", "values": {"email": email}} | more
    return choosing.choose(payee, **given, by=BY, now=timezone.now())


def refused(act) -> list[tuple[str, str]]:
    with pytest.raises(ChoiceRefused) as told:
        act()
    assert all(problem.sentence for problem in told.value.problems)
    return [(problem.code, problem.field) for problem in told.value.problems]


def tell() -> dict[str, str]:
    """Tell everybody; gives what each address was told."""
    mail.outbox.clear()
    while outbox.tell(limit=100, now=timezone.now()):
        pass
    return {message.to[0]: f"{message.subject}\n{message.body}" for message in mail.outbox}


# What is offered ---------------------------------------------------------------------------------------------


def offer(payee: Payee, provider: str, **more) -> choosing.Offer:
    return next(one for one in choosing.offered(payee, **more).offers if one.provider == provider)


def test_paypal_says_what_would_become_of_what_is_owed(anna):
    found = choosing.offered(anna)
    assert found.country == "DE"
    assert [one.provider for one in found.offers] == ["paypal", "bank", "wallet"]
    paypal = offer(anna, "paypal")
    (terms,) = paypal.terms
    assert (paypal.refusal, terms.owed) == ("", Money(12_345, "EUR"))
    assert terms.terms is not None
    assert (terms.terms.fee, terms.terms.amount) == (Money(0, "EUR"), Money(12_345, "EUR"))
    assert terms.terms.arrives_within is None
    assert terms.terms.arrival_note


def test_what_paypal_cannot_express_is_not_promised(anna):
    factories.PayableFactory.create(payee=anna, currency="HUF", units=12_345)
    terms = {one.currency: one.terms for one in offer(anna, "paypal").terms}
    assert terms["HUF"] is not None
    assert terms["HUF"].amount == Money(12_300, "HUF")


def test_a_service_quotes_in_a_currency_of_its_own(anna):
    (terms,) = offer(anna, "bank").terms
    assert terms.terms is not None
    assert (terms.terms.fee, terms.terms.amount) == (Money(150, "EUR"), Money(24_390, "USD"))
    assert terms.terms.arrives_within == timedelta(days=2)


def test_what_a_service_does_not_know_is_nothing_and_says_why(anna):
    (terms,) = offer(anna, "wallet").terms
    assert terms.terms is not None
    assert (terms.terms.fee, terms.terms.amount, terms.terms.arrives_within) == (None, None, None)
    assert all((terms.terms.fee_note, terms.terms.amount_note, terms.terms.arrival_note))


def test_a_service_that_cannot_be_asked_keeps_no_other_away(anna, monkeypatch):
    monkeypatch.setattr(bank, "is_down", True)
    (terms,) = offer(anna, "bank").terms
    assert terms.terms is None
    assert "moment" in terms.why_not
    assert offer(anna, "paypal").terms[0].terms is not None


def test_a_service_that_is_set_up_by_half_keeps_no_other_away(anna, monkeypatch):
    monkeypatch.delenv("PAYPAL_CLIENT_SECRET")
    registry.reset()
    assert [one.provider for one in choosing.offered(anna).offers] == ["bank", "wallet"]


def test_whom_nothing_is_owed_sees_the_terms_without_amounts(transactional_db):
    payee = factories.PayeeFactory.create(country="DE")
    terms = offer(payee, "paypal").terms
    assert [(one.currency, one.owed) for one in terms] == [("EUR", None), ("USD", None)]
    assert all(one.terms and one.terms.amount is None and one.terms.amount_note for one in terms)


def test_of_the_many_currencies_of_a_marketplace_few_are_told_to_whom_nothing_is_owed(transactional_db):
    payee = factories.PayeeFactory.create(country="DE")
    payee.marketplace.exponents = dict(EXPONENTS)
    payee.marketplace.save()
    told = [one.terms for one in offer(payee, "paypal").terms]
    assert 1 < len(told) <= 3
    assert all(terms is not None and terms.fee is not None for terms in told), "none that PayPal does not pay"
    other = factories.PayeeFactory.create(marketplace=payee.marketplace)
    for currency in ("VND", "SEK"):
        factories.PayableFactory.create(payee=other, marketplace=payee.marketplace, currency=currency)
    assert [one.currency for one in offer(payee, "paypal").terms] == ["SEK"], "what is sold lately"


def test_a_country_that_cannot_receive_is_told_why(anna):
    paypal = offer(anna, "paypal", country="NG")
    assert "country" in paypal.refusal
    assert paypal.terms == ()
    assert offer(anna, "bank", country="NG").refusal == ""
    assert offer(anna, "bank", country="KP").refusal == "The bank does not pay there."
    assert "country" in choosing.offered(anna, country="NG").offers[0].refusal
    assert len(COUNTRIES) == 96


def test_currencies_that_are_not_paid_out_are_told_why(transactional_db):
    payee = factories.PayeeFactory.create(country="VN")
    factories.PayableFactory.create(payee=payee, currency="VND", units=1_000_000)
    assert "VND" in offer(payee, "paypal").refusal


def test_no_country_refuses_nothing_until_something_is_chosen(transactional_db):
    payee = factories.PayeeFactory.create()
    assert choosing.offered(payee).country == ""
    assert offer(payee, "paypal").refusal == ""
    assert refused(lambda: choose(payee)) == [("country_missing", "country")]
    assert refused(lambda: choosing.offered(payee, country="XX")) == [("country_unknown", "country")]
    chosen = choose(payee, country="de")
    payee.refresh_from_db()
    assert (chosen.is_new, payee.country) == (True, "DE")


def test_what_is_owed_is_what_a_method_would_receive(transactional_db):
    payee = factories.PayeeFactory.create()
    for state in (State.PENDING, State.FAILED, State.SUBMITTED, State.PAID):
        factories.PayoutFactory.create(payee=payee, state=state, debt_units=100)
    factories.PayableFactory.create(payee=payee, units=1_000)
    factories.PayableFactory.create(payee=payee, units=10_000, waits_for=Payable.Waits.OPENING)
    factories.PayableFactory.create(payee=payee, units=-5, waits_for=Payable.Waits.CLAWBACK)
    assert owed(payee.pk) == [Money(1_200, "EUR")]


# Forms and pages of services -----------------------------------------------------------------------------------


def names(form: Form | Hosted) -> list[str]:
    assert isinstance(form, Form)
    return [field.name for field in form.fields]


def test_a_form_asks_for_more_once_it_knows_more(anna):
    first = choosing.form(anna, provider="bank")
    assert names(first) == ["kind", "holder"]
    assert isinstance(first, Form)
    assert [field.name for field in first.fields if field.refreshes] == ["kind"]
    filled = choosing.form(anna, provider="bank", values={"kind": "iban", "holder": "Anna"})
    assert names(filled) == ["kind", "holder", "iban"]
    assert isinstance(filled, Form)
    assert [field.value for field in filled.fields][:2] == ["iban", "Anna"]
    assert names(choosing.form(anna, provider="bank", values={"kind": "domestic"}))[2:] == [
        "branch",
        "number",
    ]


def test_a_service_with_pages_of_its_own_is_chosen_once_it_says_so(anna):
    asked = choosing.form(anna, provider="wallet")
    assert isinstance(asked, Hosted)
    assert asked.state is HostedState.NOT_STARTED
    link = choosing.open_link(anna, provider="wallet", return_url="https://market.example/back")
    assert str(anna.pk) in link.url
    assert refused(lambda: choose(anna, provider="wallet", values={})) == [("not_ready", "")]
    wallet.states[str(anna.pk)] = HostedState.READY
    chosen = choose(anna, provider="wallet", values={})
    assert chosen.method.verified_at is not None
    assert methods.destination(chosen.method) == {"account": f"w-{str(anna.pk)[-12:]}"}
    assert choose(anna, provider="wallet", values={}).is_new is False


def test_only_a_service_with_pages_has_links(anna):
    asked = refused(lambda: choosing.open_link(anna, provider="paypal", return_url="https://market.example"))
    assert asked == [("not_hosted", "provider")]


@pytest.mark.parametrize(
    ("values", "problems"),
    [
        ({}, [("required", "kind"), ("required", "holder")]),
        ({"kind": "cash", "holder": "Anna"}, [("no_such_choice", "kind")]),
        ({"kind": "iban", "holder": "A" * 31, "iban": "x"}, [("too_long", "holder"), ("malformed", "iban")]),
        ({"kind": "iban", "holder": "Anna", "iban": " "}, [("required", "iban")]),
        ({"kind": "domestic", "holder": "Anna", "branch": "12"}, [("malformed", "branch")]),
        (
            {"kind": "domestic", "holder": "Anna", "branch": "123", "iban": "DE12345678"},
            [("unknown_field", "iban")],
        ),
        ({"kind": "iban", "holder": "Anna", "iban": bank.CLOSED}, [("cannot_be_paid", "iban")]),
    ],
)
def test_every_wrong_field_is_named(anna, values, problems):
    assert refused(lambda: choose(anna, provider="bank", values=values)) == problems
    assert not PayoutMethod.objects.exists()
    assert not OutboxMessage.objects.exists()


@pytest.mark.parametrize(
    ("values", "problems"),
    [
        ({}, [("required", "email")]),
        ({"email": "anna"}, [("malformed", "email")]),
        ({"email": "anna@x..example"}, [("cannot_be_paid", "email")]),
        ({"email": "änna@mail.example"}, [("cannot_be_paid", "email")]),
        ({"email": f"{'a' * 120}@mail.example"}, [("too_long", "email")]),
        ({"paypal_id": "ABCDEFGHJKLMN"}, [("unknown_field", "paypal_id"), ("required", "email")]),
    ],
)
def test_paypal_wants_an_address(anna, values, problems):
    assert refused(lambda: choose(anna, values=values)) == problems


def test_what_is_not_offered_cannot_be_chosen(anna):
    assert refused(lambda: choose(anna, provider="cash")) == [("provider_unknown", "provider")]
    assert refused(lambda: choose(anna, country="NG")) == [("not_offered", "provider")]
    assert refused(lambda: choosing.form(anna, provider="paypal", country="NG")) == [
        ("not_offered", "provider")
    ]
    anna.refresh_from_db()
    assert anna.country == "DE"


def test_a_service_that_cannot_be_asked_changes_nothing(anna, monkeypatch):
    choose(anna)
    monkeypatch.setattr(bank, "is_down", True)
    values = {"kind": "iban", "holder": "Anna", "iban": "DE12345678"}
    assert refused(lambda: choose(anna, provider="bank", values=values)) == [("provider_unavailable", "")]
    assert PayoutMethod.objects.get().provider == "paypal"


# Choosing ------------------------------------------------------------------------------------------------------


def test_a_first_method_is_confirmed_by_a_link_and_needs_no_cool_down(anna):
    method = choose(anna, " Anna@Mail.example ").method
    assert (method.version, method.first_for_payee, method.made_by) == (1, True, None)
    assert method.usable_from <= timezone.now()
    assert [one.standing for one in choosing.kept(anna, now=timezone.now())] == [Standing.UNCONFIRMED]
    told = tell()
    assert set(told) == {"anna@market.example", "Anna@mail.example"}
    (link,) = re.findall(r"http\S+(/payee/methods/\S+)", "".join(told.values()))
    assert Client().post(link).status_code == 200
    assert [one.standing for one in choosing.kept(anna, now=timezone.now())] == [Standing.IN_USE]


def test_the_same_once_more_changes_nothing(anna):
    first = choose(anna)
    tell()
    again = choose(anna, "ANNA@mail.example")  # PayPal does not tell capital letters apart
    assert (again.is_new, again.method.pk) == (False, first.method.pk)
    assert MethodChange.objects.count() == 1
    assert tell() == {}


def test_a_change_tells_the_old_and_the_new_address_and_cools_down(anna, settings):
    old = choose(anna).method
    tell()
    new = choose(anna, "other@mail.example").method
    old.refresh_from_db()
    assert old.retired_at is not None
    cool_down = new.usable_from - timezone.now()
    assert settings.METHOD_COOL_DOWN - timedelta(minutes=1) < cool_down <= settings.METHOD_COOL_DOWN
    told = tell()
    assert set(told) == {"anna@market.example", "anna@mail.example", "other@mail.example"}
    for address in ("anna@mail.example", "anna@market.example"):
        assert "it is PayPal o•••@mail.example, and no longer PayPal a•••@mail.example" in told[address]
    assert "nothing is sent there before" in told["anna@market.example"]


def test_the_address_that_was_known_is_told_even_if_it_is_changed_next(anna):
    choose(anna)
    Payee.objects.filter(pk=anna.pk).update(email="thief@mail.example")
    assert "anna@market.example" in tell()


def test_no_address_is_kept_in_clear(anna):
    choose(anna)
    choose(anna, "other@mail.example")
    kept = str(list(OutboxMessage.objects.values())) + str(list(MethodChange.objects.values()))
    kept += str(list(PayoutMethod.objects.values("masked", "fingerprint", "verified_how", "retired_reason")))
    assert "anna@mail.example" not in kept
    assert "other@mail.example" not in kept


def test_who_changed_it_stays_on_record(anna):
    choose(anna)
    choose(anna, "other@mail.example")
    change = MethodChange.objects.order_by("-at").first()
    assert change is not None
    assert (change.act, change.login) == ("chosen", "sharetribe")
    assert change.before_masked == "paypal a•••@mail.example"
    assert change.after_masked == "paypal o•••@mail.example"
    for act in (lambda: change.delete(), lambda: MethodChange.objects.update(login="staff")):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            act()


def test_a_method_in_its_cool_down_holds_the_payout(anna):
    choose(anna)
    payout = factories.PayoutFactory.create(payee=anna, method=anna.methods.get())
    choose(anna, "other@mail.example")
    payout.refresh_from_db()
    assert payout.state == "cancelled"
    (kept, former) = choosing.kept(anna, now=timezone.now())
    assert (kept.standing, former.standing) == (Standing.UNCONFIRMED, Standing.KEPT)
    methods.verify(kept.method, how="Link.", by=None, now=timezone.now())
    assert choosing.kept(anna, now=timezone.now())[0].standing is Standing.COOLING_DOWN
    later = timezone.now() + timedelta(days=4)
    assert choosing.kept(anna, now=later)[0].standing is Standing.IN_USE


def test_nobody_changes_it_again_and_again(anna):
    for n in range(choosing.MOST_CHANGES):
        choose(anna, f"anna{n}@mail.example")
    assert refused(lambda: choose(anna, "last@mail.example")) == [("too_many_changes", "")]
    later = timezone.now() + choosing.CHANGES_COUNTED_FOR + timedelta(minutes=1)
    values = {"email": "last@mail.example"}
    assert choosing.choose(anna, provider="paypal", values=values, by=BY, now=later).is_new


def at_once(*acts) -> list[object]:
    """Do things at once, each over a connection of its own; gives what each gave, or raised."""
    found: list[object] = [None] * len(acts)
    barrier = threading.Barrier(len(acts))

    def run(n, act) -> None:
        try:
            barrier.wait(5)
            found[n] = act()
        except Exception as error:  # noqa: BLE001 - shown by the test
            found[n] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(n, act)) for n, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return found


def test_the_same_twice_at_once_is_one(anna):
    found = at_once(lambda: choose(anna), lambda: choose(anna))
    assert sorted(one.is_new for one in found if isinstance(one, choosing.Chosen)) == [False, True]
    assert PayoutMethod.objects.count() == MethodChange.objects.count() == 1


def test_two_at_once_leave_one_default(anna):
    found = at_once(lambda: choose(anna), lambda: choose(anna, "other@mail.example"))
    assert all(isinstance(one, choosing.Chosen) and one.is_new for one in found)
    assert sorted(PayoutMethod.objects.values_list("version", flat=True)) == [1, 2]
    assert PayoutMethod.objects.get(retired_at__isnull=True).version == 2


# Methods of before ---------------------------------------------------------------------------------------------


def test_a_method_of_before_can_be_the_default_again(anna):
    old = choose(anna).method
    methods.verify(old, how="Link.", by=None, now=timezone.now())
    choose(anna, "other@mail.example")
    tell()
    chosen = choosing.make_default(anna, method_id=old.pk, by=BY, now=timezone.now())
    assert (chosen.is_new, chosen.method.version, chosen.method.verified_how) == (True, 3, "Link.")
    assert chosen.method.usable_from > timezone.now() + timedelta(days=2)
    kept = choosing.kept(anna, now=timezone.now())
    assert [one.method.version for one in kept] == [3, 2]
    assert {"anna@mail.example", "other@mail.example"} < set(tell())
    again = choosing.make_default(anna, method_id=old.pk, by=BY, now=timezone.now())
    assert (again.is_new, again.method.pk) == (False, chosen.method.pk)


def test_whom_a_service_knows_no_more_is_not_paid_there_again(anna):
    wallet.states[str(anna.pk)] = HostedState.READY
    former = choose(anna, provider="wallet", values={}).method
    choose(anna)
    wallet.states[str(anna.pk)] = HostedState.DECLINED
    asked = refused(lambda: choosing.make_default(anna, method_id=former.pk, by=BY, now=timezone.now()))
    assert asked == [("not_ready", "")]


def test_retiring_the_default_says_what_waits(anna):
    method = choose(anna).method
    on_its_way = factories.PayoutFactory.create(payee=anna, method=method, state=State.SUBMITTED)
    ready = factories.PayoutFactory.create(payee=anna, method=method, state=State.APPROVED, debt_units=1_000)
    tell()
    (one,) = choosing.kept(anna, now=timezone.now())
    said = choosing.retire(anna, method_id=method.pk, by=BY, now=timezone.now())
    assert said == one.if_retired
    assert "133.45\N{NO-BREAK SPACE}EUR" in said
    assert on_its_way.number in said
    on_its_way.refresh_from_db()
    ready.refresh_from_db()
    assert (on_its_way.state, ready.state) == ("submitted", "cancelled")
    assert choosing.kept(anna, now=timezone.now()) == []
    assert set(tell()) == {"anna@market.example", "anna@mail.example"}
    assert MethodChange.objects.order_by("-at")[0].act == "retired"
    asked = refused(lambda: choosing.retire(anna, method_id=method.pk, by=BY, now=timezone.now()))
    assert asked == [("method_unknown", "")]
    again = choose(anna)
    assert (again.method.version, again.method.first_for_payee) == (2, False)
    assert again.method.usable_from > timezone.now()


def test_a_method_of_before_is_only_taken_off_the_list(anna):
    old = choose(anna).method
    new = choose(anna, "other@mail.example").method
    tell()
    choosing.retire(anna, method_id=old.pk, by=BY, now=timezone.now())
    assert [one.method.pk for one in choosing.kept(anna, now=timezone.now())] == [new.pk]
    assert tell() == {}
    asked = refused(lambda: choosing.make_default(anna, method_id=old.pk, by=BY, now=timezone.now()))
    assert asked == [("method_unknown", "")]


def test_a_method_that_is_paid_to_is_never_out_of_sight(anna):
    method = choose(anna).method
    with pytest.raises(IntegrityError, match="dropped_is_retired"):
        PayoutMethod.objects.filter(pk=method.pk).update(dropped_at=timezone.now())


def test_the_link_is_mailed_once_more(anna):
    method = choose(anna).method
    tell()
    choosing.ask_to_confirm(anna, method_id=method.pk, now=timezone.now())
    assert set(tell()) == {"anna@mail.example"}
    methods.verify(method, how="Link.", by=None, now=timezone.now())
    asked = refused(lambda: choosing.ask_to_confirm(anna, method_id=method.pk, now=timezone.now()))
    assert asked == [("nothing_to_confirm", "")]


def test_another_payees_method_does_not_exist(anna):
    method = choose(anna).method
    other = factories.PayeeFactory.create(country="DE")
    for act in (choosing.make_default, choosing.retire):
        asked = refused(lambda act=act: act(other, method_id=method.pk, by=BY, now=timezone.now()))
        assert asked == [("method_unknown", "")]
    assert refused(lambda: choosing.find(other, method_id=method.pk, now=timezone.now())) == [
        ("method_unknown", "")
    ]


# After a failure ----------------------------------------------------------------------------------------------


def test_a_failure_of_the_payees_says_so(anna):
    method = choose(anna).method
    factories.PayoutFactory.create(payee=anna, method=method, state=State.FAILED)
    (one,) = choosing.kept(anna, now=timezone.now())
    assert one.standing is Standing.NEEDS_YOU
    assert "choose another way to be paid" in one.sentence


def test_what_failed_after_the_method_was_changed_is_let_go(anna):
    old = choose(anna).method
    payout = factories.PayoutFactory.create(payee=anna, method=old, state=State.SUBMITTING)
    choose(anna, "other@mail.example")
    payout.refresh_from_db()
    assert payout.state == "submitting"
    assert mending.mend(limit=10, now=timezone.now()) == 0
    failed = factories.PayoutFactory.create(payee=anna, method=old, state=State.FAILED, debt_units=700)
    anna.refresh_from_db()
    assert mending.mend(limit=10, now=timezone.now()) == 1
    failed.refresh_from_db()
    assert failed.state == "cancelled"
    assert Payable.objects.filter(units=700, settled="").count() == 1
    assert mending.mend(limit=10, now=timezone.now()) == 0


def test_what_is_on_hold_is_left_to_people(anna):
    old = choose(anna).method
    choose(anna, "other@mail.example")
    failed = factories.PayoutFactory.create(payee=anna, method=old, state=State.FAILED)
    failed.holds.create(rule="staff", reason="Look at it.")
    assert mending.mend(limit=10, now=timezone.now()) == 0
