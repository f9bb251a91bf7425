"""The sentences that payees read, from the code to their languages: `python -m tests.translations` after changing one.

It finds every sentence that is marked for translation, keeps what translators wrote, marks as fuzzy what it guessed,
and compiles what is ready. A test fails on whatever is left over.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from babel.messages import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT: Final = Path(__file__).resolve().parent.parent
LANGUAGES: Final = ("vi",)
_APPS: Final = ("accounts", "payments", "payouts", "flexsync")
_KEYWORDS: Final = DEFAULT_KEYWORDS | {
    f"{name}_{kind}": DEFAULT_KEYWORDS.get(name)
    for name in ("gettext", "ngettext")
    for kind in ("lazy", "noop")
}


def po(language: str) -> Path:
    """This will name the file that translators write."""
    return ROOT / "locale" / language / "LC_MESSAGES" / "django.po"


def mo(language: str) -> Path:
    """This will name the file that Django reads."""
    return po(language).with_suffix(".mo")


def marked() -> Catalog:
    """This will find every sentence that is marked for translation."""
    found = Catalog(charset="utf-8")
    for path, source in _sources():
        lines = io.BytesIO(source.encode())
        for _line, message, _comments, _context in extract("python", lines, keywords=_KEYWORDS):
            found.add(message, locations=[(str(path), 0)])
    return found


def read(language: str) -> Catalog:
    """This will read what translators wrote."""
    with po(language).open("rb") as file:
        return read_po(file, locale=language, domain="django")


def compiled(catalog: Catalog) -> bytes:
    """This will compile a catalogue; what is fuzzy or empty is left out."""
    out = io.BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def _sources() -> Iterator[tuple[Path, str]]:
    for app in _APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            yield path.relative_to(ROOT), path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "templates").rglob("*.*")):
        # The extractor reads Python, to which the margins of a template mean something.
        lines = templatize(path.read_text(encoding="utf-8")).splitlines()
        yield path.relative_to(ROOT), "\n".join(line.strip() for line in lines)


def _headed(language: str) -> Catalog:
    """Its heading says nothing that changes from day to day."""
    day = datetime(2026, 11, 30, tzinfo=UTC)
    catalog = Catalog(
        locale=language,
        header_comment="# What payees read, on their pages, in mails and on papers.\n#",
        project="Marketplace Payouts",
        version="1",
        copyright_holder="the maintainers",
        msgid_bugs_address="the maintainers",
        creation_date=day,
        revision_date=day,
        last_translator="the maintainers",
        language_team="the maintainers",
        charset="utf-8",
        fuzzy=False,
    )
    if po(language).is_file():
        for message in read(language):
            if message.id:
                catalog[message.id] = message
    return catalog


def main() -> None:
    """This will bring every language's files up to date, and say what is left to translate."""
    for language in LANGUAGES:
        catalog = _headed(language)
        catalog.update(marked(), update_creation_date=False)
        catalog.obsolete.clear()
        po(language).parent.mkdir(parents=True, exist_ok=True)
        with po(language).open("wb") as file:
            write_po(file, catalog, width=120, no_location=True, sort_output=True)
        mo(language).write_bytes(compiled(read(language)))
        left = [message for message in catalog if message.id and (message.fuzzy or not message.string)]
        sys.stdout.write(f"{language}: {len(catalog)} sentences, {len(left)} to translate\n")


if __name__ == "__main__":
    main()
