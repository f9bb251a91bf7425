"""People at the API, over the sandbox's Sharetribe."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache

from accounts.models import Marketplace
from tests.api_client import MarketplaceServer, OwnAccount, SharetribeUser, known_marketplace
from tests.sandbox_services import SandboxService


@pytest.fixture
def marketplace(flex_sandbox: SandboxService, transactional_db: None) -> Marketplace:
    """Our marketplace, as `check_flex` learned it."""
    cache.clear()
    return known_marketplace(flex_sandbox)


@pytest.fixture
def ada(flex_sandbox: SandboxService, marketplace: Marketplace) -> SharetribeUser:
    """A user of our marketplace."""
    return SharetribeUser(flex_sandbox, email="ada@market.example")


@pytest.fixture
def bo(flex_sandbox: SandboxService, marketplace: Marketplace) -> SharetribeUser:
    """Another user of our marketplace."""
    return SharetribeUser(flex_sandbox, email="bo@market.example")


@pytest.fixture
def server(marketplace: Marketplace) -> MarketplaceServer:
    """The marketplace's server, with a key."""
    return MarketplaceServer.with_key()[0]


@pytest.fixture
def join(transactional_db: None, mailoutbox: list[Any]) -> Callable[[str], OwnAccount]:
    """Signs somebody up, and has them give the code that was mailed."""
    cache.clear()

    def joined(email: str) -> OwnAccount:
        account = OwnAccount(email)
        assert account.sign_up().status_code == 401  # until the address is verified
        code = re.search(r"^\s*([A-Z0-9-]{6,})\s*$", mailoutbox[-1].body, re.MULTILINE)
        assert code is not None, mailoutbox[-1].body
        verified = account.verify(code[1])
        assert verified.status_code == 200, verified.content
        return account

    return joined
