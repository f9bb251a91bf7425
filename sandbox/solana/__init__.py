"""Solana on loopback: the real runtime (LiteSVM, which ships inside `solders`) behind the JSON-RPC of a node.

What LiteSVM lacks, because it has no blocks, is kept here: heights and slots (some slots are skipped), blockhashes that
live for 150 blocks, commitments as depths 0, 1 and 32, a cache of 300 blocks of statuses, transactions that land in the
next block, late or never, and forks. A durable nonce is used up by a failing transaction, too, as on mainnet.

One wallet is ours: its key is written into a file (credential `signer`), and it begins with 100 SOL and 1,000,000 USDC,
which stand at the mint's mainnet address. The ledger is what finalized blocks took from it, judged from the balances:
`debit` what others received, `fee` fees and the rent of accounts that it paid for, in SOL. `reference` is the last word
of the memo, else the signature; `key` is the signature.

`POST /` is our node; `POST /witness` is another node of the same chain, which no `match.path` of `"/$"` strikes. Faults
go by method with `match.reference`, which occurs in the body: `{"reference": "sendTransaction"}`.

Steering of its own, all `POST /_sandbox/…`: `blocks {"count"}` lets so many blocks pass at once, `rollback
{"signature"}` takes a transaction out of a block that is not final, `freeze {"address"}` freezes a wallet's USDC,
`account {"address", "lamports", "owner", "data"}` writes an account, `airdrop {"address", "currency",
"units"}` pays from the faucet by a real transaction, `prune` forgets all history before now. `POST /_sandbox/funds`
sets what the wallet holds of `SOL` or `USDC@solana`.

Environment: `SANDBOX_SOLANA_BLOCK_MS` (100) is the time between blocks of the sandbox's clock.
"""

from sandbox.solana.service import Solana

SERVICE = Solana

__all__ = ["SERVICE", "Solana"]
