"""Every mail that the product sends in the demo: the files into which Django writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

# What Django writes after each mail: before it stands there, the mail may not be whole.
_END = b"\n" + b"-" * 79 + b"\n"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """The mails to everybody."""

    folder: Path

    def newest(self, *, to: str, pattern: str) -> str:
        """Give what the pattern's group finds in the newest mail to somebody that has it; empty while there is none."""
        for mail in self._mails(to):
            text = mail.get_body(("plain",))
            found = re.search(pattern, "" if text is None else text.get_content(), re.MULTILINE)
            if found is not None:
                return found[1]
        return ""

    def _mails(self, to: str) -> Iterator[EmailMessage]:
        """Read the mails to somebody, the newest first."""
        written = ((file.stat().st_mtime_ns, file.read_bytes()) for file in self.folder.iterdir())
        for _moment, content in sorted(written, reverse=True):
            for raw in reversed(content.split(_END)[:-1]):
                if to.encode() in raw:
                    mail = message_from_bytes(raw, EmailMessage, policy=policy.default)
                    if to in str(mail["To"]):
                        yield mail
