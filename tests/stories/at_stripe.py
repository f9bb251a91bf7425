"""A world in which sellers are paid through Stripe: who they are, and how they come to a payout method there."""

from __future__ import annotations

import re
import time
from typing import Any
from urllib.parse import urlsplit

import requests as http
import stripe
from django.conf import settings

from accounts.models import Payee
from marketplace_payouts.lib.clock import utc_now
from payments import reading
from payments.models import Seller
from payouts import seller_news
from payouts.models import Payout, PayoutMethod
from tests.api_client import Api, SharetribeUser
from tests.sandbox_services import SandboxService
from tests.stories.world import World

CREATE = {"method": "POST", "path": "/v1/transfers$"}
METHODS = "/api/v1/payout-methods/"
BY_STRIPE = {"provider": "stripe", "country": "DE"}


class AtStripe:
    """A world, and what is at Stripe."""

    def __init__(self, world: World, service: SandboxService) -> None:
        self.world, self.service = world, service
        self.books = stripe.StripeClient(
            service.credentials["secret_key"],
            base_addresses={"api": service.url},
            http_client=stripe.RequestsClient(),
        )

    # Sellers -------------------------------------------------------------------------------------------------

    def sign_up(self, email: str = "anna@market.example") -> tuple[SharetribeUser, Payee, Api]:
        """Let somebody come from Sharetribe for the first time."""
        user = SharetribeUser(self.world.flex, email=email)
        session = user.session()
        return user, Payee.objects.get(flex_user_id=user.id), session

    def link(self, api: Api) -> str:
        """Have the payee ask for Stripe's form."""
        asked = {**BY_STRIPE, "return_url": f"{settings.PUBLIC_URL}/payee/method"}
        answer = api.post(f"{METHODS}link", asked)
        assert answer.status_code == 200, answer.content
        return str(answer.json()["url"])

    def state(self, api: Api) -> tuple[str, str]:
        """How far the payee is, as they are told."""
        Seller.objects.update(read_at=None)
        shown = api.post(f"{METHODS}requirements", {**BY_STRIPE}).json()
        return shown["state"], shown["detail"]

    def choose(self, api: Api) -> Any:
        """Have the payee choose Stripe."""
        return api.post(METHODS, {**BY_STRIPE, "values": {}})

    def onboarded(self, email: str = "anna@market.example") -> tuple[Payee, Api]:
        """Let somebody come, fill in Stripe's form, and choose to be paid there."""
        _, payee, api = self.sign_up(email)
        fill_in(self.link(api))
        self.until_state(api, "ready")
        answer = self.choose(api)
        assert answer.status_code == 201, answer.content
        payee.refresh_from_db()
        return payee, api

    def until_state(self, api: Api, wanted: str) -> None:
        """Wait for Stripe's judgement."""
        end = time.monotonic() + 10
        while self.state(api)[0] != wanted:
            assert time.monotonic() < end, self.state(api)
            time.sleep(0.05)

    def account(self, payee: Payee) -> str:
        """The payee's connected account."""
        return Seller.objects.get(user=payee.user).stripe_id

    def turn(self, payee: Payee, fate: str) -> None:
        """Have Stripe think this of a seller, read it, and pass it on."""
        seller = Seller.objects.get(user=payee.user)
        self.service.post("/_sandbox/fate", {"reference": seller.stripe_id, "status": fate})
        reading.record(Seller, [reading.ask(seller)])
        seller_news.pass_on(limit=100, now=utc_now())

    def method(self, payee: Payee) -> PayoutMethod:
        """Where the payee is paid."""
        return PayoutMethod.objects.get(payee=payee, retired_at__isnull=True)

    # Payments ------------------------------------------------------------------------------------------------

    def asked_for(self) -> list[dict[str, Any]]:
        """The requests for a transfer that reached Stripe, in order."""
        asked = self.service.get("/_sandbox/requests?path=/v1/transfers&method=POST")["requests"]
        return [one for one in asked if one["target"] == "/v1/transfers"]

    def onward(self, payout: Payout) -> str:
        """How far the money came on its way to the bank, as we know it."""
        return str(self.world.attempt(payout).onward)


def fill_in(link: str) -> str:
    """Fill in Stripe's form in a browser, and give where it leads."""
    form = http.get(link, timeout=10)
    chosen = {"action": "continue", "business_type": "individual"}
    http.post(form.url, data=chosen, allow_redirects=False, timeout=10)
    page = http.get(form.url, timeout=10).text
    fields = dict(re.findall(r'<input id="[^"]+" name="([^"]+)" value="([^"]*)"', page))
    fields |= {"tos_acceptance": "yes", "action": "submit"}
    answer = http.post(form.url, data=fields, allow_redirects=False, timeout=10)
    return urlsplit(str(answer.headers["Location"])).path
