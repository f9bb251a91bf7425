"""What Solana needs to know about us, read from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from solders.pubkey import Pubkey

from payouts.providers import environ
from payouts.providers.base import ProviderError
from payouts.providers.solana.limits import Limits, read_limits
from payouts.providers.solana.networks import NETWORKS, Network
from payouts.providers.solana.signers import Signer, read_signer

_LIVE: Final = "mainnet"
_TEST: Final = "devnet"


@dataclass(frozen=True, slots=True, kw_only=True)
class SolanaSettings:
    """One wallet on one network; without a signer addresses can be checked, but nobody can be paid."""

    rpc_url: str
    network: Network
    wallet: Pubkey
    limits: Limits
    signer: Signer | None = None
    witness_rpc_url: str = ""
    live: bool = False

    def __repr__(self) -> str:
        # The nodes' addresses may hold a key.
        return f"SolanaSettings(network={self.network.name!r}, wallet={self.wallet}, live={self.live})"

    @classmethod
    def read(cls, env: Mapping[str, str]) -> Self | None:
        """This will read SOLANA_…, or give None where nothing is set.

        :raises ProviderError: when they are incomplete or wrong; the sentence says what to do.
        """
        rpc_url, said, signer = (
            environ.read(env, name) for name in ("SOLANA_RPC_URL", "SOLANA_WALLET", "SOLANA_SIGNER")
        )
        if not (rpc_url or said or signer):
            return None
        if not rpc_url:
            raise ProviderError("Solana is set up by half: set SOLANA_RPC_URL too, or none of its settings.")
        if not (said or signer):
            raise ProviderError(
                "Solana is set up by half: set SOLANA_SIGNER where payments are sent, and SOLANA_WALLET elsewhere."
            )
        live = environ.is_live(env)
        wallet = _address(said) if said else None
        signs = read_signer(signer, wallet=wallet, env=env) if signer else None
        address = signs.wallet if signs is not None else wallet
        assert address is not None
        return cls(
            rpc_url=rpc_url,
            witness_rpc_url=environ.read(env, "SOLANA_WITNESS_RPC_URL"),
            network=_network(environ.read(env, "SOLANA_NETWORK"), live=live),
            wallet=address,
            limits=read_limits(env, live=live),
            signer=signs,
            live=live,
        )


def _address(said: str) -> Pubkey:
    try:
        return Pubkey.from_string(said)
    except ValueError:
        raise ProviderError("SOLANA_WALLET must be the address of our wallet, in base 58.") from None


def _network(said: str, *, live: bool) -> Network:
    name = said or (_LIVE if live else _TEST)
    network = NETWORKS.get(name)
    if network is None:
        raise ProviderError(f"SOLANA_NETWORK must be one of {', '.join(NETWORKS)}.")
    if live != (name == _LIVE):
        fitting = _LIVE if live else f"{_TEST} or sandbox"
        raise ProviderError(
            f"SOLANA_NETWORK is {name}; where ENVIRONMENT is {'live' if live else 'test'} it must be {fitting}."
        )
    return network
