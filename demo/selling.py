"""Stories of sellers who say themselves where they are paid: at Stripe's form, and on the payees' own pages."""

from __future__ import annotations

from demo.browser import Browser
from demo.calling import Account
from demo.scene import Scene, Story, Until
from payments.models import StripeDelivery
from payouts.models import Payout, State

_CODE = r"^\s*(\d{6})\s*$"
_LINK = r"(https?://\S+/payee/methods/\S+/)"
_COUNTRY = "DE"
_PAYPAL = "willi@example.com"


def verified_by_stripe(scene: Scene) -> Story:
    """Mara opens a connected account as a seller, fills in Stripe's form, and is verified."""
    account: Account = yield Until("Mara to have an account", lambda: scene.accounts.get("Mara"))
    api = account.session()
    opened = api.post("/api/v1/seller", {"country": _COUNTRY})
    back = f"{scene.web}/payee/"
    link = api.post("/api/v1/seller/onboarding", {"return_url": back, "refresh_url": back})
    scene.say(f"Mara opens {opened['account']} as a seller and goes to Stripe's form.")
    browser = Browser(web=scene.web)
    form = browser.open(link["url"]).form("business_type")
    form = browser.send(form, {"business_type": "individual", "action": "continue"}).form("tos_acceptance")
    page = browser.send(form, {"tos_acceptance": "yes", "action": "submit"})
    if page.url != back:
        raise AssertionError(f"Stripe's form leads to {page.url}: {page.text[:300]}")
    yield Until(
        "Sharetribe to know that Mara is verified",
        lambda: scene.flex.metadata(str(scene.users["Mara"])).get("sellerVerified"),
    )
    told = StripeDelivery.objects.filter(kind="account.updated", account=opened["account"]).count()
    shown = api.get("/api/v1/seller")
    if not (told and shown["verified"]):
        raise AssertionError(f"Mara is {shown['state']} after {told} webhooks of Stripe.")
    scene.say(f"Stripe's webhooks have Mara verified, and Sharetribe is told: {shown['sentence']}")


def own_pages(scene: Scene) -> Story:
    """Willi has no Stripe and gave no payout method: he chooses PayPal on his own pages, and is paid."""
    yield Until(
        "Willi's sale to wait for a payout method",
        lambda: scene.payables("Willi").filter(blocked_by="method_present").first(),
    )
    browser, address = Browser(web=scene.web), scene.sellers["Willi"].email
    page = browser.open("/payee/")
    page = browser.send(page.form("email"), {"email": address})
    code = yield scene.mailed(address, _CODE)
    page = browser.send(page.form("code"), {"code": code})
    scene.say("Willi comes to /payee/ and logs in with the code that is mailed to him.")
    page = browser.open(f"/payee/method/add/paypal/?country={_COUNTRY}")
    browser.send(page.form("f-email"), {"f-email": _PAYPAL})
    link = yield scene.mailed(_PAYPAL, _LINK)
    browser.send(browser.open(link).own_form)
    scene.say(f"Willi chooses PayPal and confirms {_PAYPAL} by the link that was mailed there.")
    payout: Payout = yield scene.stands("Willi", State.PAID)
    page = browser.open(f"/payee/payouts/{payout.pk}/")
    if payout.number not in page.text:
        raise AssertionError(f"{page.url} does not show {payout.number}: {page.text[:300]}")
    scene.say(f"Willi is paid what Mara paid him, and sees {payout.number} on his pages.")
