"""A payee at their pages, as a browser without scripts: cookies, CSRF tokens, forms as they stand in the page."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from django.test import Client
from django.utils import timezone

from payouts import outbox
from tests.api_client import SharetribeUser

ENTER = "/payee/enter"


class Forms(HTMLParser):
    """The forms of a page: where each sends what, by the address."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, dict[str, str]] = {}
        self._fields: dict[str, str] | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a form, or what one of its fields sends as it stands."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._fields = self.found.setdefault(given.get("action", ""), {})
        elif tag == "input" and self._fields is not None and given.get("name"):
            self._fields[given["name"]] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        """Note where a form ends."""
        if tag == "form":
            self._fields = None


class Browser:
    """One browser; CSRF is enforced, as in production."""

    def __init__(self, language: str = "en") -> None:
        self.client = Client(enforce_csrf_checks=True, headers={"accept-language": language})
        self.at = "/payee/"
        self.page: Any = None

    @property
    def text(self) -> str:
        """The page that is open."""
        return str(self.page.content.decode())

    @property
    def status(self) -> int:
        """How the page was answered."""
        return int(self.page.status_code)

    def open(self, address: str) -> Any:
        """This will open a page, following redirects."""
        return self._arrive(self.client.get(address, follow=True), address)

    def submit(self, address: str = "", **given: str) -> Any:
        """This will fill in and send the form of the open page that goes to an address."""
        fields = Forms(self.text).found[address]
        there = address.partition("#")[0] or self.at
        return self._arrive(self.client.post(there, fields | given, follow=True), there)

    def cookie(self, name: str) -> Any:
        """This will give one of the cookies."""
        return self.client.cookies[name]

    def bring(self, token: str, **more: str) -> Any:
        """This will post a token from another site's page: no cookie of ours comes along."""
        elsewhere = Client(enforce_csrf_checks=True, headers={"origin": "https://shop.example"})
        answer = elsewhere.post(ENTER, {"token": token, **more})
        for name, morsel in answer.cookies.items():
            self.client.cookies[name] = morsel.value
        return self._arrive(answer, ENTER)

    def enter(self, user: SharetribeUser, **login: Any) -> Browser:
        """This will come in as a user of the marketplace, and say yes."""
        self.bring(user.token(**login))
        self.submit("/payee/enter/answer", answer="yes")
        assert self.status == 200, self.text
        return self

    def ask_for_code(self, address: str, mailbox: list[Any]) -> str:
        """This will ask for a code, and give the one that was mailed, or nothing."""
        before = len(mailbox)
        self.open("/payee/")
        self.submit("/payee/code/ask", email=address)
        outbox.tell(limit=100, now=timezone.now())
        return code_in(mailbox[-1]) if len(mailbox) > before else ""

    def _arrive(self, answer: Any, address: str) -> Any:
        self.page = answer
        chain = getattr(answer, "redirect_chain", [])
        self.at = urlsplit(chain[-1][0] if chain else address).path
        return answer


def code_in(mail: Any) -> str:
    """This will read the code of a mail."""
    found = re.search(r"^\s*(\d{6})$", mail.body, re.MULTILINE)
    assert found is not None, mail.body
    return found[1]
