"""A code of six digits opens the pages of whoever reads the mail of a verified address; guessing does not."""

from __future__ import annotations

import re
import threading
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from accounts.models import CODE_TRIES, ApiSession, EntryCode, Payee
from accounts.payee_door import codes
from accounts.payee_door.codes import CodeRefused, WhyNot
from payouts import outbox
from payouts.models import OutboxMessage
from tests.api_client import SharetribeUser
from tests.payee.browsing import Browser

CODE = "/payee/code/"
ADDRESS = "ada@market.example"


def wrong(code: str) -> str:
    """Another code."""
    return f"{(int(code or 0) + 1) % 1_000_000:06d}"


def test_the_mailed_code_opens_the_pages(browser, ada, mailoutbox):
    code = browser.ask_for_code(" ADA@market.example ", mailoutbox)
    [mail] = mailoutbox
    assert (mail.to, mail.subject) == (
        [ADDRESS],
        f"{code} is your code for Flex Sandbox",
    ) or code in mail.subject
    browser.submit(CODE, code=f" {code} ")
    assert "Logged in as Ada B" in browser.text
    session = ApiSession.objects.get()
    assert (session.login, session.read_only, session.door) == ("code", "", "pages")
    assert session.logged_in_at is not None


def test_it_is_kept_nowhere_in_clear(browser, ada, mailoutbox):
    code = browser.ask_for_code(ADDRESS, mailoutbox)
    with connection.cursor() as cursor:
        for table in ("accounts_entrycode", "payouts_outboxmessage"):
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            assert all(code not in row for (row,) in cursor.fetchall())
    assert EntryCode.objects.get().digest


@pytest.mark.parametrize("whose", ["nobody", "unverified", "banned"])
def test_the_answer_does_not_tell_whether_an_address_is_known(whose, ada, flex_sandbox, mailoutbox):
    if whose == "unverified":
        SharetribeUser(flex_sandbox, email="new@market.example", emailVerified=False)
    if whose == "banned":
        SharetribeUser(flex_sandbox, email="new@market.example", state="banned")
    pages = []
    for address in (ADDRESS, "new@market.example"):
        browser = Browser()
        code = browser.ask_for_code(address, mailoutbox)
        assert bool(code) == (address == ADDRESS)
        told = [browser.text.replace(browser.cookie("csrf").value, "")]
        for _ in range(CODE_TRIES):
            browser.submit(CODE, code=wrong(code))
            told.append(browser.text)
        pages.append([_without_tokens(page) for page in told])
        assert browser.status == 400
    assert pages[0] == pages[1]
    assert len(mailoutbox) == 1
    assert Payee.objects.count() == 0  # who merely types an address makes no payee


def _without_tokens(page: str) -> str:
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page)


def test_five_wrong_tries_end_it_and_the_right_one_comes_too_late(browser, ada, mailoutbox):
    code = browser.ask_for_code(ADDRESS, mailoutbox)
    for _ in range(CODE_TRIES - 1):
        browser.submit(CODE, code=wrong(code))
        assert "not right" in browser.text
    browser.submit(CODE, code=wrong(code))
    assert "tried too often" in browser.text
    with pytest.raises(CodeRefused) as refused:
        codes.redeem(EntryCode.objects.get().pk, code, now=timezone.now())
    assert refused.value.why is WhyNot.OVER
    assert ApiSession.objects.count() == 0


def test_it_is_good_once(browser, ada, mailoutbox):
    code = browser.ask_for_code(ADDRESS, mailoutbox)
    entry = EntryCode.objects.get().pk
    browser.submit(CODE, code=code)
    with pytest.raises(CodeRefused):
        codes.redeem(entry, code, now=timezone.now())


def test_two_at_once_get_one_session(browser, ada, mailoutbox):
    code = browser.ask_for_code(ADDRESS, mailoutbox)
    entry = EntryCode.objects.get().pk
    outcomes: list[object] = []
    start = threading.Barrier(4)

    def try_it() -> None:
        try:
            start.wait()
            outcomes.append(codes.redeem(entry, code, now=timezone.now()))
        except CodeRefused as error:
            outcomes.append(error.why)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=try_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, outcomes)) == sorted(map(str, [ada.id, *[WhyNot.OVER] * 3]))


