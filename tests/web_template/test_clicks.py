"""The template's pages in a real browser: a method is chosen, a payout seen, a question asked, an order paid."""

from __future__ import annotations

import json

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import ApiSession, Payee, ServerKey
from payments.models import PaymentIn
from payouts.models import Case, Payout, PayoutMethod, State
from payouts.providers.offering import HostedState
from tests import factories
from tests.api_client import SharetribeUser
from tests.providers.offers import wallet
from tests.web_template.conftest import PASSWORD, bundle_of

pytestmark = [pytest.mark.node, pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SETTINGS = "/account/payout-method"


def payee_of(user: SharetribeUser, marketplace) -> Payee:
    """The payee that a user is."""
    found, _is_new = Payee.objects.get_or_create(marketplace=marketplace, flex_user_id=user.id)
    return found


def give_password(page: Page, password: str = PASSWORD) -> None:
    """Give the password, once the page asks for it."""
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Go on", exact=True).click()


def choose_paypal(page: Page, address: str) -> None:
    """Fill in PayPal's form."""
    page.get_by_label("Country in which you are paid").select_option("DE")
    page.get_by_role("button", name="Be paid by PayPal").click()
    page.get_by_label("E-mail address of your PayPal account").fill(address)
    page.get_by_role("button", name="Pay me here").click()


class TestWhereToBePaid:
    """The settings page."""

    def test_a_method_is_chosen_after_the_password_was_given(self, log_in, ada):
        page = log_in(ada)
        page.goto(SETTINGS)
        expect(page.get_by_text("You have not said yet where you want to be paid.")).to_be_visible()
        choose_paypal(page, "ada@pay.example")
        give_password(page, "guess")
        expect(page.get_by_text("This is not your password.")).to_be_visible()
        assert not PayoutMethod.objects.exists()
        give_password(page)
        expect(page.get_by_text("a•••@pay.example")).to_be_visible()
        expect(page.get_by_text("You are paid here")).to_be_visible()
        method = PayoutMethod.objects.get()
        assert (method.payee.flex_user_id, method.payee.country) == (ada.id, "DE")
        assert ApiSession.objects.filter(logged_in_at__isnull=False).count() == 1

    def test_what_is_wrong_stands_at_its_field(self, log_in, ada):
        page = log_in(ada)
        page.goto(SETTINGS)
        choose_paypal(page, "ada")
        give_password(page)
        field = page.get_by_label("E-mail address of your PayPal account")
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_role("alert")).to_be_visible()
        field.fill("ada@pay.example")
        page.get_by_role("button", name="Pay me here").click()
        expect(page.get_by_text("a•••@pay.example")).to_be_visible()

    def test_a_form_changes_with_what_is_filled_in(self, log_in, ada):
        page = log_in(ada)
        page.goto(SETTINGS)
        page.get_by_label("Country in which you are paid").select_option("DE")
        page.get_by_role("button", name="Be paid by Bank").click()
        page.get_by_label("Holder").fill("Ada Berg")
        page.get_by_label("Kind of account").select_option("domestic")
        expect(page.get_by_label("Branch")).to_be_visible()
        page.get_by_label("Kind of account").select_option("iban")
        expect(page.get_by_label("Branch")).to_have_count(0)
        expect(page.get_by_label("Holder")).to_have_value("Ada Berg")
        page.get_by_label("IBAN").last.fill("DE12345678")
        page.get_by_role("button", name="Pay me here").click()
        give_password(page)
        expect(page.get_by_text("You are paid here")).to_be_visible()
        assert PayoutMethod.objects.get().provider == "bank"

    def test_a_service_with_pages_of_its_own_is_gone_on_with_there(self, log_in, ada, marketplace):
        page = log_in(ada)
        page.route("https://wallet.example/**", lambda route: route.fulfill(body="Register here."))
        page.goto(SETTINGS)
        page.get_by_label("Country in which you are paid").select_option("DE")
        page.get_by_role("button", name="Be paid by Wallet").click()
        page.get_by_role("button", name="Go on at Wallet").click()
        give_password(page)
        expect(page.get_by_text("Register here.")).to_be_visible()
        assert page.url.endswith(SETTINGS)
        wallet.states[str(payee_of(ada, marketplace).pk)] = HostedState.READY
        page.go_back()
        page.get_by_label("Country in which you are paid").select_option("DE")
        page.get_by_role("button", name="Be paid by Wallet").click()
        page.get_by_role("button", name="Pay me here").click()
        expect(page.get_by_text("You are paid here")).to_be_visible()

    def test_a_change_cools_down_and_the_former_is_kept(self, log_in, ada):
        page = log_in(ada)
        page.goto(SETTINGS)
        choose_paypal(page, "first@pay.example")
        give_password(page)
        expect(page.get_by_text("f•••@pay.example")).to_be_visible()
        choose_paypal(page, "second@pay.example")
        expect(page.get_by_text("s•••@pay.example")).to_be_visible()
        kept = page.get_by_role("listitem").filter(has_text="f•••@pay.example")
        kept.get_by_role("button", name="Pay me here").click()
        shown = page.get_by_role("listitem").filter(has_text="f•••@pay.example")
        expect(shown.get_by_text("You are paid here")).to_be_visible()
        shown.get_by_role("button", name="Mail the link once more").click()
        expect(page.get_by_text("We have mailed the link.")).to_be_visible()
        shown.get_by_role("button", name="Remove").click()
        shown.get_by_role("button", name="Yes, remove it").click()
        expect(shown).to_have_count(0)

    def test_says_why_something_is_not_offered(self, log_in, ada):
        page = log_in(ada)
        page.goto(SETTINGS)
        page.get_by_label("Country in which you are paid").select_option("KP")
        expect(page.get_by_text("The bank does not pay there.")).to_be_visible()
        expect(page.get_by_role("button", name="Be paid by Bank")).to_have_count(0)

    def test_an_operator_who_logged_in_as_the_user_changes_nothing(self, log_in, ada):
        page = log_in(ada, as_operator=True)
        page.goto(SETTINGS)
        page.get_by_label("Country in which you are paid").select_option("DE")
        expect(page.get_by_role("status")).to_be_visible()
        expect(page.get_by_role("button")).to_have_count(0)
        told = send(page, "POST", "/payout-methods/", {"provider": "paypal", "country": "DE", "values": {}})
        assert (told["status"], told["code"]) == (403, "read_only_server")
        # Not even with the right password.
        assert send(page, "POST", "/log-in", {"password": PASSWORD})["status"] == 200
        assert send(page, "POST", "/payout-methods/", {"provider": "paypal"})["code"] == "read_only_server"
        assert send(page, "POST", "/checkout", {"transactionId": str(ada.id)})["status"] == 403


