"""Settings of a provider, read from the environment: each as NAME or, for secrets in files, as NAME_FILE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from payouts.providers.base import ProviderError

_TRUE: Final = frozenset({"true", "on", "ok", "y", "yes", "1"})


def read(env: Mapping[str, str], name: str) -> str:
    """This will give a setting without blanks around it, or nothing.

    :raises ProviderError: when NAME_FILE names a file that cannot be read.
    """
    # Where the setting is itself a file (PAYPAL_WEBHOOK_CA_FILE), NAME_FILE is its value's file; a file wins, as
    # for every other setting.
    file = env.get(f"{name}_FILE", "").strip()
    if not file:
        return env.get(name, "").strip()
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ProviderError(
            f"The file that {name}_FILE names cannot be read; check its path and rights."
        ) from None


def read_flag(env: Mapping[str, str], name: str) -> bool:
    """This will say whether a setting is switched on; nothing means off."""
    return read(env, name).lower() in _TRUE


def is_live(env: Mapping[str, str]) -> bool:
    """This will say whether real money is meant; without ENVIRONMENT it is not.

    :raises ProviderError: when ENVIRONMENT is neither live nor test.
    """
    environment = read(env, "ENVIRONMENT") or "test"
    if environment not in {"live", "test"}:
        raise ProviderError("ENVIRONMENT must be live or test.")
    return environment == "live"


def read_together(env: Mapping[str, str], names: Sequence[str], *, label: str) -> Sequence[str] | None:
    """This will give settings that only make sense together, or None where none of them is set.

    :raises ProviderError: when some are set and others are not; it names those that are missing.
    """
    values = [read(env, name) for name in names]
    if not any(values):
        return None
    missing = [name for name, value in zip(names, values, strict=True) if not value]
    if missing:
        raise ProviderError(
            f"{label} is set up by half: set {' and '.join(missing)} too, or none of its settings."
        )
    return values
