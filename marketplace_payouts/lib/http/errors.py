"""What can go wrong on the way out, sorted by the one question that matters: may the other side have acted?"""

from __future__ import annotations


class HttpError(Exception):
    """A call over HTTP gave no usable answer."""


class BadBaseUrl(HttpError, ValueError):
    """A base URL is not one that we may talk to."""


class NotSent(HttpError):
    """Nothing of the request reached the other side, so it cannot have acted."""


class BadRequest(NotSent):
    """The request cannot be expressed in HTTP: a path that leaves its base, a header with a line break."""


class DeadlineOver(NotSent):
    """The time for the whole call was over before anything was sent."""


class NameNotResolved(NotSent):
    """The name of the other side was not found."""


class ForbiddenAddress(NotSent):
    """The name leads to an address inside our own network or to no public place."""


class NotConnected(NotSent):
    """The connection was refused, timed out, or its certificate was not accepted."""


class MaybeReceived(HttpError):
    """The request may have arrived and been acted upon; only asking again can tell.

    `status` is set where the head of an answer was read before it broke off.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class ReadTimedOut(MaybeReceived):
    """No answer, or not all of it, came in time."""


class ConnectionBroken(MaybeReceived):
    """The connection broke after it had been made."""


class AnswerCutShort(MaybeReceived):
    """The answer's body ended before its announced end."""


class AnswerTooLarge(MaybeReceived):
    """The answer is larger than we are willing to read, packed or unpacked."""


class AnswerUnreadable(MaybeReceived):
    """The answer is in an encoding or form that was not asked for, such as a page of HTML."""
