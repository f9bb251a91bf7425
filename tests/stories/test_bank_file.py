"""Payouts by a file: through all ten stages, and through what goes wrong where people carry money by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from pytest_django import Settings

from accounts.models import User
from accounts.roles import NotAllowed
from flexsync.restoring import find_strangers
from payouts import choosing, holding, intervention, reconciling, requests, three_books
from payouts.bank_files import handing_out, importing, uploading
from payouts.bank_files.desk import DatabaseDesk, without_a_gap
from payouts.choosing import Author
from payouts.errors import Refused, SelfSeconded
from payouts.models import (
    Attempt,
    BankEntry,
    BankFile,
    BankFileAct,
    BankStatement,
    Batch,
    Hold,
    Incident,
    Observation,
    Payable,
    Payout,
    StepBody,
)
from payouts.providers import registry
from payouts.providers.bank_file.identifiers import end_to_end_id
from payouts.providers.offering import Form
from payouts.restore import Outcome, after_restore
from tests.database import Cleaner
from tests.operations.conftest import Saboteur
from tests.providers.bank_file.courier import BankService, bank
from tests.providers.bank_file.papers import ANNA, LINH
from tests.stories.bank import ACCOUNTS, Finance
from tests.stories.test_sender_died import POINTS
from tests.stories.world import World


@pytest.fixture(scope="module")
def service() -> Iterator[BankService]:
    with bank() as running:
        yield running


@pytest.fixture
def finance(world: World, service: BankService, monkeypatch: pytest.MonkeyPatch) -> Iterator[Finance]:
    """The bank file, offered beside PayPal."""
    service.reset()
    for name, value in service.environment().items():
        monkeypatch.setenv(name, value)
    registry.reset()
    yield Finance(world, service)
    registry.reset()


# All ten stages --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("statement", ["camt053", "csv"])
@pytest.mark.parametrize("form", ["xml", "csv"])
def test_from_sale_to_balanced_books(finance: Finance, form: str, statement: str) -> None:
    world = finance.world
    payouts = finance.sent("anna", "linh", "ece")
    assert {payout.state for payout in payouts} == {"submitted"}
    assert finance.moved() == []
    file = BankFile.objects.get()
    assert (file.number, file.standing, file.batch.item_count) == (1, "made", 3)

    finance.upload(form=form)
    file.refresh_from_db()
    assert file.standing == "uploaded"
    world.hear_back()
    assert set(world.states().values()) == {"submitted"}, "Only the bank's own statement moves anything."

    finance.bring(statement)
    world.until("paid")
    assert sorted(finance.moved()) == [9_000, 9_000, 9_000]
    assert three_books.check(now=world.now).ok
    finance.agreed()
    assert world.incidents() == []
    (told,) = {Observation.objects.filter(status="paid").values_list("raw_status", flat=True)[0]}
    assert told == "booked"


def test_who_carried_it_stands_in_the_record(finance: Finance) -> None:
    finance.sent()
    finance.upload()
    acts = BankFileAct.objects.order_by("pk").values_list("act", "by__email", "reason")
    assert list(acts) == [("xml", "alice@example.com", "Upload."), ("uploaded", "bob@example.com", "Looked.")]


def test_the_same_bytes_are_given_out_again(finance: Finance) -> None:
    finance.sent()
    first = finance.download()
    finance.upload()
    assert finance.download() == first
    assert finance.download(form="csv") == finance.download(form="csv")


def test_files_are_numbered_without_gaps(finance: Finance) -> None:
    finance.sent("anna")
    finance.world.sale(finance.seller("linh"))
    finance.world.decide()
    finance.world.approve()
    finance.world.send()
    assert list(BankFile.objects.order_by("made_at").values_list("number", flat=True)) == [1, 2]


def test_what_is_approved_till_its_hour_goes_into_one_file(
    finance: Finance, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = finance.world
    hour = world.now + timedelta(hours=3)
    monkeypatch.setenv("BANK_FILE_HOURS", f"{hour:%H:%M}")
    registry.reset()
    for name in ("anna", "linh"):
        world.sale(finance.seller(name))
        world.decide()
        world.approve()
        world.send()
    waiting = Payout.objects.all()
    assert {(one.state, one.blocked_by) for one in waiting} == {("approved", "hours")}
    assert {one.next_at for one in waiting} == {hour.replace(second=0, microsecond=0)}
    assert all(one.person_after is not None and one.person_after > hour for one in waiting), "Nobody is late."
    world.let_pass(hours=3)
    # Only now are their transactions read again, and told.
    world.send()
    world.send()
    assert BankFile.objects.get().batch.item_count == 2


@pytest.mark.parametrize("point", POINTS)
def test_a_sender_that_dies_leaves_one_file(finance: Finance, point: str) -> None:
    world = finance.world
    world.sale(finance.seller())
    world.decide()
    world.approve()
    world.reread()
    with world.crash_at(point):
        world.transmit()
    world.lease_is_over()
    world.hear_back(rounds=2)
    world.let_pass(minutes=2)
    world.send()
    payout = world.payout()
    assert payout.state == "submitted"
    assert Batch.objects.count() == BankFile.objects.count() == 1
    finance.upload()
    finance.bring()
    world.until("paid")
    assert finance.moved() == [9_000]
    finance.agreed()


# Two people ------------------------------------------------------------------------------------------------------


def test_nobody_confirms_what_they_downloaded(finance: Finance) -> None:
    world = finance.world
    finance.sent()
    file = BankFile.objects.get()
    with pytest.raises(Refused, match="Nobody has downloaded"):
        handing_out.confirm(by=world.bob, file_id=file.pk, reason="Looked.", now=world.now)
    finance.download()
    finance.download(by=world.carol)
    for carrier in (world.alice, world.carol):
        with pytest.raises(Refused, match="another person"):
            handing_out.confirm(by=carrier, file_id=file.pk, reason="Looked.", now=world.now)
    handing_out.confirm(by=world.bob, file_id=file.pk, reason="Looked.", now=world.now)
    with pytest.raises(Refused, match="already"):
        handing_out.confirm(by=world.dave, file_id=file.pk, reason="Looked.", now=world.now)
    file.refresh_from_db()
    with pytest.raises(IntegrityError), transaction.atomic():
        BankFile.objects.filter(pk=file.pk).update(uploaded_by=file.downloaded_by)


def test_each_act_needs_its_role_and_a_reason(finance: Finance) -> None:
    world = finance.world
    finance.sent()
    file = BankFile.objects.get()
    viewer = world.staff("vera@example.com", "viewer")
    with pytest.raises(NotAllowed):
        finance.download(by=viewer)
    with pytest.raises(Refused, match="why"):
        handing_out.download(by=world.alice, file_id=file.pk, form="xml", reason=" ", now=world.now)
    assert not BankFileAct.objects.exists()


def test_a_statement_counts_once_another_person_seconded_it(finance: Finance) -> None:
    world = finance.world
    finance.sent()
    finance.upload()
    body = finance.statement()
    asked = finance.ask(body)
    assert "1 debit of 90.00 EUR" in asked.summary
    finance.work()
    assert set(world.states().values()) == {"submitted"}
    world.alice.groups.add(*world.carol.groups.all())
    alice = User.objects.get(pk=world.alice.pk)
    with pytest.raises(SelfSeconded):
        requests.second(request_id=asked.pk, by=alice, now=world.now)
    with pytest.raises(Refused, match="waits"):
        finance.ask(body)
    requests.decline(request_id=asked.pk, by=world.bob, note="Which account?", now=world.now)
    again = finance.ask(body)
    requests.second(request_id=again.pk, by=world.bob, now=world.now)
    finance.work()
    world.until("paid")
    with pytest.raises(Refused, match="was taken"):
        finance.ask(body)


def test_the_records_of_the_desk_never_change(finance: Finance) -> None:
    finance.sent()
    finance.upload()
    finance.bring()
    for rows, column in (
        (BankFile.objects, "number"),
        (BankFileAct.objects, "at"),
        (BankEntry.objects, "units"),
        (BankStatement.objects, "last_day"),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.all().delete()
        if column != "last_day":
            value = finance.world.now if column == "at" else 7
            with pytest.raises(IntegrityError), transaction.atomic():
                rows.update(**{column: value})


# What the bank says ----------------------------------------------------------------------------------------------


def test_statements_that_overlap_and_come_in_any_order_count_once(finance: Finance) -> None:
    world = finance.world
    finance.sent()
    finance.upload()
    early = finance.statement()
    finance.service.post("/_sandbox/return", {"reference": _e2e(), "units": 4_000})
    late = finance.statement()
    for body in (late, early):
        requests.second(request_id=finance.ask(body).pk, by=world.bob, now=world.now)
        finance.work()
    assert BankEntry.objects.count() == 2
    payout = world.payout()
    assert (payout.state, payout.returned_units) == ("paid", 4_000)
    assert world.incidents() == []
    finance.agreed()


def test_days_that_are_missing_prove_nothing(finance: Finance) -> None:
    world = finance.world
    finance.sent()
    finance.upload()
    finance.bring()
    present = DatabaseDesk().coverage()
    assert present is not None
    assert (present.since, present.until) == (finance.first_day, world.now.date())
    provider = registry.get("bank_file")
    asked = {"since": world.now - timedelta(days=30), "until": world.now}
    assert provider.statement(**asked).complete_until.year < 2001, "The list does not begin so early."

    world.let_pass(days=20)
    late = uploading.upload(
        by=world.alice,
        name="late.csv",
        body=_header() + _line(world, days_ago=2),
        reason="Daily.",
        now=world.now,
    )
    requests.second(request_id=late.pk, by=world.bob, now=world.now)
    newest = (world.now - timedelta(days=2)).date()
    after = DatabaseDesk().coverage()
    assert after is not None
    assert (after.since, after.until) == (newest, newest)
    asked = {"since": world.now - timedelta(days=21), "until": world.now}
    assert provider.statement(**asked).complete_until.year < 2001, "Days between are missing."


@pytest.mark.parametrize("ahead", [1, 400])
def test_a_statement_of_days_to_come_is_refused(finance: Finance, ahead: int) -> None:
    world = finance.world
    with pytest.raises(Refused, match="not come"):
        uploading.upload(
            by=world.alice,
            name="statement.csv",
            body=_header() + _line(world, days_ago=1),
            reason="Daily.",
            last_day=(world.now + timedelta(days=ahead)).date(),
            now=world.now,
        )


@pytest.mark.parametrize(
    ("days", "balances", "since"),
    [
        ([(1, 2), (3, 4)], [None, None], 1),
        ([(1, 2), (4, 5)], [None, None], 4),
        ([(1, 2), (4, 5)], [(0, 7), (7, 9)], 1),
        ([(1, 2), (4, 5)], [(0, 7), (8, 9)], 4),
        ([(1, 9), (2, 3), (10, 10)], [None, None, None], 1),
    ],
    ids=["follow", "gap", "balances meet", "balances do not", "overlap"],
)
def test_days_follow_each_other_or_balances_meet(
    days: list[tuple[int, int]], balances: list[tuple[int, int] | None], since: int
) -> None:
    rows = [
        BankStatement(
            first_day=date(2026, 11, first),
            last_day=date(2026, 11, last),
            opening_units=pair[0] if pair else None,
            closing_units=pair[1] if pair else None,
        )
        for (first, last), pair in zip(days, balances, strict=True)
    ]
    assert without_a_gap(rows) == (date(2026, 11, since), max(row.last_day for row in rows))


def test_money_that_comes_back_in_parts_is_owed_again_once(finance: Finance) -> None:
    world = finance.world
    (payout,) = finance.sent()
    finance.upload()
    finance.bring()
    world.until("paid")
    for units, state in ((4_000, "paid"), (5_000, "returned")):
        finance.service.post("/_sandbox/return", {"reference": _e2e(), "units": units})
        finance.bring()
        payout.refresh_from_db()
        assert payout.state == state
    again = Payable.objects.filter(purpose="returned").order_by("pk").values_list("units", "waits_for")
    assert [(int(units), waits) for units, waits in again] == [(4_000, "returned"), (5_000, "returned")]
    finance.agreed()


def test_money_that_bounces_at_once_is_owed_again(finance: Finance) -> None:
    world = finance.world
    finance.sent()
    finance.service.fault("return", times=1)
    finance.upload()
    world.until_true(lambda: finance.moved("return") == [9_000])
    finance.bring()
    assert world.payout().state == "returned"
    assert int(Payable.objects.get(purpose="returned").units) == 9_000
    finance.agreed()


def test_a_file_uploaded_twice_by_mistake_is_an_incident(finance: Finance) -> None:
    world = finance.world
    finance.sent()
    file = BankFile.objects.get()
    body = finance.download()
    assert finance.service.upload(body).status_code == 201
    assert finance.service.upload(body).status_code == 409, "A bank takes a file of one id once."
    finance.service.fault("take_twice", times=1)
    assert finance.service.upload(body).status_code == 201
    handing_out.confirm(by=world.bob, file_id=file.pk, reason="Looked.", now=world.now)
    assert finance.moved() == [9_000, 9_000]

    finance.bring()
    assert world.payout().state == "paid"
    assert world.incidents() == ["second_payment"]
    assert world.balance("suspense:bank_file") == 9_000
    assert world.balance("provider_cash:bank_file") == -18_000
    stop = Hold.objects.get(rail_id="provider:bank_file", lifted_at__isnull=True)
    assert stop.rule.startswith("incident:")

    finance.service.post("/_sandbox/return", {"reference": _e2e(), "units": 9_000})
    finance.bring()
    payout = world.payout()
    assert (payout.state, payout.returned_units) == ("paid", 0), "The payee still has what was owed."
    assert not Payable.objects.filter(purpose="returned").exists()
    assert world.balance("suspense:bank_file") == 0
    assert world.balance("provider_cash:bank_file") == -9_000


def test_a_payment_that_went_out_twice_and_back_on_one_statement_is_paid(finance: Finance) -> None:
    world = finance.world
    finance.sent()
    finance.service.fault("take_twice", times=1)
    finance.upload(times=2)
    finance.service.post("/_sandbox/return", {"reference": _e2e(), "units": 9_000})
    finance.bring()
    assert world.payout().state == "paid"
    assert not Payable.objects.filter(purpose="returned").exists()
    assert world.balance("provider_cash:bank_file") == -9_000
    assert world.balance("suspense:bank_file") == 0


@pytest.mark.parametrize(
    ("fault", "kinds"),
    [("wrong_amount", {"wrong_echo", "wrong_amount"}), ("other_account", {"wrong_echo"})],
)
def test_what_the_statement_says_otherwise_is_an_incident(
    finance: Finance, fault: str, kinds: set[str]
) -> None:
    world = finance.world
    finance.sent()
    finance.service.fault(fault, times=1)
    finance.upload()
    finance.bring()
    assert world.payout().state == "submitted"
    assert set(world.incidents()) == kinds


def test_a_debit_without_our_id_stands_before_a_person(finance: Finance) -> None:
    world = finance.world
    finance.sent()
    finance.service.fault("forget_id", times=1)
    finance.upload()
    asked = finance.bring()
    assert "Of no file of ours: 1 debit." in asked.summary
    assert world.incidents() == ["foreign_debit"]
    assert world.payout().state == "submitted"
    assert world.balance("suspense:bank_file") == 9_000


def test_fees_and_top_ups_are_posted_from_the_statement(finance: Finance) -> None:
    world = finance.world
    finance.sent()
    finance.service.post("/_sandbox/fee", {"units": 390})
    finance.service.post("/_sandbox/funds", {"currency": "EUR", "units": 200_000_000})
    finance.upload()
    finance.bring()
    finance.bring("csv")
    assert world.balance("fees:bank_file") == 390
    assert world.balance("owner_funding") == -(200_000_000 - 100_000_000 + 390)
    assert world.incidents() == []


# What the bank did not do ----------------------------------------------------------------------------------------


def withdraw(finance: Finance, **more: str) -> None:
    world = finance.world
    payload = {"file": str(BankFile.objects.get().pk), **more}
    world.second("bank_file_withdraw", payload, by=world.bob)


def test_a_file_withdrawn_before_upload_frees_its_payouts(finance: Finance) -> None:
    world = finance.world
    (payout,) = finance.sent()
    withdraw(finance)
    world.hear_back()
    payout.refresh_from_db()
    assert payout.state == "cancelled"
    assert world.balance(f"owed:{payout.payee_id}") == -9_000
    with pytest.raises(Refused, match="withdrawn"):
        finance.download()
    finance.agreed()

    world.gather()
    world.let_decide()
    assert sorted(Payout.objects.values_list("state", flat=True)) == ["awaiting_approval", "cancelled"]
    world.approve()
    world.send()
    assert BankFile.objects.filter(withdrawn_at__isnull=True).count() == 1
    live = BankFile.objects.get(withdrawn_at__isnull=True)
    assert finance.service.upload(finance.download(live)).status_code == 201
    finance.bring()
    assert sorted(Payout.objects.values_list("state", flat=True)) == ["cancelled", "paid"]
    assert finance.moved() == [9_000]
    finance.agreed()


def test_one_that_was_downloaded_is_withdrawn_with_what_proves_it(finance: Finance) -> None:
    world = finance.world
    finance.sent()
    finance.download()
    with pytest.raises(Refused, match="name what proves"):
        withdraw(finance)
    withdraw(finance, document="The bank's list of orders of today, screenshot 4.")
    world.hear_back()
    assert world.payout().state == "cancelled"


def test_one_that_is_at_the_bank_is_not_withdrawn(finance: Finance) -> None:
    finance.sent()
    finance.upload()
    with pytest.raises(Refused, match="confirmed to be at the bank"):
        withdraw(finance, document="I think it failed.")
    finance.bring()
    with pytest.raises(Refused, match="booked"):
        withdraw(finance, document="I think it failed.")


def test_one_that_was_withdrawn_and_paid_after_all_is_an_incident(finance: Finance) -> None:
    world = finance.world
    (payout,) = finance.sent()
    body = finance.download()
    withdraw(finance, document="Carol says so.")
    world.hear_back()
    assert finance.service.upload(body).status_code == 201
    finance.bring()
    payout.refresh_from_db()
    assert payout.state == "cancelled"
    assert "contradiction" in world.incidents()
    assert world.balance("suspense:bank_file") == 9_000
    held = Hold.objects.filter(payee_id=payout.payee_id, lifted_at__isnull=True)
    assert held.exists(), "What may be paid already must not go out again by itself."


def test_a_payment_for_which_funds_were_short_fails_and_goes_out_again(finance: Finance) -> None:
    world = finance.world
    finance.sent("anna", "linh")
    finance.service.fault("insufficient_funds", times=1, match={"reference": ANNA["iban"]})
    finance.upload()
    finance.bring()
    assert sorted(world.states().values()) == ["paid", "submitted"]
    payout = Payout.objects.get(state="submitted")
    said = {"payout": str(payout.pk), "whose": "ours", "document": "Bank's message AM04 of today."}
    world.second("bank_payment_refused", said, by=world.bob)
    world.hear_back()
    payout.refresh_from_db()
    assert (payout.state, world.attempt(payout).refusal_class) == ("failed", "ours")
    assert Incident.objects.count() == 0

    done = intervention.retry(by=world.bob, payout_ids=[payout.pk], reason="Topped up.", now=world.now)
    assert done.done == [payout.number]
    world.send()
    second = BankFile.objects.get(number=2)
    assert finance.service.upload(finance.download(second)).status_code == 201
    finance.bring()
    world.until("paid")
    assert sorted(finance.moved()) == [9_000, 9_000]
    finance.agreed()


def test_what_is_booked_is_not_called_refused(finance: Finance) -> None:
    world = finance.world
    (payout,) = finance.sent()
    said = {"payout": str(payout.pk), "whose": "ours", "document": "AM04"}
    with pytest.raises(Refused, match="not confirmed"):
        world.second("bank_payment_refused", said, by=world.bob)
    finance.upload()
    finance.bring()
    with pytest.raises(Refused):
        world.second("bank_payment_refused", said, by=world.bob)


# Payees ----------------------------------------------------------------------------------------------------------


def test_a_payee_gives_their_account_and_is_paid_there(finance: Finance) -> None:
    world = finance.world
    payee = world.seller("linh@example.com", method=False)
    payee.country = "VN"
    payee.save(update_fields=["country"])
    by = Author(user=None, login="sharetribe")
    asked = choosing.form(payee, provider="bank_file", values={"country": "VN"}, country="VN")
    assert isinstance(asked, Form)
    assert [field.name for field in asked.fields] == ["country", "holder", "account", "bic", "city"]
    wrong = {**LINH, "holder": "Чан"}
    with pytest.raises(choosing.ChoiceRefused) as refused:
        choosing.choose(payee, provider="bank_file", values=wrong, country="VN", by=by, now=world.now)
    assert [one.field for one in refused.value.problems] == ["holder"]
    chosen = choosing.choose(payee, provider="bank_file", values=LINH, country="VN", by=by, now=world.now)
    assert chosen.method.masked == "Account •••• 456"
    assert chosen.method.verified_how == "The payee gave it, freshly logged in."
    typed = {**LINH, "account": "0071 0001 234 56"}
    again = choosing.choose(payee, provider="bank_file", values=typed, country="VN", by=by, now=world.now)
    assert not again.is_new

    world.sold_and_approved(payee)
    world.send()
    finance.upload()
    finance.bring()
    world.until("paid")
    (debit,) = finance.service.ledger()
    assert debit["destination"] == "0071000123456"
    finance.agreed()


def test_everything_opens_without_the_old_key(finance: Finance, settings: Settings) -> None:
    finance.sent()
    finance.upload()
    finance.bring()
    entries = DatabaseDesk().entries_since(date(2020, 1, 1))
    statement = importing.body_of(BankStatement.objects.get())
    settings.DETAILS_KEYS = "newer:bmV3ZXItdGVzdC1rZXktbmV3ZXItdGVzdC1rZXktMTI=," + settings.DETAILS_KEYS
    call_command("rotate_details_keys")
    settings.DETAILS_KEYS = settings.DETAILS_KEYS.partition(",")[0]
    assert DatabaseDesk().entries_since(date(2020, 1, 1)) == entries
    assert importing.body_of(BankStatement.objects.get()) == statement
    assert finance.download()


# Stops -----------------------------------------------------------------------------------------------------------


def test_what_is_stopped_is_not_given_out(finance: Finance) -> None:
    world = finance.world
    (payout,) = finance.sent()
    holding.hold(by=world.alice, payouts=[payout.pk], reason="Wait.", now=world.now)
    with pytest.raises(Refused, match="Wait"):
        finance.download()
    world.lift_our_holds()
    holding.stop(by=world.alice, reason="Fire.", now=world.now)
    with pytest.raises(Refused, match="Fire"):
        finance.download()


def test_what_is_not_wanted_any_more_is_not_given_out(finance: Finance) -> None:
    world = finance.world
    (payout,) = finance.sent()
    fields = {"payee": str(payout.payee_id), "provider": "bank_file", "checked": "Called the payee."}
    world.second("method_add", fields, secret=dict(ACCOUNTS["ece"]))
    with pytest.raises(Refused, match="another account"):
        finance.download()
    withdraw(finance)
    world.hear_back()
    payout.refresh_from_db()
    assert payout.state == "cancelled"


def test_a_payout_stands_in_one_live_file(finance: Finance) -> None:
    (payout,) = finance.sent()
    attempt = finance.world.attempt(payout)
    with pytest.raises(IntegrityError), transaction.atomic():
        Attempt.objects.create(
            payout=payout,
            n=2,
            batch=attempt.batch,
            provider="bank_file",
            key="another",
            method=attempt.method,
            units=attempt.units,
            currency=attempt.currency,
            destination=attempt.destination,
            digest=attempt.digest,
        )
    assert connection.in_atomic_block is False


def test_a_payment_cannot_be_cancelled_out_of_a_file(finance: Finance) -> None:
    world = finance.world
    (payout,) = finance.sent()
    intervention.cancel(by=world.bob, payout_ids=[payout.pk], reason="Please.", now=world.now)
    world.tell()
    payout.refresh_from_db()
    assert payout.state == "submitted"


# After a restore -------------------------------------------------------------------------------------------------


def test_what_was_uploaded_in_the_lost_time_is_not_sent_again(finance: Finance, superuser_url: str) -> None:
    """Of a bonus no transaction in Sharetribe bears witness: the bank's statement alone does."""
    world = finance.world
    world.paypal.post("/_sandbox/fresh", {"always": True})
    finance.sent("linh")
    finance.upload()
    finance.bring()
    payee = finance.seller("anna")
    world.second(
        "payable_add", {"payee": str(payee.pk), "purpose": "bonus", "units": "700", "currency": "EUR"}
    )
    world.decide()
    world.approve()
    world.reread()
    backup = Cleaner(superuser_url)
    assert world.transmit() == 1
    lost = BankFile.objects.get(number=2)
    assert finance.service.upload(finance.download(lost)).status_code == 201
    backup.clean()
    backup.close()
    Saboteur(superuser_url).run("UPDATE payouts_incarnation SET database_oid = database_oid + 1")

    assert BankFile.objects.count() == 1
    assert not _restored(world).accepted, "Today's statement does not say what the bank will book tomorrow."
    world.let_pass(days=12)
    finance.service.advance(12 * 86_400)
    finance.service.post("/_sandbox/fee", {"units": 100})
    finance.bring()
    assert _restored(world, ago=timedelta(days=12)).accepted
    world.send()
    payout = Payout.objects.get(payee=payee)
    assert payout.state == "approved"
    assert payout.holds.filter(rule="restore", lifted_at__isnull=True).exists()
    assert sorted(finance.moved()) == [700, 9_000]


