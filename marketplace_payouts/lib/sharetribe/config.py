"""Where the Integration API is, who we are there, and how hard we may press it."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from marketplace_payouts.lib.crypto import DetailsKeys
from marketplace_payouts.lib.http import Timeouts


@dataclass(frozen=True, slots=True)
class FlexConfig:
    """One application of one marketplace.

    `rate_limited` is for development and test marketplaces, which allow one query a second and one command in two;
    live ones have no such limit. Ten requests at once per address hold for all.
    """

    base_url: str
    client_id: str
    client_secret: str = field(repr=False)
    rate_limited: bool = False
    allow_loopback_http: bool = False
    requests_at_once: int = 10
    query_burst: int = 60
    command_burst: int = 30
    timeouts: Timeouts = field(default_factory=lambda: Timeouts(connect=5, read=30, total=60))
    patience_s: float = 60.0
    """How long one call may take with all its waiting and asking again, unless the caller says otherwise."""
    max_bytes: int = 32 * 1024 * 1024
    """A hundred events may each carry twice 50 KB of metadata, and packed bodies are counted unpacked."""

    @property
    def name(self) -> str:
        """A short name for what processes share about this application: its token, its rates."""
        digest = hashlib.sha256(f"{self.base_url}\n{self.client_id}".encode()).hexdigest()
        return f"flex {digest[:16]}"

    def token_keys(self) -> DetailsKeys:
        """Give the key that the shared token is sealed under.

        It is derived from the client secret: whoever holds that may have a token anyway, no process needs a key
        more than it has, and a changed secret makes old tokens unreadable.
        """
        derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"shared access token of Sharetribe")
        key = derivation.derive(self.client_secret.encode())
        return DetailsKeys.parse(f"flex:{base64.b64encode(key).decode()}")
