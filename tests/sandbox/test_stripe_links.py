"""Onboarding links: good once, for a short time; and the page behind them, which a person fills in."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, expect, sync_playwright

from tests.sandbox.stripe_api import EXPRESS, happened, seller, stripe
from tests.sandbox_services import SandboxService

pytestmark = pytest.mark.usefixtures("patient_stripe")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
REFRESH, RETURN = "http://127.0.0.1:9/refresh", "http://127.0.0.1:9/return?from=stripe"


@pytest.fixture
def account(patient_stripe: SandboxService) -> Any:
    """An express account that has told nothing of itself."""
    return stripe.Account.create(
        controller=EXPRESS,
        country="DE",
        email="anna@example.com",
        capabilities={"transfers": {"requested": True}},
    )


def link(account: Any, **more: str) -> Any:
    wanted = {"type": "account_onboarding", "refresh_url": REFRESH, "return_url": RETURN, **more}
    return stripe.AccountLink.create(account=account.id, **wanted)


def leads_to(url: str) -> str:
    return requests.get(url, allow_redirects=False, timeout=10).headers["Location"]


def send(url: str, **fields: str) -> requests.Response:
    return requests.post(url, data=fields, allow_redirects=False, timeout=10)


def form(url: str) -> dict[str, str]:
    page = requests.get(url, timeout=10).text
    return dict(re.findall(r'<input id="[^"]+" name="([^"]+)" value="([^"]*)"', page))


def sit_down(account: Any) -> str:
    """Open a link, say that a person is to be paid, and give the address of the form."""
    url = requests.get(link(account).url, timeout=10).url
    assert send(url, action="continue", business_type="individual").status_code == 303
    return url


def test_is_good_once(account: Any):
    url = link(account).url
    first = requests.get(url, timeout=10)
    assert first.status_code == 200
    assert "anna@example.com" in first.text
    assert leads_to(url) == REFRESH
    # The form itself can be loaded again.
    assert requests.get(first.url, timeout=10).status_code == 200


def test_expires(account: Any, patient_stripe: SandboxService):
    made = link(account)
    assert made.expires_at - made.created == 300
    patient_stripe.advance(301)
    assert leads_to(made.url) == REFRESH


def test_leads_nowhere_under_another_account(account: Any, patient_stripe: SandboxService):
    other = seller(patient_stripe)
    url = link(account).url.replace(account.id, other.id)
    assert requests.get(url, timeout=10).status_code == 410


def test_the_form_must_have_been_opened_by_its_link(account: Any):
    url = link(account).url.replace("/setup/s/", "/setup/e/")
    assert requests.get(url, timeout=10).status_code == 410
    assert send(url, action="submit").status_code == 410


def test_a_form_left_open_too_long_leads_back(account: Any, patient_stripe: SandboxService):
    url = sit_down(account)
    patient_stripe.advance(3601)
    assert send(url, action="submit").headers["Location"] == REFRESH


def test_can_be_finished_later(account: Any):
    url = sit_down(account)
    assert send(url, action="later").headers["Location"] == RETURN
    shown = stripe.Account.retrieve(account.id)
    assert shown.business_type == "individual"
    assert not shown.details_submitted


def test_asks_again_for_what_was_left_out(account: Any):
    url = sit_down(account)
    given = {**form(url), "individual.first_name": " ", "action": "submit"}
    answer = send(url, **given)
    assert answer.status_code == 422
    assert "First name, your agreement" in answer.text
    assert not stripe.Account.retrieve(account.id).details_submitted


def test_is_filled_in_judged_and_told_of(account: Any, patient_stripe: SandboxService):
    url = sit_down(account)
    answer = send(url, **form(url), tos_acceptance="yes", action="submit")
    assert answer.headers["Location"] == RETURN
    shown = stripe.Account.retrieve(account.id)
    assert shown.details_submitted
    assert not shown.payouts_enabled
    patient_stripe.advance(601)
    shown = stripe.Account.retrieve(account.id)
    assert shown.payouts_enabled
    # Made, of a kind, filled in, judged.
    assert happened(account.id).count("account.updated") == 4
    # Nothing is left to ask.
    base = patient_stripe.url
    assert leads_to(base + leads_to(link(account).url)) == RETURN


def test_asks_for_what_stripe_wants_besides(patient_stripe: SandboxService):
    account = seller(patient_stripe)
    fields = ["individual.verification.document"]
    patient_stripe.post("/_sandbox/require", {"reference": account.id, "fields": fields, "seconds": 0})
    url = requests.get(link(account).url, timeout=10).url
    assert list(form(url)) == fields
    send(url, **form(url), tos_acceptance="yes", action="submit")
    assert not stripe.Account.retrieve(account.id).payouts_enabled
    patient_stripe.advance(601)
    assert stripe.Account.retrieve(account.id).payouts_enabled


def test_shows_nothing_as_markup(patient_stripe: SandboxService):
    account = stripe.Account.create(
        type="express", country="DE", email='"><script>alert(1)</script>@example.com'
    )
    page = requests.get(link(account).url, timeout=10).text
    assert "<script>" not in page


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"type": "account_update"}, "type"),
        ({"type": "nonsense"}, "type"),
        ({"return_url": "/relative"}, "return_url"),
        ({"refresh_url": "javascript:alert(1)"}, "refresh_url"),
    ],
)
def test_refuses_links_that_cannot_be(account: Any, more: dict[str, str], param: str):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        link(account, **more)
    assert refused.value.param == param


def test_the_owner_alone_says_who_they_are_once_there_was_a_link(account: Any):
    stripe.Account.modify(account.id, business_type="individual")
    link(account)
    with pytest.raises(stripe.PermissionError, match="required permissions"):
        stripe.Account.modify(account.id, individual={"first_name": "Anna"})
    stripe.Account.modify(account.id, metadata={"still": "ours"})


# Login links ----------------------------------------------------------------------------------------------------


def test_an_express_account_has_a_dashboard(patient_stripe: SandboxService):
    account = seller(patient_stripe)
    stripe.Transfer.create(amount=1234, currency="eur", destination=account.id)
    url = stripe.Account.create_login_link(account.id).url
    page = requests.get(url, timeout=10)
    assert "€12.34" in page.text
    assert requests.get(url, timeout=10).status_code == 410


def test_there_is_no_login_link_before_the_onboarding(account: Any):
    with pytest.raises(stripe.InvalidRequestError, match="has not completed onboarding"):
        stripe.Account.create_login_link(account.id)


def test_other_accounts_have_no_login_link(patient_stripe: SandboxService):
    account = stripe.Account.create(type="standard", country="DE")
    with pytest.raises(stripe.InvalidRequestError, match="is not an Express account"):
        stripe.Account.create_login_link(account.id)


# In a browser ---------------------------------------------------------------------------------------------------


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    # Playwright's loop runs in this thread, and Django would take it for asynchronous code.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield chromium
        chromium.close()


@pytest.fixture
def marketplace() -> Iterator[str]:
    """The pages of the marketplace that Stripe sends people back to."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"<title>Marketplace</title>{self.path}".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="needs Chromium")
def test_a_person_goes_through_it(
    browser: Browser, marketplace: str, account: Any, patient_stripe: SandboxService
):
    urls = {"refresh_url": f"{marketplace}/refresh", "return_url": f"{marketplace}/return"}
    made = link(account, **urls)
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.goto(made.url)
    page.get_by_label("Who is to be paid?").select_option("company")
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Company name").fill("Rosen & Daughters")
    page.get_by_label("Bank account number or IBAN").fill("DE89 3704 0044 0532 0130 00")
    page.get_by_role("button", name="Agree and submit").click()
    expect(page.get_by_role("alert")).to_contain_text("your agreement")
    expect(page.get_by_label("Company name")).to_have_value("Rosen & Daughters")
    page.get_by_label("I agree to the Stripe Services Agreement").check()
    page.get_by_role("button", name="Agree and submit").click()
    expect(page).to_have_url(urls["return_url"])
    page.goto(made.url)
    expect(page).to_have_url(urls["refresh_url"])
    page.close()
    shown = stripe.Account.retrieve(account.id)
    assert shown.business_type == "company"
    assert [bank.last4 for bank in shown.external_accounts.data] == ["3000"]
    patient_stripe.advance(601)
    assert stripe.Account.retrieve(account.id).payouts_enabled