def send(page: Page, method: str, path: str, body: object = None, kind: str = "application/json"):
    """Call the template's server as a script in the page could."""
    options = {"method": method, "headers": {"Content-Type": kind}}
    if body is not None:
        options["body"] = json.dumps(body)
    return page.evaluate(
        "async ([path, options]) => { const answer = await fetch('/api/payouts' + path, options);"
        " const told = await answer.json().catch(() => ({}));"
        " return { status: answer.status, code: told.errors && told.errors[0].code }; }",
        [path, options],
    )


class TestTheServer:
    """What stands between browser and product."""

    def test_passes_on_the_few_calls_and_no_other(self, log_in, ada):
        page = log_in(ada)
        page.goto(SETTINGS)
        assert send(page, "GET", "/me")["status"] == 200
        for method, path in (
            ("POST", "/session"),
            ("POST", "/payments/events"),
            ("GET", "/payouts/..%2fme"),
            ("PUT", "/notices"),
        ):
            assert send(page, method, path, None if method == "GET" else {})["status"] == 404, path

    def test_other_sites_cannot_make_a_browser_change_something(self, log_in, ada):
        page = log_in(ada)
        page.goto(SETTINGS)
        told = send(page, "POST", "/payout-methods/", {"provider": "paypal"}, kind="text/plain")
        assert (told["status"], told["code"]) == (415, "unsupported_media_type")

    def test_whoever_logs_in_next_sees_their_own(self, log_in, context, ada, marketplace, flex_sandbox):
        theirs = factories.PayoutFactory.create(payee=payee_of(ada, marketplace), state=State.PAID)
        page = log_in(ada)
        page.goto("/account/payouts")
        expect(page.get_by_role("link", name=theirs.number)).to_be_visible()
        page = log_in(SharetribeUser(flex_sandbox))
        page.goto(f"/account/payouts/{theirs.pk}")
        expect(page.get_by_role("alert")).to_be_visible()
        assert send(page, "GET", f"/payouts/{theirs.pk}")["status"] == 404

    def test_a_session_that_is_over_is_followed_by_another(self, log_in, ada):
        page = log_in(ada)
        page.goto(SETTINGS)
        expect(page.get_by_text("You have not said yet where you want to be paid.")).to_be_visible()
        assert ApiSession.objects.count() == 1
        ApiSession.objects.update(ended_at=timezone.now())
        page.reload()
        expect(page.get_by_text("You have not said yet where you want to be paid.")).to_be_visible()
        expect(page.get_by_role("alert")).to_have_count(0)

    def test_without_a_log_in_there_is_nothing(self, context):
        page = context.new_page()
        page.goto(SETTINGS)
        expect(page.get_by_text("Log in first.")).to_be_visible()

    def test_a_token_that_is_over_is_renewed(self, log_in, ada, flex_sandbox):
        page = log_in(ada)
        flex_sandbox.post("/_sandbox/tokens/expire")
        page.goto(SETTINGS)
        expect(page.get_by_text("You have not said yet where you want to be paid.")).to_be_visible()

    def test_the_browser_is_given_no_secret(self, template, secret):
        for told in (secret, "PAYOUTS_SECRET", "whsec_"):
            assert told not in bundle_of(template)


