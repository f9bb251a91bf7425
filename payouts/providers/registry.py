"""The payout services that exist, and those that this process is set up to use.

Eager and typed: a provider that lacks a method of the protocol is refused by mypy at the table below.
"""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Mapping
from typing import Final

from payouts.providers.bank_file.provider import BankFile
from payouts.providers.base import PayoutProvider, ProviderError
from payouts.providers.environ import is_live, read
from payouts.providers.payoneer.provider import Payoneer
from payouts.providers.paypal.provider import PayPal
from payouts.providers.solana.provider import Solana
from payouts.providers.stripe.provider import Stripe
from payouts.providers.wise.provider import Wise

PROVIDERS: Final[dict[str, type[PayoutProvider]]] = {
    "bank_file": BankFile,
    "payoneer": Payoneer,
    "paypal": PayPal,
    "solana": Solana,
    "stripe": Stripe,
    "wise": Wise,
}


class NotOffered(ProviderError):
    """A provider is not set up here, or does not exist."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The provider {name!r} is not set up here: its settings are missing.")
        self.name = name


# Per process: what a fork inherits (locks, connections, tokens) is never used by the child.
_made: dict[str, PayoutProvider] = {}
_made_by = os.getpid()
_lock = threading.Lock()


def available(*, env: Mapping[str, str] | None = None) -> Mapping[str, PayoutProvider]:
    """This will give every provider that is set up here, by name.

    `env` is for tests and checks; without it the process's own environment is read once, and the same instance is
    given to everybody.

    :raises ProviderError: when one is set up by half or wrongly.
    """
    offered = ((name, _offered(name, env)) for name in _classes(os.environ if env is None else env))
    return {name: provider for name, provider in offered if provider is not None}


def get(name: str, *, env: Mapping[str, str] | None = None) -> PayoutProvider:
    """This will give one provider, ready to use.

    :raises NotOffered: when it does not exist or is not set up here.
    :raises ProviderError: when it is set up by half or wrongly.
    """
    provider = _offered(name, env)
    if provider is None:
        raise NotOffered(name)
    return provider


def find(name: str) -> PayoutProvider | None:
    """This will give one provider, or None where it cannot be used here, whatever the reason."""
    try:
        return get(name)
    except ProviderError:
        return None


def label(name: str) -> str:
    """This will give a provider's name as people know it, also where it cannot be used here, or exists no more."""
    kind = PROVIDERS.get(name) or find(name)
    return name.capitalize() if kind is None else kind.label


def usable() -> Mapping[str, PayoutProvider]:
    """This will give every provider that can be used here, by name; one that is set up wrongly keeps none else away."""
    found = ((name, find(name)) for name in _classes(os.environ))
    return {name: provider for name, provider in found if provider is not None}


def problems(*, env: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """This will say, by provider, what is wrong with its settings; for the checks at start, which show all at once."""
    env = os.environ if env is None else env
    found: dict[str, str] = {}
    try:
        classes = _classes(env)
    except ProviderError as error:
        return {"EXTRA_PROVIDERS": str(error)}
    for name, kind in classes.items():
        try:
            kind.from_environ(env)
        except ProviderError as error:
            found[name] = str(error)
    return found


def reset() -> None:
    """This will forget every instance, so that the next call reads the environment anew."""
    with _lock:
        _made.clear()


def _offered(name: str, env: Mapping[str, str] | None) -> PayoutProvider | None:
    if env is not None:
        return _make(name, env)
    global _made_by, _lock  # what a fork inherits is dropped here
    if _made_by != os.getpid():
        _made_by, _lock = os.getpid(), threading.Lock()
        _made.clear()
    with _lock:
        provider = _made.get(name) or _make(name, os.environ)
        if provider is not None:
            _made[name] = provider
        return provider


def _make(name: str, env: Mapping[str, str]) -> PayoutProvider | None:
    kind = _classes(env).get(name)
    return None if kind is None else kind.from_environ(env)


def _classes(env: Mapping[str, str]) -> Mapping[str, type[PayoutProvider]]:
    paths = read(env, "EXTRA_PROVIDERS")
    return {**PROVIDERS, **_extra(paths, live=is_live(env))} if paths else PROVIDERS


def _extra(paths: str, *, live: bool) -> dict[str, type[PayoutProvider]]:
    """Import the providers of EXTRA_PROVIDERS (`package.module.Class, …`), which exist for tests and trying out."""
    if live:
        raise ProviderError(
            "EXTRA_PROVIDERS is for trying things out: take it away where ENVIRONMENT is live."
        )
    found: dict[str, type[PayoutProvider]] = {}
    for path in filter(None, (part.strip() for part in paths.split(","))):
        module, _, name = path.rpartition(".")
        try:
            kind: type[PayoutProvider] = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError, ValueError):
            raise ProviderError(f"EXTRA_PROVIDERS names {path}, which cannot be imported.") from None
        if kind.name in PROVIDERS:
            raise ProviderError(f"EXTRA_PROVIDERS names {path}, which would take the place of {kind.name}.")
        found[kind.name] = kind
    return found
