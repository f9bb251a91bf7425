"""The demo reads mails as Django writes them into files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.core.mail import EmailMultiAlternatives, get_connection

from demo.mailbox import Mailbox

BACKEND = "django.core.mail.backends.filebased.EmailBackend"
CODE = r"^\s*(\d{6})\s*$"
_CONNECTIONS: list[object] = []
"""Kept: Django names a file by the second and by where its connection lies; the next could lie in the same place."""


def send(folder: Path, *mails: tuple[str, str], age_s: int = 0) -> Path:
    """Send mails to (address, text), all of them by one connection, some seconds ago; gives their file."""
    there = set(folder.iterdir())
    connection = get_connection(BACKEND, file_path=str(folder))
    _CONNECTIONS.append(connection)
    made = []
    for to, text in mails:
        mail = EmailMultiAlternatives("Your code", text, "payouts@shop.example", [to])
        mail.attach_alternative(f"<p>{text}</p>", "text/html")
        made.append(mail)
    connection.send_messages(made)
    [file] = set(folder.iterdir()) - there
    then = file.stat().st_mtime - age_s
    os.utime(file, (then, then))
    return file


def test_gives_the_newest_to_somebody(tmp_path):
    send(tmp_path, ("ada@shop.example", "Old:\n\n  111111\n"), age_s=60)
    send(tmp_path, ("ada@shop.example", "Việt Nam:\n\n  222222\n"), ("bo@shop.example", "333333"), age_s=30)
    send(tmp_path, ("ada@shop.example", "No code in here, but a link."))
    mailbox = Mailbox(tmp_path)
    assert mailbox.newest(to="ada@shop.example", pattern=CODE) == "222222"
    assert mailbox.newest(to="bo@shop.example", pattern=CODE) == "333333"
    assert mailbox.newest(to="cy@shop.example", pattern=CODE) == ""


@pytest.mark.parametrize("missing", [1, 40, 81])
def test_a_mail_that_is_still_written_is_not_read(tmp_path, missing):
    file = send(tmp_path, ("ada@shop.example", "https://shop.example/a/long/address/"))
    pattern = r"(https://\S+)"
    assert Mailbox(tmp_path).newest(to="ada@shop.example", pattern=pattern)
    file.write_bytes(file.read_bytes()[:-missing])
    assert Mailbox(tmp_path).newest(to="ada@shop.example", pattern=pattern) == ""
