"""Whether a node speaks of the chain that the settings mean; asked before anything else is believed."""

from __future__ import annotations

from typing import Final

from payouts.providers.base import ProviderUnavailable
from payouts.providers.solana.messages import TOKEN
from payouts.providers.solana.networks import USDC_DECIMALS, Network
from payouts.providers.solana.node import Account, Node

_MINT: Final = 82
_DECIMALS: Final = 44


class WrongCluster(ProviderUnavailable):
    """The node belongs to another cluster than the settings say; nothing that it says counts."""


class Identity:
    """What the nodes must agree to be; what was found out once is kept, but asked anew before each payment."""

    def __init__(self, *, nodes: tuple[Node, ...], network: Network) -> None:
        self._nodes = nodes
        self.network = network
        self._known = False
        self._floor: int | None = None
        self.is_wrong = False
        """Whether a person must act before this can work."""

    def check(self) -> None:
        """This will make sure, once, that every node is of the cluster, and that USDC is there as we think.

        :raises WrongCluster: when it is not.
        :raises ProviderUnavailable: when a node cannot be asked.
        """
        if not self._known:
            self.check_now()

    def check_now(self) -> None:
        """This will make sure now.

        :raises WrongCluster: when it is not.
        :raises ProviderUnavailable: when a node cannot be asked.
        """
        self.is_wrong = False
        for node in self._nodes:
            found = node.genesis_hash()
            if found != self.network.genesis_hash:
                self._known, self.is_wrong = False, True
                raise WrongCluster(
                    f"The node belongs to the cluster {found}, and SOLANA_NETWORK is {self.network.name}: set"
                    " SOLANA_RPC_URL and SOLANA_WITNESS_RPC_URL to nodes of that network."
                )
        if not self._known:
            [mint] = self._nodes[0].accounts(str(self.network.usdc))
            if not _is_usdc(mint):
                self.is_wrong = True
                raise WrongCluster(f"There is no token with {USDC_DECIMALS} decimals at {self.network.usdc}.")
            self._known = True

    @property
    def wallet_floor(self) -> int:
        """The lamports that a plain wallet must keep, as the node says.

        :raises ProviderUnavailable: when it cannot be asked.
        """
        if self._floor is None:
            self._floor = self._nodes[0].rent_floor(0)
        return self._floor


def _is_usdc(mint: Account | None) -> bool:
    return (
        mint is not None
        and mint.owner == str(TOKEN)
        and len(mint.data) == _MINT
        and mint.data[_DECIMALS] == USDC_DECIMALS
    )
