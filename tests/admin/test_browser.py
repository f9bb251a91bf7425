"""In a real browser: the pages work under their policy, without a word in the console, and the acts go through."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from payouts import holding
from payouts.models import Payout, State
from tests import factories

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not CHROMIUM, reason="needs Chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch:
        # Playwright's loop runs in this thread, and Django would take it for asynchronous code.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        with sync_playwright() as playwright:
            options = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
            chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
            yield chromium
            chromium.close()


@pytest.fixture
def page(browser: Browser, live_server: LiveServer, people: object) -> Iterator[Page]:
    """A logged-in approver's page; whatever the console says fails the test."""
    said: list[str] = []
    page = browser.new_page(base_url=live_server.url, viewport={"width": 1366, "height": 900})
    page.on(
        "console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto("/admin/")
    page.get_by_label("Email").fill("approver@office.example")
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="What needs a person now")).to_be_visible()
    yield page
    page.close()
    assert said == []


def test_approving_many_from_the_queue(page: Page) -> None:
    for units in (1_000, 2_500):
        factories.PayoutFactory.create(state=State.AWAITING_APPROVAL, debt_units=units)
    page.goto("/admin/")
    page.get_by_role("link", name="Awaiting approval").click()
    page.get_by_label("Select all objects on this page for an action").check()
    page.get_by_label("Action:").select_option("approve")
    page.get_by_role("button", name="Go").click()
    expect(page.get_by_role("heading", name="This will:")).to_be_visible()
    expect(page.get_by_text("35.00 EUR")).to_be_visible()
    page.get_by_label("Reason").fill("Weekly list")
    page.get_by_role("button", name="Approve (2)").click()
    expect(page.get_by_text("Approval given (2)")).to_be_visible()
    assert Payout.objects.filter(state=State.APPROVED).count() == 2


def test_a_payout_is_read_and_held_on_its_page(page: Page) -> None:
    payout = factories.PayoutFactory.create(state=State.PAID)
    page.goto(f"{reverse('admin:payouts_payout_changelist')}?q={payout.number.lower()}")
    page.get_by_role("link", name=payout.number).click()
    page.get_by_text("1. create").click()
    expect(page.get_by_text("s•••@mail.example").first).to_be_visible()
    assert "someone.secret" not in page.content()
    page.get_by_role("button", name="Hold…").click()
    page.get_by_label("Reason").fill("Called the bank")
    page.get_by_role("button", name="Hold (1)").click()
    expect(page.get_by_text("On hold (1)")).to_be_visible()


def test_the_stop_switch(page: Page) -> None:
    page.get_by_role("button", name="Stop everything…").click()
    page.get_by_label("Reason").fill("PayPal reports trouble")
    page.get_by_role("button", name="Stop everything").click()
    expect(page.get_by_text("Sending is stopped.")).to_be_visible()
    assert holding.is_stopped()


def test_filters_and_every_list_open_without_a_complaint(page: Page) -> None:
    factories.PayoutFactory.create(state=State.UNKNOWN)
    page.goto(reverse("admin:payouts_payout_changelist"))
    page.get_by_text("By amount").click()
    page.locator("select[name=currency]").select_option("EUR")
    page.locator("input[name=amount_from]").fill("100")
    page.locator("form.typed-filter", has=page.locator("select[name=currency]")).get_by_role("button").click()
    expect(page.get_by_text("123.45 EUR").first).to_be_visible()
    links = page.locator("#nav-sidebar a").evaluate_all(
        "links => links.map(link => link.getAttribute('href'))"
    )
    for link in sorted(set(links)):
        response = page.goto(link)
        assert response is not None
        assert response.status == 200, link