def test_a_file_of_before_a_restore_is_not_given_out(finance: Finance, superuser_url: str) -> None:
    """In the time that was lost it was withdrawn, and what it covered was paid by another file."""
    world = finance.world
    world.paypal.post("/_sandbox/fresh", {"always": True})
    finance.sent()
    backup = Cleaner(superuser_url)
    withdraw(finance)
    world.hear_back()
    world.gather()
    world.let_decide()
    world.approve()
    world.send()
    second = BankFile.objects.get(withdrawn_at__isnull=True)
    assert finance.service.upload(finance.download(second)).status_code == 201
    backup.clean()
    backup.close()
    Saboteur(superuser_url).run("UPDATE payouts_incarnation SET database_oid = database_oid + 1")

    with pytest.raises(Refused, match="after_restore"):
        finance.download()
    world.let_pass(days=12)
    finance.service.advance(12 * 86_400)
    finance.service.post("/_sandbox/fee", {"units": 100})
    finance.bring()
    assert _restored(world, ago=timedelta(days=12)).accepted
    with pytest.raises(Refused, match="restored since"):
        finance.download()
    with pytest.raises(Refused, match="name what proves"):
        withdraw(finance)
    withdraw(finance, document="The bank's list of orders.")
    world.hear_back()
    world.gather()
    world.let_decide()
    assert world.transmit() == 0
    assert finance.moved() == [9_000]
    held = Hold.objects.filter(rule="restore", payee__isnull=False, lifted_at__isnull=True)
    assert held.count() == 1, "The statement names a debit to this payee that our books do not know."


def _restored(world: World, *, ago: timedelta = timedelta(minutes=1)) -> Outcome:
    return after_restore(by="Olga", witness=find_strangers, stopped_at=world.now - ago, now=world.now)


def test_bytes_are_there_for_as_long_as_the_file_is_asked_about(finance: Finance) -> None:
    finance.sent()
    finance.upload()
    finance.bring()
    assert StepBody.objects.filter(kind="request").count() == 1
    assert Batch.objects.get().next_at is not None
    assert reconciling.compare_from("bank_file", now=finance.world.now) <= finance.world.now


def _header() -> bytes:
    return b"account;booked_on;amount;currency;reference\r\n"


def _line(world: World, *, days_ago: int) -> bytes:
    day = (world.now - timedelta(days=days_ago)).date()
    return f"DE89370400440532013000;{day};5.00;EUR;B{days_ago}\r\n".encode()


def _e2e() -> str:
    return end_to_end_id(Attempt.objects.get().key)
