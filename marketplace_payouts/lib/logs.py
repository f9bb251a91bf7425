"""Log lines: JSON to stderr, with whatever looks like a secret taken out."""

from __future__ import annotations

import logging
import re
from collections.abc import MutableMapping
from typing import Any

import structlog

Event = MutableMapping[str, Any]

_SECRET_NAME = re.compile(
    r"(secret|token|password|authorization|api_key|details|receiver|iban)", re.IGNORECASE
)
_SECRET_VALUE = re.compile(r"(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}")
# Of our own sessions, of keys for signing, and of buyers who pay through Stripe, wherever they stand.
_SECRET_WORD = re.compile(r"\b(mps_|whsec_|pi_[A-Za-z0-9]+_secret_)[A-Za-z0-9+/_=-]{8,}")
_EMAIL = re.compile(r"\b([A-Za-z0-9])[A-Za-z0-9._%+-]*@([A-Za-z0-9.-]+\.[A-Za-z]{2,})\b")


def hide(text: str) -> str:
    """This will mask tokens and e-mail addresses inside a text."""
    text = _SECRET_WORD.sub(r"\1***", _SECRET_VALUE.sub(r"\1 ***", text))
    return _EMAIL.sub(r"\1***@\2", text)


def hide_secrets(_logger: Any, _name: str, event: Event) -> Event:
    """This will mask the values of fields whose name promises a secret, and tokens inside texts."""
    for key, value in event.items():
        if _SECRET_NAME.search(key):
            event[key] = "***"
        elif isinstance(value, str):
            event[key] = hide(value)
    return event


drop_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
render = structlog.processors.JSONRenderer(sort_keys=True)
add_level = structlog.stdlib.add_log_level
add_time = structlog.processors.TimeStamper(fmt="iso", utc=True)

structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.filter_by_level,
        structlog.stdlib.add_logger_name,
        add_level,
        add_time,
        structlog.processors.format_exc_info,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=False,
)


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """This will give the logger of a module."""
    bound: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return bound


logging.captureWarnings(capture=False)
