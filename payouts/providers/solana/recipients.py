"""What lies at a payee's address on the chain: asked when it is given, and again before each payment.

Solana itself guards nothing: SOL can be sent to a token account and USDC to an account that nobody can open. The rules
are those of solana.com/docs/payments/send-payments/verify-address (read 2026-11).
"""

from __future__ import annotations

from typing import Final

from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM

from payouts.providers.solana.messages import TOKEN, TOKEN_2022, home_of
from payouts.providers.solana.node import Account, Node

TOKEN_ACCOUNT: Final = 165
_OWNER: Final = slice(32, 64)
_STATE: Final = 108
_FROZEN: Final = 2


def why_not(wallet: Account | None) -> str:
    """This will say why what lies at an address is not a payee's wallet; empty where it is, or where nothing lies yet.

    The sentence is fit for the payee.
    """
    if wallet is None or (wallet.owner == str(SYSTEM) and not wallet.data and not wallet.executable):
        return ""
    if wallet.executable:
        return "This is the address of a program, not of a wallet."
    if wallet.owner in (str(TOKEN), str(TOKEN_2022)):
        what = "a token" if len(wallet.data) < TOKEN_ACCOUNT else "a token account"
        return f"This is the address of {what}, not of a wallet: give the address of the wallet itself."
    return "This address belongs to a program, such as a multisig. Give the address of a plain wallet, or ask us."


def why_no_usdc(account: Account | None, owner: Pubkey) -> str:
    """This will say why a wallet's USDC account cannot be paid into; empty where it can, or will be opened for it.

    The sentence is fit for the payee.
    """
    if account is None or (account.owner == str(SYSTEM) and not account.data):
        return ""
    if account.owner != str(TOKEN) or len(account.data) != TOKEN_ACCOUNT:
        return "Something else lies where the USDC of this wallet should be: give another address."
    if account.data[_OWNER] != bytes(owner):
        return "The USDC account of this wallet was given away: give another address."
    if is_frozen(account):
        return "The issuer has frozen the USDC account of this wallet: give another address."
    return ""


def is_frozen(account: Account) -> bool:
    """This will say whether the issuer has frozen a token account."""
    return len(account.data) == TOKEN_ACCOUNT and account.data[_STATE] == _FROZEN


def units_in(account: Account | None) -> int:
    """This will say how many units a token account holds; none where it is no token account."""
    if account is None or account.owner != str(TOKEN) or len(account.data) != TOKEN_ACCOUNT:
        return 0
    return int.from_bytes(account.data[64:72], "little")


def problem_at(node: Node, address: Pubkey, *, usdc: Pubkey) -> str:
    """This will ask the chain why an address cannot be paid to; empty where it can.

    :raises ProviderUnavailable: when the node cannot be asked.
    """
    wallet, home = node.accounts(str(address), str(home_of(address, usdc)))
    return why_not(wallet) or why_no_usdc(home, address)
