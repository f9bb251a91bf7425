"""What payees see and do at their pages, and what they neither see nor do of others."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import ApiSession, Payee
from payouts import cases, outbox, verification
from payouts.models import Case, CaseKind, MethodChange, OutboxMessage, PayoutMethod, State
from payouts.notices import kinds, switches
from tests import factories
from tests.api_client import SharetribeUser
from tests.payee.browsing import Browser, code_in
from tests.payee.conftest import payee_of

ADD = "/payee/method/add/paypal/"


@pytest.fixture
def at_home(browser: Browser, ada: SharetribeUser, paypal: None) -> Browser:
    """Ada, logged in a moment ago."""
    return browser.enter(ada)


def choose(browser: Browser, address: str) -> None:
    """This will add a PayPal address, as the pages lead there."""
    browser.open("/payee/method/add/?country=DE")
    browser.open(f"{ADD}?country=DE")
    browser.submit(**{"f-email": address})


def test_a_new_payee_is_led_to_their_first_method(at_home, mailoutbox):
    assert "You have not said yet where you want to be paid" in at_home.text
    at_home.open("/payee/method/add/")
    assert '<option value="VN">Vietnam</option>' in at_home.text
    at_home.open("/payee/method/add/?country=DE")
    assert "Be paid by PayPal" in at_home.text
    choose(at_home, "ada@pay.example")
    assert at_home.at == "/payee/method/"
    assert "a•••@pay.example" in at_home.text
    assert "Follow the link in the mail" in at_home.text
    assert "ada@pay.example" not in at_home.text
    change, payee = MethodChange.objects.get(), Payee.objects.get()
    assert (change.person, change.login, payee.country) == (payee.user_id, "sharetribe", "DE")


def test_sending_the_form_twice_does_it_once(at_home):
    choose(at_home, "ada@pay.example")
    choose(at_home, "ada@pay.example")
    assert at_home.at == "/payee/method/"
    assert PayoutMethod.objects.count() == 1


@pytest.mark.parametrize("given", ["", "ada", "ada@pay", "a" * 200 + "@pay.example"])
def test_what_is_wrong_is_said_at_its_field_and_kept(at_home, given):
    choose(at_home, given)
    assert at_home.status == 400
    assert 'aria-invalid="true" aria-describedby="hint-email wrong-email"' in at_home.text
    assert f'value="{given}"' in at_home.text
    assert PayoutMethod.objects.count() == 0


def test_a_country_that_is_none_or_served_by_nobody(at_home):
    at_home.open("/payee/method/add/?country=XX")
    assert at_home.status == 400
    assert "There is no such country" in at_home.text
    at_home.open("/payee/method/add/?country=KP")
    assert "PayPal lets nobody in your country receive payouts" in at_home.text
    assert "Be paid by PayPal" not in at_home.text
    at_home.open(f"{ADD}?country=KP")
    assert at_home.status == 400


def test_another_method_then_the_former_one_again_then_none(at_home):
    choose(at_home, "one@pay.example")
    choose(at_home, "two@pay.example")
    assert "Where you were paid before" in at_home.text
    [former] = re.findall(r"/payee/method/([0-9a-f-]{36})/default/", at_home.text)
    at_home.open(f"/payee/method/{former}/default/")
    assert "Be paid here again?" in at_home.text
    at_home.submit()
    assert PayoutMethod.objects.get(retired_at=None).masked.startswith("o•••")
    [present] = set(re.findall(r"/payee/method/([0-9a-f-]{36})/retire/", at_home.text)) & {
        str(PayoutMethod.objects.get(retired_at=None).pk)
    }
    at_home.open(f"/payee/method/{present}/retire/")
    assert "What you are owed then waits" in at_home.text
    page = at_home.text
    at_home.submit()
    assert not PayoutMethod.objects.filter(retired_at=None).exists()
    # The button pressed a second time, before the answer to the first came.
    token = re.findall(r'csrfmiddlewaretoken" value="(\w+)"', page)[0]
    again = at_home.client.post(
        f"/payee/method/{present}/retire/", {"csrfmiddlewaretoken": token}, follow=True
    )
    assert again.status_code == 200


def test_after_ten_minutes_where_money_goes_needs_a_new_log_in(at_home, mailoutbox):
    choose(at_home, "ada@pay.example")
    at_home.open(f"{ADD}?country=DE")
    ApiSession.objects.update(logged_in_at=timezone.now() - timedelta(minutes=10))
    at_home.submit(**{"f-email": "late@pay.example"})
    assert at_home.status == 403
    assert "Nothing was changed" in at_home.text
    assert PayoutMethod.objects.count() == 1
    at_home.open("/payee/method/add/?country=VN")
    assert "Log in again" in at_home.text
    # A code by e-mail is a log-in, and leads back.
    at_home.submit("/payee/code/ask", email="ada@market.example")
    outbox.tell(limit=100, now=timezone.now())
    at_home.submit("/payee/code/", code=code_in(mailoutbox[-1]))
    assert at_home.at == "/payee/method/add/"
    assert '<option value="VN" selected>' in at_home.text, "what was asked for is not forgotten"
    choose(at_home, "late@pay.example")
    assert PayoutMethod.objects.count() == 2


def test_one_payout_with_its_story_and_papers(at_home, adas_payout):
    at_home.open("/payee/payouts/")
    assert adas_payout.number in at_home.text
    at_home.open(f"/payee/payouts/{adas_payout.pk}/")
    for words in (
        "123.45\xa0EUR",
        "Paid",
        "What happened",
        "What it covers",
        "commission",
        "s•••@mail.example",
    ):
        assert words in at_home.text or words == "s•••@mail.example"
    pdf = at_home.client.get(f"/payee/payouts/{adas_payout.pk}/advice.pdf")
    assert pdf.content.startswith(b"%PDF-")
    assert pdf["Content-Disposition"] == f'attachment; filename="{adas_payout.number}.pdf"'
    csv = at_home.client.get(f"/payee/payouts/{adas_payout.pk}/advice.csv")
    assert csv["Content-Type"].startswith("text/csv")
    year = timezone.now().year
    at_home.open("/payee/statements/")
    assert f"/payee/statements/{year}.pdf" in at_home.text
    assert at_home.client.get(f"/payee/statements/{year}.pdf").content.startswith(b"%PDF-")
    assert at_home.client.get(f"/payee/statements/{year + 1}.csv").status_code == 404
    assert at_home.client.get(f"/payee/statements/{year}.exe").status_code == 404


def test_why_something_is_not_paid(at_home, ada, marketplace):
    payee = payee_of(ada, marketplace)
    failed = factories.PayoutFactory.create(payee=payee, marketplace=marketplace, state=State.FAILED)
    factories.PayableFactory.create(payee=payee, marketplace=marketplace, hold_until=_in(3), due_at=_in(3))
    at_home.open("/payee/payouts/")
    assert "The hold period of your sale is not over" in at_home.text
    assert "Not accepted" in at_home.text
    # What the payee can mend leads to where it is mended, and nothing else does.
    to_the_method = '<a href="/payee/method/">To my payout method</a>'
    assert to_the_method not in at_home.text
    at_home.open(f"/payee/payouts/{failed.pk}/")
    assert to_the_method in at_home.text


def test_who_waits_for_a_payout_is_not_told_that_nothing_is_owed(at_home, ada, marketplace):
    payee = payee_of(ada, marketplace)
    factories.PayoutFactory.create(payee=payee, marketplace=marketplace, state=State.FAILED)
    at_home.open("/payee/")
    assert "No further payout is planned" in at_home.text
    assert "othing is owed" not in at_home.text


def _in(days: int):
    return timezone.now() + timedelta(days=days)


def test_a_question_is_asked_once_and_its_answer_read(at_home, adas_payout):
    there = f"/payee/payouts/{adas_payout.pk}/"
    for _ in range(2):
        at_home.open(there)
        at_home.submit("#ask", kind="not_arrived", text="Nothing came. <script>alert(1)</script>")
    assert at_home.at == there
    case = Case.objects.get()
    assert case.messages.count() == 1
    assert "&lt;script&gt;" in at_home.text
    assert "<script>" not in at_home.text
    staff = factories.StaffFactory.create(roles=["operator"])
    cases.answer(
        by=staff, case_ids=[case.pk], text="PayPal says it arrived.", settles=True, now=timezone.now()
    )
    at_home.open(there)
    assert "PayPal says it arrived." in at_home.text
    assert "Settled" in at_home.text
    assert staff.email not in at_home.text


@pytest.mark.parametrize("kind", ["", "nonsense"])
def test_a_question_without_a_subject_is_sent_back_with_its_text(at_home, adas_payout, kind):
    at_home.open(f"/payee/payouts/{adas_payout.pk}/")
    at_home.submit("#ask", kind=kind, text="Where is it?")
    assert at_home.status == 400
    assert "Where is it?" in at_home.text
    at_home.submit("#ask", kind="other", text="x" * 2001)
    assert "Write at most 2000 characters" in at_home.text
    assert Case.objects.count() == 0


def test_nothing_of_another_payee_can_be_reached(at_home, bos_payout):
    method = bos_payout.method
    addresses = [
        f"/payee/payouts/{bos_payout.pk}/",
        f"/payee/payouts/{bos_payout.pk}/advice.pdf",
        f"/payee/payouts/{bos_payout.pk}/advice.csv",
        f"/payee/method/{method.pk}/default/",
        f"/payee/method/{method.pk}/retire/",
    ]
    for address in addresses:
        at_home.open(address)
        assert at_home.status == 404, address
        assert "There is no such page, or it is not yours" in at_home.text
    at_home.open("/payee/")
    token = {"csrfmiddlewaretoken": at_home.cookie("csrf").value}
    for act in ("default", "retire", "confirm"):
        at_home.client.post(f"/payee/method/{method.pk}/{act}/", token)
    asked = token | {"kind": CaseKind.OTHER, "text": "Whose is it?"}
    assert at_home.client.post(addresses[0], asked).status_code == 404
    method.refresh_from_db()
    assert (method.retired_at, method.dropped_at, Case.objects.count()) == (None, None, 0)
    assert PayoutMethod.objects.count() == 1


@pytest.mark.parametrize("address", ["/payee/nowhere", "/payee/payouts/1/", "/payee/method/add/nobank/"])
def test_what_is_not_there_is_said_in_the_same_dress(at_home, address):
    at_home.open(address)
    assert at_home.status == 404
    assert "There is no such page" in at_home.text


def test_strangers_are_sent_to_the_entrance_and_come_back(browser, ada, adas_payout):
    there = f"/payee/payouts/{adas_payout.pk}/"
    browser.open(there)
    assert browser.at == "/payee/"
    assert f'name="next" value="{there}"' in browser.text


def test_the_list_goes_on_and_is_filtered(at_home, ada, marketplace):
    payee = payee_of(ada, marketplace)
    for _ in range(22):
        factories.PayoutFactory.create(payee=payee, marketplace=marketplace, debt_units=100)
    at_home.open("/payee/payouts/")
    [older] = re.findall(r'href="\?(cursor=[^"]+)"', at_home.text)
    assert at_home.text.count("PO-") == 20
    at_home.open(f"/payee/payouts/?{older}")
    assert at_home.text.count("PO-") == 2
    at_home.open("/payee/payouts/?phase=paid")
    assert "No payout fits" in at_home.text
    at_home.open("/payee/payouts/?made_from=yesterday")
    assert at_home.status == 200
    assert 'class="wrong"' in at_home.text
    at_home.open("/payee/payouts/?cursor=rubbish")
    assert at_home.at == "/payee/payouts/"


def test_the_mailed_link_confirms_a_method(at_home, browser):
    choose(at_home, "ada@pay.example")
    link = f"/payee/methods/{verification.token(PayoutMethod.objects.get())}/"
    anyone = Browser("vi")
    anyone.open(link)
    assert "Xác nhận nơi bạn muốn nhận tiền" in anyone.text
    assert PayoutMethod.objects.get().verified_at is None
    anyone.submit()
    assert PayoutMethod.objects.get().verified_at is not None
    anyone.open("/payee/methods/broken/")
    assert anyone.status == 410
    assert "bị hỏng hoặc quá cũ" in anyone.text


def test_the_link_is_mailed_again_only_so_often_and_together_with_the_api(at_home, ada):
    choose(at_home, "somebody@else.example")
    method = PayoutMethod.objects.get()
    seen = []
    for _ in range(4):
        at_home.open("/payee/method/")
        at_home.submit(f"/payee/method/{method.pk}/confirm/")
        seen.append(at_home.status)
    assert seen == [200, 200, 200, 429]
    assert ada.session().post(f"/api/v1/payout-methods/{method.pk}/confirmation").status_code == 429
    assert OutboxMessage.objects.filter(kind=verification.ASK).count() == 4, "one of them for the choice"


def test_which_mails_are_wanted(at_home):
    at_home.open("/payee/mails/")
    token = {"csrfmiddlewaretoken": at_home.cookie("csrf").value}
    wanted = [name for name in kinds.SWITCHES if name != kinds.OWED]
    at_home.client.post("/payee/mails/", token | {"wanted": wanted})
    off = [one.kind.name for one in switches.of(Payee.objects.get()) if not one.is_wanted]
    assert off == [kinds.OWED]
    at_home.open("/payee/mails/?kept=1")
    assert 'value="owed">' in at_home.text
    assert 'value="paid" checked>' in at_home.text
    assert 'value="method_changed" checked disabled>' in at_home.text


def test_the_language_is_kept_for_pages_and_mails(at_home):
    at_home.open("/payee/method/")
    at_home.submit("/payee/language", language="vi")
    assert at_home.at == "/payee/method/"
    assert '<html lang="vi">' in at_home.text
    assert "Phương thức nhận tiền" in at_home.text
    assert Payee.objects.get().language == "vi"
    at_home.submit("/payee/language", language="tlh")
    assert Payee.objects.get().language == "vi"
    at_home.submit("/payee/leave")
    assert "Bạn đã đăng xuất" in at_home.text


def test_the_language_is_else_what_the_browser_asks_for(ada):
    assert '<html lang="vi">' in Browser("vi,en;q=0.5").open("/payee/").content.decode()
    assert '<html lang="en-GB">' in Browser("en-US").open("/payee/").content.decode()
    assert '<html lang="en-GB">' in Browser("de").open("/payee/").content.decode()


def test_the_brand_is_the_marketplaces(browser, ada, settings, tmp_path):
    (tmp_path / "logo.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    settings.BRAND_LOGO, settings.BRAND_NAME = str(tmp_path / "logo.svg"), "Bến Thành & Sons"
    settings.BRAND_COLOUR, settings.BRAND_SUPPORT_EMAIL = "#7a1f5f", "help@shop.example"
    settings.BRAND_URL = "https://shop.example"
    browser.open("/payee/")
    assert "Bến Thành &amp; Sons" in browser.text
    assert "mailto:help@shop.example" in browser.text
    colours = browser.client.get("/payee/colours.css")
    assert "--brand:#7a1f5f" in colours.content.decode()
    logo = browser.client.get("/payee/logo")
    assert (logo["Content-Type"], "sandbox" in logo["Content-Security-Policy"]) == ("image/svg+xml", True)


def test_pages_are_kept_by_nobody_and_framed_by_nobody(at_home, adas_payout):
    answer = at_home.open(f"/payee/payouts/{adas_payout.pk}/")
    assert "no-store" in answer["Cache-Control"]
    assert answer["X-Frame-Options"] == "DENY"
    assert "script-src 'self'" in answer["Content-Security-Policy"]
    assert "<script" not in at_home.text
    assert " style=" not in at_home.text