class TestPayouts:
    """What was paid, and what was not."""

    @pytest.fixture
    def payout(self, ada, marketplace) -> Payout:
        """A payout of Ada's that is not paid yet."""
        return factories.PayoutFactory.create(payee=payee_of(ada, marketplace), state=State.PENDING)

    def test_a_payout_is_seen_with_why_and_asked_about(self, log_in, ada, payout):
        page = log_in(ada)
        page.goto("/account/payouts")
        page.get_by_role("link", name=payout.number).click()
        expect(page.get_by_role("heading", name="Why it is not paid yet")).to_be_visible()
        expect(page.get_by_role("heading", name="What happened")).to_be_visible()
        page.get_by_label("What is wrong?").select_option("wrong_amount")
        page.get_by_label("Your question").fill("Only <b>100</b> came.")
        page.get_by_role("button", name="Ask").click()
        expect(page.get_by_role("paragraph").filter(has_text="Only <b>100</b> came.")).to_be_visible()
        assert Case.objects.get().kind == "wrong_amount"

    def test_papers_are_saved(self, log_in, ada, payout, shop):
        page = log_in(ada)
        page.goto(f"/account/payouts/{payout.pk}")
        link = page.get_by_role("link", name="Remittance advice (CSV)").get_attribute("href")
        answer = page.request.get(str(link))
        assert answer.headers["content-disposition"].endswith(f'filename="{payout.number}.csv"')
        page.goto("/account/payouts")
        statement = page.get_by_role("link", name="PDF").first.get_attribute("href")
        assert page.request.get(str(statement)).body().startswith(b"%PDF")

    def test_a_long_list_goes_on(self, log_in, ada, payout):
        for _number in range(20):
            factories.PayoutFactory.create(payee=payout.payee, state=State.PAID)
        page = log_in(ada)
        page.goto("/account/payouts")
        expect(page.get_by_role("link", name="PO-")).to_have_count(20)
        page.get_by_role("button", name="Show more").click()
        expect(page.get_by_role("link", name="PO-")).to_have_count(21)
        expect(page.get_by_role("button", name="Show more")).to_have_count(0)

    def test_the_list_is_narrowed(self, log_in, ada, payout):
        page = log_in(ada)
        page.goto("/account/payouts")
        expect(page.get_by_role("link", name=payout.number)).to_be_visible()
        page.get_by_label("Show").select_option("paid")
        expect(page.get_by_text("There is none.")).to_be_visible()


