"""In a real browser, on a small phone and without scripts: a method is added, a payout seen, a question asked."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.utils import timezone
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from accounts.branding import READABLE, contrast
from payouts import outbox
from payouts.models import Case, PayoutMethod
from tests.payee.browsing import code_in

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
PHONE: ViewportSize = {"width": 360, "height": 740}

browses = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not CHROMIUM, reason="needs Chromium"),
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch:
        # Playwright's loop runs in this thread, and Django would take it for asynchronous code.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        with sync_playwright() as playwright:
            options = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
            yield browser
            browser.close()


@pytest.fixture
def phone(chromium: Browser, live_server: LiveServer, settings: Any) -> Iterator[Page]:
    """A phone whose browser runs no scripts; whatever its console says fails the test."""
    settings.PUBLIC_URL = live_server.url
    said: list[str] = []
    page = chromium.new_page(
        base_url=live_server.url, viewport=PHONE, java_script_enabled=False, locale="en-GB"
    )
    # What was typed wrong is answered by 400, of which the console tells as well.
    page.on(
        "console",
        lambda message: (
            said.append(message.text) if message.type == "error" and "400" not in message.text else None
        ),
    )
    yield page
    page.close()
    assert said == []


def come_in(page: Page, live_server: LiveServer, token: str) -> None:
    """This will come from the marketplace's page, which posts the token, and say yes."""
    page.set_content(
        f'<form method="post" action="{live_server.url}/payee/enter">'
        f'<input type="hidden" name="token" value="{token}"><button>My payouts</button></form>'
    )
    page.get_by_role("button", name="My payouts").click()
    expect(page.get_by_role("heading", name="Is this you?")).to_be_visible()
    page.get_by_role("button", name="Yes, this is me").click()
    expect(page.get_by_role("heading", name="Your payouts")).to_be_visible()


def fits(page: Page) -> bool:
    """This will tell whether nothing of the page is wider than the phone."""
    shown = page.locator("body *").evaluate_all(
        "all => Math.max(...all.filter(one => !one.closest('.skip'))"
        ".map(one => one.getBoundingClientRect().right))"
    )
    return bool(shown <= PHONE["width"] + 0.5)


class TestOnAPhone:
    """The way of a seller."""

    pytestmark = browses

    def test_a_method_is_added(self, phone, live_server, ada, paypal):
        come_in(phone, live_server, ada.token())
        phone.get_by_role("link", name="Choose a payout method").click()
        phone.get_by_label("Country in which you are paid").select_option("VN")
        phone.get_by_role("button", name="Show what is offered").click()
        phone.get_by_role("link", name="Be paid by PayPal").click()
        field = phone.get_by_label("E-mail address of your PayPal account")
        field.fill("ada")
        phone.get_by_role("button", name="Pay me here").click()
        expect(phone.get_by_role("alert")).to_be_visible()
        expect(field).to_have_value("ada")
        field.fill("ada@pay.example")
        phone.get_by_role("button", name="Pay me here").click()
        expect(phone.get_by_text("a•••@pay.example")).to_be_visible()
        assert PayoutMethod.objects.get().payee.country == "VN"

    def test_a_payout_is_seen_and_asked_about(self, phone, live_server, ada, adas_payout):
        come_in(phone, live_server, ada.token())
        phone.get_by_role("link", name=adas_payout.number).click()
        expect(phone.get_by_role("heading", name="What happened")).to_be_visible()
        expect(phone.get_by_text("It was paid to")).to_be_visible()
        phone.get_by_label("The amount is wrong").check()
        phone.get_by_label("Your question").fill("Only 100 came.")
        phone.get_by_role("button", name="Send the question").click()
        expect(phone.get_by_text("Only 100 came.")).to_be_visible()
        assert Case.objects.get().kind == "wrong_amount"
        with phone.expect_download() as download:
            phone.get_by_role("link", name="Remittance advice (PDF)").click()
        assert download.value.suggested_filename == f"{adas_payout.number}.pdf"

    def test_by_a_code_and_in_vietnamese(self, phone, ada, adas_payout, mailoutbox):
        phone.goto("/payee/")
        phone.get_by_role("button", name="Tiếng Việt").click()
        phone.get_by_label("Địa chỉ e-mail").fill("ada@market.example")
        phone.get_by_role("button", name="Gửi mã cho tôi").click()
        outbox.tell(limit=10, now=timezone.now())
        phone.get_by_label("Mã").fill(code_in(mailoutbox[-1]))
        phone.get_by_role("button", name="Đăng nhập").click()
        expect(phone.get_by_role("heading", name="Các khoản chi trả của bạn")).to_be_visible()
        phone.get_by_role("link", name="Sao kê").click()
        expect(phone.get_by_role("heading", name="Sao kê")).to_be_visible()
        phone.get_by_role("button", name="Đăng xuất").click()
        expect(phone.get_by_text("Bạn đã đăng xuất")).to_be_visible()

    @pytest.mark.parametrize("language", ["English", "Tiếng Việt"])
    def test_every_page_fits_and_names_its_fields(
        self, chromium, live_server, settings, ada, adas_payout, language
    ):
        # What measures is a script of the test's, so this one browser runs some.
        settings.PUBLIC_URL = live_server.url
        page = chromium.new_page(base_url=live_server.url, viewport=PHONE, locale="en-GB")
        come_in(page, live_server, ada.token())
        page.get_by_role("button", name=language).click()
        for address in (
            "/payee/",
            "/payee/payouts/?phase=paid",
            f"/payee/payouts/{adas_payout.pk}/",
            "/payee/method/",
            f"/payee/method/{adas_payout.method_id}/retire/",
            "/payee/method/add/?country=VN",
            "/payee/method/add/paypal/?country=VN",
            "/payee/statements/",
            "/payee/again/",
            "/payee/mails/",
            "/payee/nowhere",
        ):
            page.goto(address)
            assert fits(page), address
            unnamed = page.locator("input:not([type=hidden]), select, textarea").evaluate_all(
                "all => all.filter(one => !one.labels.length).map(one => one.outerHTML)"
            )
            assert unnamed == [], address
            assert page.locator("h1").count() == 1, address
            small = page.locator("main button, main a.button, header button, nav a").evaluate_all(
                "all => all.filter(one => one.getBoundingClientRect().height < 44).map(one => one.outerHTML)"
            )
            assert small == [], address
        page.close()


def test_every_colour_can_be_read():
    """Each pair of text and ground in the style sheet, as far as the brand does not decide it."""
    found = finders.find("marketplace_payouts/payee.css")
    assert isinstance(found, str)
    css = Path(found).read_text()
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", css))
    pairs = [
        (text, ground)
        for text, grounds in {
            "ink": ("paper", "back"),
            "quiet": ("paper", "back"),
            "good": ("good-back",),
            "wait": ("wait-back",),
            "bad": ("bad-back", "paper"),
        }.items()
        for ground in grounds
    ]
    faint = [pair for pair in pairs if contrast(colours[pair[0]], colours[pair[1]]) < READABLE]
    assert faint == []
    assert contrast("#35454f", "#e8edf0") >= READABLE  # of what is over
    assert contrast(colours["quiet"], colours["good-back"]) >= READABLE  # when somebody wrote what
