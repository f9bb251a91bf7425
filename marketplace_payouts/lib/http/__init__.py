"""The one way to speak HTTP to the world: bounded, pinned, never redirected, never retried by itself.

Every failure is one of two kinds, because money depends on the difference: `NotSent` (the other side certainly got
nothing) and `MaybeReceived` (it may have acted).
"""

from marketplace_payouts.lib.http.base_urls import check_base_url
from marketplace_payouts.lib.http.bodies import form_body, hide_headers, hide_json, json_body, url_path
from marketplace_payouts.lib.http.client import Answer, Exchange, HttpClient, Timeouts
from marketplace_payouts.lib.http.errors import (
    AnswerCutShort,
    AnswerTooLarge,
    AnswerUnreadable,
    BadBaseUrl,
    BadRequest,
    ConnectionBroken,
    DeadlineOver,
    ForbiddenAddress,
    HttpError,
    MaybeReceived,
    NameNotResolved,
    NotConnected,
    NotSent,
    ReadTimedOut,
)

__all__ = [
    "Answer",
    "AnswerCutShort",
    "AnswerTooLarge",
    "AnswerUnreadable",
    "BadBaseUrl",
    "BadRequest",
    "ConnectionBroken",
    "DeadlineOver",
    "Exchange",
    "ForbiddenAddress",
    "HttpClient",
    "HttpError",
    "MaybeReceived",
    "NameNotResolved",
    "NotConnected",
    "NotSent",
    "ReadTimedOut",
    "Timeouts",
    "check_base_url",
    "form_body",
    "hide_headers",
    "hide_json",
    "json_body",
    "url_path",
]