def test_guesses_at_once_count_each(browser, ada, mailoutbox):
    code = browser.ask_for_code(ADDRESS, mailoutbox)
    entry = EntryCode.objects.get().pk

    def guess() -> None:
        try:
            codes.redeem(entry, wrong(code), now=timezone.now())
        except CodeRefused:
            pass
        finally:
            connections.close_all()

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert EntryCode.objects.get().tries == CODE_TRIES


def test_it_ends_after_ten_minutes(browser, ada, mailoutbox):
    code = browser.ask_for_code(ADDRESS, mailoutbox)
    EntryCode.objects.update(expires_at=timezone.now())
    browser.submit(CODE, code=code)
    assert "has ended" in browser.text


def test_it_is_good_in_the_browser_that_asked_alone(browser, ada, mailoutbox):
    code = browser.ask_for_code(ADDRESS, mailoutbox)
    thief = Browser()
    thief.ask_for_code("eve@market.example", mailoutbox)
    thief.submit(CODE, code=code)
    assert "not right" in thief.text
    elsewhere = Browser()
    elsewhere.open(CODE)
    assert "Log in with a code" in elsewhere.text


def test_another_site_cannot_log_somebody_in_with_a_code_of_its_own(browser, ada, mailoutbox):
    code = browser.ask_for_code(ADDRESS, mailoutbox)
    victim = Client(enforce_csrf_checks=True, headers={"origin": "https://evil.example"})
    victim.cookies["payee-code"] = browser.cookie("payee-code").value
    assert victim.post(CODE, {"code": code}).status_code == 403


def test_an_address_gets_few_codes(ada, mailoutbox):
    statuses = []
    for _ in range(6):
        browser = Browser()
        browser.ask_for_code(ADDRESS, mailoutbox)
        statuses.append(browser.status)
    assert statuses == [200] * 4 + [429] * 2
    assert len(mailoutbox) == 4


def test_one_machine_asks_for_few(ada, settings, mailoutbox):
    settings.API_RATES = settings.API_RATES | {"code": (1, 3)}
    statuses = []
    for number in range(5):
        browser = Browser()
        browser.ask_for_code(f"seller{number}@market.example", mailoutbox)
        statuses.append(browser.status)
    assert statuses == [200] * 3 + [429] * 2


@pytest.mark.parametrize(
    "address", ["", "ada", "a@b", "ada@market.example\nbcc: eve@x.example", "a" * 250 + "@x.example"]
)
def test_what_is_no_address_is_said_at_its_field(browser, ada, address):
    browser.open("/payee/")
    browser.submit("/payee/code/ask", email=address)
    assert browser.status == 400
    assert 'aria-invalid="true"' in browser.text
    assert EntryCode.objects.count() == 0


def test_while_sharetribe_is_silent_the_mail_waits(browser, ada, flex_sandbox, mailoutbox):
    fault = flex_sandbox.fault("error_before", times=None)
    assert browser.ask_for_code(ADDRESS, mailoutbox) == ""
    message = OutboxMessage.objects.get(kind="entry_code")
    assert "Sharetribe" in message.error
    flex_sandbox.delete(f"/_sandbox/faults/{fault}")
    OutboxMessage.objects.update(next_at=timezone.now())
    outbox.tell(limit=10, now=timezone.now())
    assert len(mailoutbox) == 1


def test_what_is_mailed_late_is_not_mailed(browser, ada, mailoutbox):
    browser.open("/payee/")
    browser.submit("/payee/code/ask", email=ADDRESS)
    outbox.tell(limit=10, now=timezone.now() + timedelta(minutes=11))
    assert mailoutbox == []


def test_a_session_is_always_a_new_one(browser, ada, mailoutbox):
    """Whatever was in the cookie before is not what is in it afterwards."""
    browser.client.cookies["payee"] = "mps_planted"
    code = browser.ask_for_code(ADDRESS, mailoutbox)
    browser.submit(CODE, code=code)
    assert browser.cookie("payee").value not in ("", "mps_planted")
    assert "Logged in as Ada B" in browser.text


def test_the_mail_speaks_the_language_of_the_page(ada, mailoutbox):
    browser = Browser("vi-VN,vi;q=0.9")
    code = browser.ask_for_code(ADDRESS, mailoutbox)
    assert "mã đăng nhập" in mailoutbox[0].subject
    browser.submit(CODE, code=code)
    assert Payee.objects.get().language == "vi"
