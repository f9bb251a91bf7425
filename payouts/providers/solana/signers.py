"""Who signs: a key in a file or variable, or a command of the operator's own. Every signature is verified here.

A signer signs what it is given; the limits stand beside it (`limits`). The key is never logged and never shown.
"""

from __future__ import annotations

import base64
import binascii
import json
import shlex
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol

from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.signature import Signature

from payouts.providers import environ
from payouts.providers.base import ProviderError

_COMMAND_S: Final = 20.0


class CannotSign(ProviderError):
    """The signer gave no signature, or one that does not hold; nothing was sent."""


class Signer(Protocol):
    """Something that signs for one wallet; a KMS or a custody service fits behind it."""

    @property
    def wallet(self) -> Pubkey:
        """The address for which it signs."""
        ...

    def sign(self, message: bytes, purpose: Mapping[str, str]) -> bytes:
        """This will sign a message; `purpose` says in words what it is for, and is not what is signed.

        :raises CannotSign: when there is no signature.
        """
        ...


class KeySigner:
    """Signs with a key in this process."""

    def __init__(self, key: Keypair) -> None:
        self._key = key

    @property
    def wallet(self) -> Pubkey:
        """The key's address."""
        return self._key.pubkey()

    def sign(self, message: bytes, purpose: Mapping[str, str]) -> bytes:
        """This will sign a message."""
        return bytes(self._key.sign_message(message))


class CommandSigner:
    """Has a command sign: it reads `{"message": base64, "purpose": {…}}` and writes the signature in base 64."""

    def __init__(self, command: str, wallet: Pubkey) -> None:
        self._words = shlex.split(command)
        self._wallet = wallet

    @property
    def wallet(self) -> Pubkey:
        """The address that the settings name."""
        return self._wallet

    def sign(self, message: bytes, purpose: Mapping[str, str]) -> bytes:
        """This will have the command sign.

        :raises CannotSign: when it fails, takes too long, or writes something else.
        """
        asked = json.dumps({"message": base64.b64encode(message).decode(), "purpose": dict(purpose)})
        try:
            done = subprocess.run(
                self._words, input=asked.encode(), capture_output=True, timeout=_COMMAND_S, check=True
            )
            return base64.b64decode(done.stdout.strip(), validate=True)
        except subprocess.CalledProcessError as error:
            raise CannotSign(f"The signer's command ended with status {error.returncode}.") from None
        except subprocess.TimeoutExpired:
            raise CannotSign(f"The signer's command took longer than {_COMMAND_S:.0f} seconds.") from None
        except (OSError, binascii.Error):
            raise CannotSign(
                "The signer's command cannot be run, or wrote no signature in base 64."
            ) from None


def signed(signer: Signer, message: bytes, purpose: Mapping[str, str]) -> Signature:
    """This will give a signature that certainly holds.

    :raises CannotSign: when the signer gives none that does.
    """
    raw = signer.sign(message, purpose)
    if len(raw) != Signature.LENGTH:
        raise CannotSign("The signer gave something that is no signature.")
    signature = Signature.from_bytes(raw)
    if not signature.verify(signer.wallet, message):
        raise CannotSign("The signer's signature does not fit the message and SOLANA_WALLET.")
    return signature


def read_signer(said: str, *, wallet: Pubkey | None, env: Mapping[str, str]) -> Signer:
    """This will make the signer that `SOLANA_SIGNER` names.

    :raises ProviderError: when there is none, or it signs for another wallet; the sentence says what to do.
    """
    kind, _, rest = said.partition(":")
    makes = _KINDS.get(kind)
    if makes is None or not rest:
        raise ProviderError("SOLANA_SIGNER must be file:PATH, env:NAME or exec:COMMAND.")
    signer = makes(rest, wallet, env)
    if wallet is not None and signer.wallet != wallet:
        raise ProviderError(f"SOLANA_SIGNER signs for {signer.wallet}, but SOLANA_WALLET is {wallet}.")
    return signer


def _of_file(path: str, wallet: Pubkey | None, env: Mapping[str, str]) -> Signer:
    file = Path(path)
    try:
        mode, text = file.stat().st_mode, file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        raise ProviderError("The file that SOLANA_SIGNER names cannot be read.") from None
    if mode & 0o077:
        raise ProviderError(f"Others can read the file that SOLANA_SIGNER names: chmod 600 {file}.")
    return KeySigner(_key_of(text))


def _of_variable(name: str, wallet: Pubkey | None, env: Mapping[str, str]) -> Signer:
    text = environ.read(env, name)
    if not text:
        raise ProviderError(f"SOLANA_SIGNER names the variable {name}, which is empty.")
    return KeySigner(_key_of(text))


def _of_command(command: str, wallet: Pubkey | None, env: Mapping[str, str]) -> Signer:
    if wallet is None:
        raise ProviderError(
            "SOLANA_SIGNER is a command: set SOLANA_WALLET to the address for which it signs."
        )
    return CommandSigner(command, wallet)


_KINDS: Final[Mapping[str, Callable[[str, Pubkey | None, Mapping[str, str]], Signer]]] = {
    "file": _of_file,
    "env": _of_variable,
    "exec": _of_command,
}


def _key_of(text: str) -> Keypair:
    """Read a key as the Solana command line writes it (a list of 64 numbers), or as wallets export it (base 58)."""
    text = text.strip()
    try:
        key = (
            Keypair.from_bytes(bytes(json.loads(text)))
            if text[:1] == "["
            else Keypair.from_base58_string(text)
        )
    except (ValueError, TypeError):
        raise ProviderError(
            "The key of SOLANA_SIGNER must be a list of 64 numbers, as solana-keygen writes it, or base 58."
        ) from None
    if Keypair.from_seed(key.secret()).pubkey() != key.pubkey():
        raise ProviderError("The two halves of the key of SOLANA_SIGNER do not belong together.")
    return key
