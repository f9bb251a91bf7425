"""Our keys as a bank's messages carry them: at most 35 characters, and read back without a table.

A key is a UUID, which has 36 characters as it is written; without its dashes it has 32.
"""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID

_HEX: Final = re.compile(r"(?<![0-9A-Za-z])[0-9a-fA-F]{32}(?![0-9A-Za-z])")
# A part of a file carries its number behind the id.
_FILE: Final = re.compile(r"(?<![0-9A-Za-z])BF([0-9a-fA-F]{32})([12]?)(?![0-9A-Za-z])")


def end_to_end_id(item_key: str) -> str:
    """This will give the end-to-end id of a payment, which travels to the payee's bank and back."""
    return UUID(item_key).hex


def message_id(batch_key: str) -> str:
    """This will give the id of a file; a bank takes a file of one id once."""
    return f"BF{UUID(batch_key).hex}"


def batch_key(message: str) -> str:
    """This will give the key of the batch that a file is; nothing where it is none of ours."""
    return str(UUID(message[2:])) if file_in(message) == (message, "") else ""


def item_key_in(*texts: str) -> str:
    """This will give the key of the payment that texts name; nothing where they name none, or more than one."""
    found = {UUID(word) for text in texts for word in _HEX.findall(text)}
    return str(found.pop()) if len(found) == 1 else ""


def file_in(*texts: str) -> tuple[str, str]:
    """This will give the id of the file that texts name, and of its part where they name one; else nothing."""
    found = {(f"BF{match[1].lower()}", match[2]) for text in texts for match in _FILE.finditer(text)}
    files, parts = {file for file, _ in found}, {part for _, part in found} - {""}
    if len(files) != 1:
        return "", ""
    file = files.pop()
    return file, f"{file}{parts.pop()}" if len(parts) == 1 else ""
