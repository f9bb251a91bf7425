"""The signed bytes leave: one call, never repeated here, and what its answer proves.

A refusal by the preflight is no proof: the bytes stay valid until their blockhash is over, and an earlier try, or the
node itself, may have let them out. So nothing is ever `Refused` here; what never landed is proven by `proofs`.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from marketplace_payouts.lib.http import Answer, AnswerUnreadable, MaybeReceived, NotSent
from payouts.providers.base import Accepted, Deferred, Outcome, Step, Unknown
from payouts.providers.solana import codes, messages
from payouts.providers.solana.networks import Network
from payouts.providers.solana.node import CONFIRMED, Node, read_error
from payouts.providers.solana.steps import Ticket

PREFLIGHT: Final = -32002
# Said before the transaction is looked at: it went nowhere (agave, rpc/src/rpc.rs `send_transaction`, read 2026-11).
NOT_TAKEN: Final = frozenset({-32005, -32016, 429})
_SOON: Final = timedelta(seconds=5)
_OPTIONS: Final = {"encoding": "base64", "skipPreflight": False, "preflightCommitment": CONFIRMED}


def transmit(node: Node, step: Step, *, network: Network) -> Outcome:
    """This will send the step's very bytes, and say what the node's answer proves."""
    ticket, read = Ticket.read(step.key), messages.read_payment(step.body, usdc=network.usdc)
    if ticket is None or read is None or read.signature != ticket.signature:
        return Unknown("The bytes that were kept are not the payment that their key names: nothing was sent.")
    try:
        # The node itself goes on handing the same bytes to the leaders until their blockhash is over.
        answer = node.post("sendTransaction", [base64.b64encode(step.body).decode(), dict(_OPTIONS)])
    except NotSent as error:
        return Deferred(f"The node was not reached: {error}", retry_after=_SOON)
    except MaybeReceived as error:
        return Unknown(f"The node did not answer: {error}")
    accepted = Accepted(
        reference=str(ticket),
        item_references={read.payment.item_key: ticket.signature},
        raw=answer.body,
    )
    return _judged(answer, accepted, ticket.signature, read)


def _judged(answer: Answer, accepted: Accepted, signature: str, read: messages.Read) -> Outcome:
    if answer.status == 429:
        seconds = answer.retry_after()
        wait = _SOON if seconds is None else timedelta(seconds=seconds)
        return Deferred("The node is being called too often.", retry_after=wait, raw=answer.body)
    if answer.status in (401, 403):
        return Deferred("The node does not let us in: check SOLANA_RPC_URL.", ours=True, raw=answer.body)
    try:
        value = answer.json()
    except AnswerUnreadable:
        return Unknown(f"The node answered {answer.status}, and it cannot be read.", raw=answer.body)
    if not answer.ok or not isinstance(value, dict):
        return Unknown(f"The node answered {answer.status}.", raw=answer.body)
    if isinstance(value.get("error"), dict):
        return _failed(value["error"], accepted, read, raw=answer.body)
    if value.get("result") != signature:
        return Unknown("The node names another signature than ours.", raw=answer.body)
    return accepted


def _failed(error: Mapping[str, Any], accepted: Accepted, read: messages.Read, *, raw: bytes) -> Outcome:
    code, message, data = read_error(error)
    if code in NOT_TAKEN:
        return Deferred(f"The node cannot take it now ({code}): {message[:200]}", retry_after=_SOON, raw=raw)
    err = data.get("err") if code == PREFLIGHT and isinstance(data, Mapping) else None
    if err == "AlreadyProcessed":
        # These very bytes, by their signature, stand in a block already.
        return accepted
    if err == "BlockhashNotFound":
        return Unknown("The node does not know the blockhash, or not any more.", raw=raw)
    if err is not None:
        refused = codes.refusal(codes.code_of(err, read.programs))
        return Unknown(f"The node would not let it out: {refused.code}: {refused.message}", raw=raw)
    return Unknown(f"The node refused ({code}): {message[:200]}", raw=raw)
