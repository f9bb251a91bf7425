"""What a payee's view refuses."""

from __future__ import annotations

from payouts.errors import DomainError


class NoSuchPayout(DomainError):
    """There is no such payout, or it is another payee's: nobody is told which."""

    def __init__(self) -> None:
        super().__init__("There is no such payout, or it is not yours.")


class BadCursor(DomainError):
    """A cursor that no page gave."""

    def __init__(self) -> None:
        super().__init__("That is no cursor: take it from `next` of a page as it is, or leave it out.")
