"""A new details key takes over from the old one, which can then be thrown away."""

from __future__ import annotations

from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core.management import call_command
from pytest_django import Settings

from marketplace_payouts.lib import crypto
from payouts import methods
from payouts.models import PayoutMethod, Step
from payouts.steps import stored_body
from tests.api_client import Api, MarketplaceServer
from tests.stories.world import World


def test_everything_opens_without_the_old_key(world: World, settings: Settings) -> None:
    seller = world.seller()
    world.sale(seller)
    world.decide()
    world.approve()
    world.send()
    world.until("paid")
    before = stored_body(Step.objects.get())
    seed = generate_totp_secret()
    factor = TOTP.activate(world.carol, seed)
    server, _ = MarketplaceServer.with_key()

    old = settings.DETAILS_KEYS
    settings.DETAILS_KEYS = "newer:bmV3ZXItdGVzdC1rZXktbmV3ZXItdGVzdC1rZXktMTI=," + old
    call_command("rotate_details_keys")
    settings.DETAILS_KEYS = settings.DETAILS_KEYS.partition(",")[0]

    assert methods.destination(PayoutMethod.objects.get()) == {"email": "seller@example.com"}
    assert stored_body(Step.objects.get()) == before
    factor.instance.refresh_from_db()
    sealed = bytes.fromhex(factor.instance.data["secret"])
    assert crypto.open(sealed, aad=b"accounts.second_factor").decode() == seed
    assert Api(server.signed(b"")).get("/api/v1/me").status_code == 200
