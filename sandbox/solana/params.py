"""Reading the parameters of a call, with a node's own refusals."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from sandbox.solana import problems, shapes
from sandbox.solana.chain import DEPTHS
from sandbox.solana.problems import RpcError

Params = list[Any]
_MOST_BYTES: Final = 1232


def text(params: Params, place: int) -> str:
    """Read a text.

    :raises RpcError: when it is none.
    """
    if len(params) <= place or not isinstance(params[place], str):
        raise RpcError(problems.PARAMS, "Invalid params: expected a string")
    return str(params[place])


def whole(params: Params, place: int) -> int:
    """Read a whole number.

    :raises RpcError: when it is none.
    """
    value = params[place] if len(params) > place else None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise RpcError(problems.PARAMS, "Invalid params: expected u64")
    return value


def many(params: Params, *, most: int) -> list[str]:
    """Read a list of texts.

    :raises RpcError: when it is none, or too long.
    """
    value = params[0] if params else None
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise RpcError(problems.PARAMS, "Invalid params: expected a sequence")
    if len(value) > most:
        raise RpcError(problems.PARAMS, f"Too many inputs provided; max {most}")
    return value


def address(said: str) -> Pubkey:
    """Read an address.

    :raises RpcError: when it is none.
    """
    try:
        return Pubkey.from_string(said)
    except ValueError:
        raise RpcError(problems.PARAMS, "Invalid param: Invalid") from None


def options_of(params: Params, place: int) -> dict[str, Any]:
    """Read the object of options, which may be missing.

    :raises RpcError: when it is something else.
    """
    value = params[place] if len(params) > place else None
    if value is not None and not isinstance(value, dict):
        raise RpcError(problems.PARAMS, "Invalid params: expected an object")
    return value or {}


def commitment_of(params: Params, place: int) -> str:
    """Read the commitment, which is finalized where nothing is said.

    :raises RpcError: when there is no such commitment.
    """
    said = options_of(params, place).get("commitment", "finalized")
    if said not in DEPTHS:
        raise RpcError(problems.PARAMS, f"Invalid params: unknown variant `{said}`")
    return str(said)


def readable_of(params: Params, place: int) -> str:
    """Read the commitment of a question about history.

    :raises RpcError: when it is processed, which history does not answer.
    """
    commitment = commitment_of(params, place)
    if commitment == "processed":
        raise RpcError(problems.PARAMS, "Method does not support commitment below `confirmed`")
    return commitment


def transaction(params: Params) -> VersionedTransaction:
    """Read a transaction in the encoding that the options name.

    :raises RpcError: when it cannot be read.
    """
    encoding = options_of(params, 1).get("encoding", "base58")
    raw = unpacked(text(params, 0), encoding)
    if len(raw) > _MOST_BYTES:
        raise RpcError(
            problems.PARAMS, f"decoded transaction too large: {len(raw)} bytes (max: {_MOST_BYTES} bytes)"
        )
    try:
        return VersionedTransaction.from_bytes(raw)
    except ValueError as error:
        raise RpcError(problems.PARAMS, f"failed to deserialize transaction: {error}") from None


def unpacked(said: str, encoding: str) -> bytes:
    """Unpack bytes.

    :raises RpcError: when they are not in that encoding.
    """
    try:
        return base64.b64decode(said, validate=True) if encoding == "base64" else shapes.base58_read(said)
    except (binascii.Error, ValueError):
        raise RpcError(problems.PARAMS, f"invalid {encoding} encoding") from None
