"""Takes docs/images/review.png from a running demo: `./run demo`, then `.venv/bin/python docs/review_picture.py`."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Final

from playwright.sync_api import Page, sync_playwright

CHECKOUT: Final = Path(__file__).resolve().parent.parent
PICTURE: Final = CHECKOUT / "docs" / "images" / "review.png"


def main() -> None:
    """Log in as the demo's approver, open the first payout that awaits approval, and take its picture."""
    demo = json.loads((CHECKOUT / "var" / "demo.json").read_text(encoding="utf-8"))
    approver = next(one for one in demo["staff"] if one["role"] == "approver")
    with sync_playwright() as playwright:
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=options)
        page = browser.new_page(viewport={"width": 1200, "height": 1040})
        _log_in(page, demo["admin"], approver)
        _open_payout(page, demo["admin"])
        page.screenshot(path=PICTURE)
        browser.close()


def _log_in(page: Page, admin: str, approver: dict[str, str]) -> None:
    page.goto(admin)
    page.fill("input[name=login]", approver["email"])
    page.fill("input[name=password]", approver["password"])
    page.click("button[type=submit]")
    page.wait_for_url(admin)


def _open_payout(page: Page, admin: str) -> None:
    page.goto(f"{admin}payouts/payout/?state=awaiting_approval&held=no")
    page.click("#toggle-nav-sidebar")  # the picture is narrow enough without the list of pages
    page.locator("#result_list tbody th a").last.click()
    page.wait_for_load_state()


if __name__ == "__main__":
    main()
