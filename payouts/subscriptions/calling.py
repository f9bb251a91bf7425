"""One call of a subscriber: where it may go, how long it may take, and what its answer means."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.conf import settings

from marketplace_payouts.lib import standard_webhooks
from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.http import Answer, HttpClient, HttpError, MaybeReceived, Timeouts
from payouts.models import WebhookMessage, WebhookSubscription

TIMEOUTS: Final = Timeouts(connect=5, read=15, total=15)
# Its status is the answer; of the rest only the beginning is shown to people.
_MOST_BYTES: Final = 64 * 1024
_EXCERPT: Final = 300
_LONGEST_WAIT: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call."""

    status: int | None
    """None where no answer came."""
    seconds: float
    error: str = ""
    """Why it does not count as delivered, in a sentence."""
    excerpt: str = ""
    retry_after: timedelta | None = None
    """For how long the subscriber wants to be left alone."""

    @property
    def is_delivered(self) -> bool:
        """Whether the subscriber took it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        """Whether the subscriber says that it wants nothing more."""
        return self.status == 410


def client_for(subscription: WebhookSubscription, *, at_once: int) -> HttpClient:
    """This will make the client of a subscription: public addresses alone, resolved and judged at each connection.

    :raises BadBaseUrl: when its address is none that we may talk to.
    """
    return HttpClient(
        base_url=subscription.url,
        timeouts=TIMEOUTS,
        max_bytes=_MOST_BYTES,
        allow_loopback_http=settings.LOOPBACK_HTTP,
        allow_path=True,
        pool_size=at_once,
    )


def call(client: HttpClient, message: WebhookMessage, *, secrets: Sequence[str]) -> Outcome:
    """This will send a message once; whatever goes wrong is an outcome."""
    body, begun = message.body.encode(), time.monotonic()
    headers = standard_webhooks.headers(
        secrets=secrets, message=message.public_id, at=int(utc_now().timestamp()), body=body
    )
    crash_point("deliver.before_call")
    try:
        answer = client.request("POST", "", headers=headers, body=body, content_type="application/json")
        outcome = _answered(answer)
    except HttpError as error:
        outcome = _failed(error, seconds=time.monotonic() - begun)
    crash_point("deliver.after_call")
    return outcome


def _answered(answer: Answer) -> Outcome:
    wait = answer.retry_after()
    return Outcome(
        status=answer.status,
        seconds=answer.seconds,
        error=_sentence(answer.status),
        excerpt=_shown(answer.body[:_EXCERPT]),
        retry_after=None if wait is None else min(timedelta(seconds=wait), _LONGEST_WAIT),
    )


def _failed(error: HttpError, *, seconds: float) -> Outcome:
    """An answer whose body was too long, too slow or broken has said all that counts with its status."""
    status = error.status if isinstance(error, MaybeReceived) else None
    is_delivered = status is not None and 200 <= status < 300
    return Outcome(status=status, seconds=seconds, error="" if is_delivered else str(error))


def _sentence(status: int) -> str:
    if 200 <= status < 300:
        return ""
    if 300 <= status < 400:
        return f"It answered {status}, a redirect; none is followed: subscribe the address that it leads to."
    return f"It answered {status}."


def _shown(body: bytes) -> str:
    text = body.decode(errors="replace")
    return "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)
