"""What goes wrong with Stripe, as the API tells it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Final

from accounts.api.errors import ApiError
from accounts.errors import NotNow
from marketplace_payouts.lib.logs import logger
from payments.errors import NotTaken
from payments.stripe.errors import (
    StripeKeyRefused,
    StripeOff,
    StripeProblem,
    StripeRefused,
)

log = logger(__name__)

_PART: Final = re.compile(r"[^\[\]]+")
_OURS: Final = {"invoice_settings.default_payment_method": "payment_method"}


@contextmanager
def told(fields: Collection[str] = ()) -> Iterator[None]:
    """This will tell what went wrong in the API's own shape; `fields` are those of the body that Stripe may refuse.

    :raises ApiError: when Stripe or we do not take what was sent.
    :raises NotNow: when Stripe is off, or did not answer for certain.
    """
    try:
        yield
    except NotTaken as error:
        raise ApiError(error.code, str(error), field=error.field) from None
    except StripeOff as error:
        raise NotNow("stripe_off", str(error)) from None
    except StripeRefused as error:
        # Not its sentence: that may repeat what the person gave.
        log.info("stripe_refused", code=error.code, param=error.param, request=error.request_id)
        raise ApiError("stripe_refused", str(error), field=_field(error.param, fields)) from None
    except StripeKeyRefused as error:
        log.error("stripe_key_refused", reason=str(error))
        raise _not_now() from None
    except StripeProblem as error:
        log.warning("stripe_problem", reason=str(error))
        raise _not_now() from None


def _not_now() -> NotNow:
    return NotNow(
        "stripe_unavailable",
        "Stripe did not answer, or not for certain: repeat the same request in a moment. Nothing is done twice.",
    )


def _field(param: str, fields: Collection[str]) -> str | None:
    """Stripe names a field as ``address[line1]``, we as ``address.line1``."""
    name = ".".join(_PART.findall(param))
    name = _OURS.get(name, name)
    return name if name.partition(".")[0] in fields else None
