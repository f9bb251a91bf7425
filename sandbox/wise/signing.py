"""The key that vouches for webhooks, of the sandbox's own; and somebody else's, for forgeries."""

from __future__ import annotations

import atexit
import base64
import os
import tempfile
from pathlib import Path
from typing import cast

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sandbox.core import World


class Signer:
    """One RSA key, kept across restarts."""

    def __init__(self, world: World, name: str) -> None:
        pem = world.credential(name, _new_key)
        self._key = cast(rsa.RSAPrivateKey, serialization.load_pem_private_key(pem.encode(), password=None))

    @property
    def public_pem(self) -> str:
        """Give the public half."""
        return (
            self._key.public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            .decode()
        )

    def sign(self, body: bytes) -> str:
        """Sign with RSA and SHA-256, in base64."""
        return base64.b64encode(self._key.sign(body, padding.PKCS1v15(), hashes.SHA256())).decode()


def write_key(pem: str, lasting: Path | None) -> Path:
    """Put the public key into the given file, else into a temporary one that goes with the process."""
    if lasting is not None:
        lasting.write_text(pem)
        return lasting
    number, name = tempfile.mkstemp(prefix="sandbox-wise-", suffix=".pem")
    with os.fdopen(number, "w") as file:
        file.write(pem)
    path = Path(name)
    atexit.register(path.unlink, missing_ok=True)
    return path


def _new_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
