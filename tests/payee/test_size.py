"""Each page weighs less than 100 kB with everything that it brings along, also where there is much to show."""

from __future__ import annotations

import re

import pytest
from django.contrib.staticfiles import finders
from django.utils import timezone

from accounts import branding
from payouts import cases
from payouts.models import PayoutLine, State
from tests import factories
from tests.payee.conftest import payee_of

MOST = 100_000


@pytest.fixture
def pages(browser, ada, marketplace, paypal, settings, tmp_path):
    """A browser among many payouts, lines and words, with the largest logo, and the addresses of its pages."""
    (tmp_path / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n".ljust(branding.LARGEST_LOGO, b"\0"))
    settings.BRAND_LOGO = str(tmp_path / "logo.png")
    payee = payee_of(ada, marketplace)
    for _ in range(25):
        payout = factories.PayoutFactory.create(payee=payee, marketplace=marketplace, state=State.PAID)
    for _ in range(150):
        payable = factories.PayableFactory.create(payee=payee, marketplace=marketplace, units=100)
        PayoutLine.objects.create(payout=payout, payable=payable, units=100)
    for _ in range(120):
        factories.PayableFactory.create(payee=payee, marketplace=marketplace, units=100)
    for number in range(5):
        cases.ask(payout, kind="other", text=f"{number}" + "Ö" * 1999, now=timezone.now())
    browser.enter(ada)
    addresses = [
        "/payee/",
        "/payee/payouts/",
        f"/payee/payouts/{payout.pk}/",
        "/payee/statements/",
        "/payee/method/",
        "/payee/method/add/?country=DE",
        "/payee/method/add/paypal/?country=DE",
        "/payee/again/",
        "/payee/mails/",
        "/payee/nowhere",
    ]
    return browser, addresses


def test_every_page_is_light(pages, browser):
    browser, addresses = pages
    weights = {address: weight(browser, address) for address in addresses}
    assert {address: size for address, size in weights.items() if size >= MOST} == {}
    browser.submit("/payee/leave")
    assert weight(browser, "/payee/") < MOST


def weight(browser, address: str) -> int:
    """This will give the bytes of a page with its styles and pictures, none of them compressed."""
    page = browser.open(address).content.decode()
    brought = set(re.findall(r'<(?:link[^>]+?href|img[^>]+?src|script[^>]+?src)="([^"]+)"', page))
    assert any("payee.css" in one for one in brought)
    assert any("/payee/logo" in one for one in brought)
    return len(page.encode()) + sum(_bytes(browser, one) for one in brought)


def _bytes(browser, address: str) -> int:
    if address.startswith("data:"):
        return 0  # it stands in the page
    if address.startswith("/static/"):
        path = finders.find(address.removeprefix("/static/"))
        assert path is not None, address
        with open(path, "rb") as file:  # noqa: PTH123 - the finder gives text
            return len(file.read())
    answer = browser.client.get(address)
    assert answer.status_code == 200, address
    return len(answer.content)
