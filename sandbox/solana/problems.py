"""What a node refuses, in its own codes (anza-xyz/agave, rpc-client-api/src/custom_error.rs, read 2026-11)."""

from __future__ import annotations

from typing import Any, Final

PREFLIGHT: Final = -32002
NO_SIGNATURE: Final = -32003
UNHEALTHY: Final = -32005
NO_HISTORY: Final = -32011
VERSION: Final = -32015
MIN_SLOT: Final = -32016
PARSE: Final = -32700
REQUEST: Final = -32600
METHOD: Final = -32601
PARAMS: Final = -32602
INTERNAL: Final = -32603

_SAID: Final[dict[int, tuple[str, Any]]] = {
    -32001: ("Block 1 cleaned up, does not exist on node. First available block: 2", None),
    -32004: ("Block not available for slot 1", None),
    UNHEALTHY: ("Node is behind by 212 slots", {"numSlotsBehind": 212}),
    -32007: ("Slot 1 was skipped, or missing due to ledger jump to recent snapshot", None),
    -32008: ("No snapshot", None),
    -32009: ("Slot 1 was skipped, or missing in long-term storage", None),
    NO_HISTORY: ("Transaction history is not available from this node", None),
    -32014: ("Block status not yet available for slot", None),
    MIN_SLOT: ("Minimum context slot has not been reached", {"contextSlot": 1}),
    INTERNAL: ("Internal error", None),
    429: ("Too many requests for a specific RPC call", None),
}


class RpcError(Exception):
    """A refusal with its code."""

    def __init__(self, code: int, message: str = "", data: Any = None) -> None:
        said, usual = _SAID.get(code, ("Server error", None))
        super().__init__(message or said)
        self.code = code
        self.data = usual if data is None and not message else data

    def shown(self) -> dict[str, Any]:
        """Give it as a node writes it."""
        shown = {"code": self.code, "message": str(self)}
        return shown if self.data is None else {**shown, "data": self.data}
