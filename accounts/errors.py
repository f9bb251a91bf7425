"""What keeps somebody from getting in or on, each with a code for programs and a sentence for people."""

from __future__ import annotations


class AccountsError(Exception):
    """Not done; `code` is for programs, `str()` says what was wrong and what to do."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class NotProven(AccountsError):
    """What was shown does not prove who somebody is."""


class NotAllowedHere(AccountsError):
    """It is known who somebody is, and this is not for them."""


class InTheWay(AccountsError):
    """The present state does not allow it."""


class NotNow(AccountsError):
    """It cannot be told, or done, at this moment or with these settings."""
