"""People at the product's own pages. Staff log in to the admin, choose rows, confirm what will happen, say why."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
import time
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import parse_qs, urljoin, urlsplit
from uuid import UUID

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from demo.forms import Form, Page, read_page

_MOST_PAGES = 40


class Refused(Exception):
    """The product did not do what was asked of it."""


class Browser:
    """Somebody's browser, with its cookies, and without scripts."""

    def __init__(self, *, web: str) -> None:
        self.web = web.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = False
        # The server closes a connection that was idle, now and then just when a page is asked for.
        self._session.mount("http://", HTTPAdapter(max_retries=Retry(total=3, allowed_methods=["GET"])))

    def open(self, address: str) -> Page:
        """Open a page, by its path or its whole address.

        :raises Refused: when it answers with an error.
        """
        return self._read(self._session.get(urljoin(self.web, address), timeout=60))

    def send(self, form: Form | None, given: Mapping[str, str | list[str]] | None = None) -> Page:
        """Fill in a form and send it; gives the page that follows.

        :raises Refused: when there is no such form, or it is not taken.
        """
        if form is None:
            raise Refused("The page has no such form.")
        return self._read(self._session.post(form.action, data=form.filled(given or {}), timeout=120))

    def _read(self, answer: requests.Response) -> Page:
        if answer.status_code >= 400:
            page = read_page(answer.text, url=answer.url)
            raise Refused(
                f"{answer.request.method} {answer.url}: {answer.status_code} {page.complaints or ''}"
            )
        return read_page(answer.text, url=answer.url)


class Desk(Browser):
    """One person's session in the admin."""

    def __init__(self, *, web: str, email: str, password: str, totp_secret: str = "") -> None:
        super().__init__(web=web)
        self.email = email
        self._password, self._totp_secret = password, totp_secret
        self._is_in = False

    def act(
        self,
        table: str,
        name: str,
        rows: Iterable[UUID],
        *,
        query: str = "",
        reason: str = "",
        may_be_gone: bool = False,
        **more: str,
    ) -> int:
        """Tick rows in a list such as `payouts/payout`, choose an act, confirm its page; gives how many it was.

        :raises Refused: when a row is not in the list (unless it may be gone), or nothing of it was done.
        """
        wanted = {str(row) for row in rows}
        done, number = 0, 1
        while wanted and number < _MOST_PAGES:
            page = self.open(f"/admin/{table}/?{query}&p={number}")
            if parse_qs(urlsplit(page.url).query).get("e") == ["1"]:
                break  # where a list has no such page, it is shown from its beginning
            listed = page.form("_selected_action")
            here = [] if listed is None else [pk for pk in listed.boxes["_selected_action"] if pk in wanted]
            if listed is None or not here:
                number += 1
                continue
            self._confirm(self._choose(page, listed, name, here), reason=reason, **more)
            done += len(here)
            # The same page once more: what was done may have left the list, and others moved up.
            wanted -= set(here)
        if wanted and not may_be_gone:
            raise Refused(f"{len(wanted)} rows to {name} are not in the list /admin/{table}/?{query}.")
        return done

    def ask(self, act: str, *, reason: str, **fields: str) -> UUID:
        """Make a request that another person must second; gives its id.

        :raises Refused: with what the page complains about.
        """
        page = self.open(f"/admin/requests/new/{act}/")
        form = page.form("reason")
        if form is None:
            raise Refused(f"There is no form for {act} at {page.url}.")
        answer = self.send(form, {**fields, "reason": reason})
        if answer.complaints or "/payouts/request/" not in answer.url:
            raise Refused(f"{act}: {' '.join(answer.complaints) or answer.url}")
        return UUID(answer.url.split("/payouts/request/")[1].split("/")[0])

    def switch(self, path: str, *, reason: str) -> None:
        """Press the stop switch (`stop/`) or take it back (`resume/`)."""
        first = self.open("/admin/")
        token = next(value for form in first.forms for name, value in form.fields if name.startswith("csrf"))
        asked = self._read(
            self._session.post(f"{self.web}/admin/{path}", data={"csrfmiddlewaretoken": token}, timeout=60)
        )
        self._confirm(asked, reason=reason)

    def open(self, address: str) -> Page:
        """Open a page, after logging in if need be."""
        if not self._is_in:
            self._log_in()
        return super().open(address)

    # ------------------------------------------------------------------------------------------------------------

    def _log_in(self) -> None:
        page = super().open("/accounts/login/?next=/admin/")
        form = page.form("password")
        if form is None:
            raise Refused(f"There is no log-in form at {page.url}.")
        page = self.send(form, {"login": self.email, "password": self._password})
        code_form = page.form("code")
        if code_form is not None:
            page = self.send(code_form, {"code": code_of(self._totp_secret, at=time.time())})
        if "/admin/" not in page.url:
            raise Refused(f"{self.email} cannot log in: {' '.join(page.complaints) or page.url}")
        self._is_in = True

    def _choose(self, page: Page, listed: Form, name: str, rows: Sequence[str]) -> Page:
        asked = self.send(listed, {"action": name, "_selected_action": list(rows), "select_across": "0"})
        if asked.form("ids") is None:
            raise Refused(f"{self.email} cannot {name}: {' '.join(asked.complaints) or asked.url}")
        return asked

    def _confirm(self, asked: Page, *, reason: str, **more: str) -> None:
        form = next((one for one in asked.forms if any(name == "ids" for name, _ in one.fields)), None)
        form = form or asked.form("reason")
        if form is None:
            raise Refused(f"There is nothing to confirm at {asked.url}: {' '.join(asked.complaints)}")
        done = self.send(form, {"confirmed": "1", "reason": reason, **more})
        # Asked of the provider is done too: what came of it is read later.
        if not any("success" in kind or "info" in kind for kind, _ in done.messages):
            raise Refused(" ".join(done.complaints) or f"Nothing was done at {asked.url}.")


def code_of(secret: str, *, at: float) -> str:
    """Give the six digits that an authenticator app shows (RFC 6238)."""
    counter = struct.pack(">Q", int(at) // 30)
    mark = hmac.new(base64.b32decode(secret), counter, hashlib.sha1).digest()
    start = mark[-1] & 0x0F
    number = struct.unpack(">I", mark[start : start + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"
