"""Web pages as a browser without scripts sees them: forms with what stands in them, and messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

_SILENT = frozenset({"submit", "button", "image", "reset", "file"})


@dataclass(slots=True)
class Form:
    """One form: where it goes and what it would send."""

    action: str
    """The whole address."""
    id: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    boxes: dict[str, list[str]] = field(default_factory=dict)
    """Unticked boxes by name, each with the values that ticking would send."""

    def filled(self, given: Mapping[str, str | list[str]]) -> list[tuple[str, str]]:
        """Give what is sent when these fields are filled in."""
        kept = [(name, value) for name, value in self.fields if name not in given]
        for name, value in given.items():
            kept += [(name, one) for one in (value if isinstance(value, list) else [value])]
        return kept


@dataclass(slots=True)
class Page:
    """What a page shows, as far as a robot needs it."""

    url: str
    forms: list[Form] = field(default_factory=list)
    messages: list[tuple[str, str]] = field(default_factory=list)
    """Kind (success, error, …) and sentence."""
    text: str = ""
    """Everything that is written on it, between blanks."""

    @property
    def own_form(self) -> Form | None:
        """The form that the page sends to itself."""
        return next((form for form in self.forms if form.action == self.url), None)

    def form(self, having: str) -> Form | None:
        """Find the form that has a field or box of this name."""
        for form in self.forms:
            if having in form.boxes or any(name == having for name, _ in form.fields):
                return form
        return None

    @property
    def complaints(self) -> list[str]:
        """What the page says went wrong."""
        return [text for kind, text in self.messages if "error" in kind]


def read_page(html: str, *, url: str) -> Page:
    """Read a page."""
    reader = _Reader(url)
    reader.feed(html)
    reader.close()
    reader.page.text = " ".join(" ".join(reader.written).split())
    return reader.page


class _Reader(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page(url)
        self.written: list[str] = []
        self._form: Form | None = None
        self._select: str | None = None
        self._options: list[tuple[str, bool]] = []
        self._area: str | None = None
        self._lists: list[str] = []
        self._item: str | None = None
        self._text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        present = {name for name, _ in attrs}
        match tag:
            case "form":
                self._form = Form(urljoin(self.page.url, given.get("action", "")), given.get("id", ""))
                self.page.forms.append(self._form)
            case "input":
                self._input(given, present)
            case "select":
                self._select, self._options = given.get("name"), []
            case "option":
                self._options.append((given.get("value", ""), "selected" in present))
            case "textarea":
                self._area, self._text = given.get("name"), []
            case "ul":
                self._lists.append(given.get("class", ""))
            case "li":
                self._begin_item(given.get("class", ""))

    def handle_endtag(self, tag: str) -> None:
        match tag:
            case "form":
                self._form = None
            case "select":
                self._end_select()
            case "textarea":
                self._end_area()
            case "ul":
                self._lists and self._lists.pop()
            case "li":
                self._end_item()

    def handle_data(self, data: str) -> None:
        self.written.append(data)
        self._text.append(data)

    def _input(self, given: dict[str, str], present: set[str]) -> None:
        name, kind = given.get("name", ""), given.get("type", "text").lower()
        if self._form is None or not name or kind in _SILENT:
            return
        if kind in ("checkbox", "radio") and "checked" not in present:
            self._form.boxes.setdefault(name, []).append(given.get("value", "on"))
        else:
            self._form.fields.append((name, given.get("value", "on" if kind == "checkbox" else "")))

    def _end_select(self) -> None:
        chosen = [value for value, selected in self._options if selected] or [
            value for value, _ in self._options[:1]
        ]
        if self._form is not None and self._select:
            self._form.fields += [(self._select, value) for value in chosen]
        self._select = None

    def _end_area(self) -> None:
        if self._form is not None and self._area:
            # The first line break after the tag belongs to the page and not to the text.
            self._form.fields.append((self._area, "".join(self._text).removeprefix("\n")))
        self._area = None

    def _begin_item(self, kind: str) -> None:
        words = self._lists[-1] if self._lists else ""
        if "messagelist" in words:
            self._item, self._text = kind or "info", []
        elif "errorlist" in words:
            self._item, self._text = "error", []

    def _end_item(self) -> None:
        if self._item is not None:
            self.page.messages.append((self._item, " ".join("".join(self._text).split())))
            self._item = None
