"""Wise's paths, each once. Legacy ones carry a version of their own; dated ones share the date (read 2026-11).

Wise files the legacy paths under that name since it dates its versions, and answers under both. What differs between
them in requests and answers it does not list: legacy is what its published file describes, and the default here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from marketplace_payouts.lib.http import url_path

LEGACY: Final = "legacy"
VERSIONS: Final = (LEGACY, "2026Q3")

TOKEN: Final = "/oauth/token"  # noqa: S105 - a path, and one without a version
_PATHS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "profiles": ("v2", "profiles"),
        "quotes": ("v3", "profiles {profile} quotes"),
        "quote": ("v3", "profiles {profile} quotes {quote}"),
        "account_requirements": ("v1", "quotes {quote} account-requirements"),
        "new_account": ("v1", "accounts"),
        "accounts": ("v2", "accounts"),
        "account": ("v2", "accounts {account}"),
        "transfer_requirements": ("v1", "transfer-requirements"),
        "transfers": ("v1", "transfers"),
        "transfer": ("v1", "transfers {transfer}"),
        "cancel": ("v1", "transfers {transfer} cancel"),
        "payments": ("v1", "transfers {transfer} payments"),
        "fund": ("v3", "profiles {profile} transfers {transfer} payments"),
        "balances": ("v4", "profiles {profile} balances"),
        "statement": ("v1", "profiles {profile} balance-statements {balance} statement.json"),
        "subscriptions": ("v3", "profiles {profile} subscriptions"),
    }
)


class Paths:
    """The paths of one profile in one version."""

    def __init__(self, *, version: str, profile: str) -> None:
        self._version = version
        self._profile = profile

    def __call__(self, name: str, **parts: str) -> str:
        """This will give a path, each of its parts quoted."""
        legacy, template = _PATHS[name]
        prefix = legacy if self._version == LEGACY else self._version
        known = {"profile": self._profile, **parts}
        return url_path(prefix, *(known[word[1:-1]] if word[0] == "{" else word for word in template.split()))
