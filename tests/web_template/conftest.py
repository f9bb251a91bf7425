"""The template with our files in it, before the product and the sandboxes, and a browser."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.core.cache import cache
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from accounts.models import Marketplace
from payouts.providers import registry
from tests import node
from tests.api_client import MarketplaceServer, SharetribeUser, known_marketplace
from tests.providers import offers
from tests.providers.offers import bank, wallet
from tests.sandbox_services import SandboxService
from tests.web_template import Template

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
# The first request to a server that has just started takes its time.
expect.set_options(timeout=20_000)

PASSWORD = "correct horse battery staple"

LogIn = Callable[..., Page]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The template, built once."""
    try:
        return Template(tmp_path_factory.mktemp("web_template"))
    except node.CannotInstall as missing:
        pytest.skip(f"the template's files were not tried: {missing}")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser without a window."""
    if not CHROMIUM:
        pytest.skip("needs Chromium")
    with pytest.MonkeyPatch.context() as patch:
        # Playwright's loop runs in this thread, and Django would take it for asynchronous code.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        with sync_playwright() as playwright:
            options = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
            yield browser
            browser.close()


@pytest.fixture(autouse=True)
def _services(monkeypatch: pytest.MonkeyPatch, paypal_sandbox: SandboxService) -> Iterator[None]:
    """PayPal, and of the tests' own a bank, whose form changes, and a wallet with pages of its own."""
    monkeypatch.setenv("TWO_STEP_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("TWO_STEP_TOKEN", "token")
    monkeypatch.setenv("EXTRA_PROVIDERS", offers.PROVIDERS)
    monkeypatch.setattr(bank, "is_down", False)
    wallet.states.clear()
    registry.reset()
    yield
    registry.reset()


@pytest.fixture
def marketplace(flex_sandbox: SandboxService, transactional_db: None) -> Marketplace:
    """Our marketplace, as `check_flex` learned it."""
    cache.clear()
    return known_marketplace(flex_sandbox)


@pytest.fixture
def ada(flex_sandbox: SandboxService, marketplace: Marketplace) -> SharetribeUser:
    """A seller, who is also a buyer now and then."""
    return SharetribeUser(flex_sandbox, email="ada@market.example", password=PASSWORD)


@pytest.fixture
def secret(marketplace: Marketplace) -> str:
    """The secret of the template's server."""
    server, _key = MarketplaceServer.with_key()
    return server.secret


@pytest.fixture
def shop(
    template: Template,
    live_server: LiveServer,
    flex_sandbox: SandboxService,
    secret: str,
    settings: Any,
) -> Iterator[str]:
    """The address of the template's server."""
    credentials = flex_sandbox.credentials
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    settings.CORS_ALLOWED_ORIGINS = [url]
    environ = {
        "PORT": str(port),
        "REACT_APP_SHARETRIBE_SDK_CLIENT_ID": credentials["marketplace_client_id"],
        "SHARETRIBE_SDK_CLIENT_SECRET": credentials["marketplace_client_secret"],
        "REACT_APP_SHARETRIBE_SDK_BASE_URL": flex_sandbox.url,
        "REACT_APP_MARKETPLACE_ROOT_URL": url,
        "PAYOUTS_URL": live_server.url,
        "PAYOUTS_SECRET": secret,
        "PAYPAL_CHECKOUT_BASE_URL": f"{url}/_paypal",
        "PAYPAL_CHECKOUT_CLIENT_ID": "shop",
        "PAYPAL_CHECKOUT_CLIENT_SECRET": "hush",
    }
    with template.serving(environ) as address:
        assert address == url
        yield url


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def context(chromium: Browser, shop: str, secret: str) -> Iterator[BrowserContext]:
    """A browser of somebody's own. Nothing that it is ever sent holds the secret, nor a session that scripts see."""
    context = chromium.new_context(base_url=shop, locale="en-GB")
    seen: list[str] = []
    broken: list[str] = []

    def keep(page: Page) -> None:
        page.on("response", lambda answer: seen.append(f"{answer.url} {answer.all_headers()}"))
        page.on("pageerror", lambda error: broken.append(str(error)))
        # What React says of properties and keys.
        page.on("console", lambda said: broken.append(said.text) if "Warning:" in said.text else None)

    context.on("page", keep)
    yield context
    assert broken == []
    assert seen
    assert not [one for one in seen if secret.removeprefix("whsec_") in one]
    kept = [one for one in context.cookies() if one.get("name") == "payouts-session"]
    assert all(one.get("httpOnly") and one.get("sameSite") == "Strict" for one in kept)
    context.close()


@pytest.fixture
def log_in(context: BrowserContext, flex_sandbox: SandboxService, shop: str) -> LogIn:
    """Log in at the template: its cookie holds the tokens. Gives a page."""

    def log_in(user: SharetribeUser, **login: object) -> Page:
        tokens = flex_sandbox.post(f"/_sandbox/users/{user.id}/login", login)
        name = f"st-{flex_sandbox.credentials['marketplace_client_id']}-token"
        context.add_cookies([{"name": name, "value": quote(json.dumps(tokens)), "url": shop}])
        return context.new_page()

    return log_in


def bundle_of(template: Template) -> str:
    """What the browser is given to run."""
    return Path(template.home / "build" / "index.js").read_text()
