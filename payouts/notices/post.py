"""Handing mails to the mail server, many over one connection."""

from __future__ import annotations

import smtplib

from django.core.mail import EmailMessage, get_connection

_DOWN = "The mail server does not answer: {}"


class Post:
    """One connection to the mail server, opened when first needed, and anew after it broke."""

    def __init__(self) -> None:
        self._connection = get_connection()
        self._is_open = False
        self._why_down = ""

    def send(self, mail: EmailMessage) -> str:
        """This will hand a mail over; gives why not, in words without the address, or nothing.

        Once the server was not there, nothing more is tried: so many mails would wait as often for it.
        """
        if not self._is_open and not self._open():
            return self._why_down
        mail.connection = self._connection
        try:
            mail.send()
        except smtplib.SMTPRecipientsRefused as error:
            [(code, said), *_] = error.recipients.values()
            return f"The mail server refused the address: {code} {_text(said)}"
        except smtplib.SMTPResponseException as error:
            self.close()
            return f"The mail server refused the mail: {error.smtp_code} {_text(error.smtp_error)}"
        except (
            OSError,
            ValueError,
        ) as error:  # smtplib's other errors are OSErrors; addresses may be nonsense
            self.close()
            return f"The mail could not be sent: {type(error).__name__}"
        return ""

    def close(self) -> None:
        """This will end the connection; the next mail opens another."""
        if self._is_open:
            self._is_open = False
            try:
                self._connection.close()
            except OSError:
                return

    def _open(self) -> bool:
        if self._why_down:
            return False
        try:
            self._connection.open()
        except OSError as error:
            self._why_down = _DOWN.format(type(error).__name__)
            return False
        self._is_open = True
        return True


def _text(said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join(text.split())[:300]