class TestCheckout:
    """An order that is paid without Stripe."""

    @pytest.fixture
    def listing(self, flex_sandbox, marketplace) -> str:
        """A chair at 40.00 EUR."""
        made = {"title": "A chair", "price": 4000, "currency": "EUR"}
        return str(flex_sandbox.post("/_sandbox/listings", made)["id"])

    def order(self, page: Page, listing: str) -> None:
        """Order two, and come to PayPal's page."""
        page.goto(f"/l/a-chair/{listing}/checkout")
        page.get_by_role("button", name="Pay with PayPal").click()
        expect(page.get_by_text("Pay 80.00 EUR?")).to_be_visible()

    def test_ends_as_a_recorded_payment(self, log_in, ada, listing, flex_sandbox):
        page = log_in(ada)
        self.order(page, listing)
        page.get_by_role("button", name="Agree and pay").click()
        expect(page.get_by_text("Thank you. Your payment came.")).to_be_visible()
        paid = PaymentIn.objects.get()
        [made] = flex_sandbox.get("/_sandbox/transactions")["transactions"]
        assert (paid.origin, str(paid.transaction_id)) == ("paypal-checkout", made["id"])
        assert (int(paid.units), paid.currency) == (8000, "EUR")
        assert made["customer"] == str(ada.id)
        # Coming back once more records nothing more.
        page.reload()
        expect(page.get_by_text("Thank you. Your payment came.")).to_be_visible()
        assert PaymentIn.objects.count() == 1

    def test_a_payment_that_could_not_be_told_is_told_later(self, log_in, ada, listing):
        page = log_in(ada)
        self.order(page, listing)
        by = factories.StaffFactory.create(roles=["administrator"])
        former = ServerKey.objects.get()
        ServerKey.objects.update(revoked_at=timezone.now(), revoked_by=by)
        page.get_by_role("button", name="Agree and pay").click()
        expect(page.get_by_text("If you have paid, it is not lost")).to_be_visible()
        assert not PaymentIn.objects.exists()
        ServerKey.objects.filter(pk=former.pk).update(revoked_at=None, revoked_by=None)
        page.get_by_role("button", name="Look again").click()
        expect(page.get_by_text("Thank you. Your payment came.")).to_be_visible()
        assert PaymentIn.objects.count() == 1

    def test_nothing_is_believed_that_the_browser_says(self, log_in, ada, listing, flex_sandbox):
        page = log_in(ada)
        self.order(page, listing)
        order = page.url.rpartition("/")[2]
        [made] = flex_sandbox.get("/_sandbox/transactions")["transactions"]
        page.goto(f"/order/{made['id']}/paid?token={order}")
        expect(page.get_by_text("You have not agreed to the payment yet.")).to_be_visible()
        other = flex_sandbox.post("/_sandbox/transactions", {"customer": str(ada.id)})
        page.goto(f"/order/{other['id']}/paid?token={order}")
        expect(page.get_by_text("There is no such payment of this order.")).to_be_visible()
        assert not PaymentIn.objects.exists()

    def test_nothing_is_taken_for_an_order_that_is_over(self, log_in, ada, listing, flex_sandbox):
        page = log_in(ada)
        self.order(page, listing)
        [made] = flex_sandbox.get("/_sandbox/transactions")["transactions"]
        flex_sandbox.post(
            f"/_sandbox/transactions/{made['id']}/transition", {"transition": "transition/expire-payment"}
        )
        page.get_by_role("button", name="Agree and pay").click()
        expect(page.get_by_text("This order does not wait for a payment any more.")).to_be_visible()
        assert not PaymentIn.objects.exists()

    def test_who_cancels_may_pay_again(self, log_in, ada, listing):
        page = log_in(ada)
        self.order(page, listing)
        page.get_by_role("link", name="Cancel").click()
        expect(page.get_by_text("You have not paid yet.")).to_be_visible()
        page.get_by_role("button", name="Pay with PayPal").click()
        page.get_by_role("button", name="Agree and pay").click()
        expect(page.get_by_text("Thank you. Your payment came.")).to_be_visible()
        assert PaymentIn.objects.count() == 1

    def test_an_order_of_somebody_else_cannot_be_paid(self, log_in, ada, flex_sandbox):
        theirs = flex_sandbox.post("/_sandbox/transactions", {})
        page = log_in(ada)
        page.goto(SETTINGS)
        assert send(page, "POST", "/checkout", {"transactionId": theirs["id"]})["status"] == 404
