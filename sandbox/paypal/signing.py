"""The certificates that vouch for webhooks: an authority of the sandbox's own, and a certificate it signed."""

from __future__ import annotations

import atexit
import base64
import os
import tempfile
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sandbox.core import World

COMMON_NAME = "messageverificationcerts.paypal.com"
_LIFE = timedelta(days=3650)


def text_to_sign(*, transmission_id: str, time: str, webhook_id: str, body: bytes) -> bytes:
    """Give what PayPal signs: of the body only its CRC32, in decimal."""
    return f"{transmission_id}|{time}|{webhook_id}|{zlib.crc32(body)}".encode()


class Signer:
    """One authority, one certificate below it, and the private key that goes with it; kept across restarts."""

    def __init__(self, world: World, *, name: str) -> None:
        authority_pem = world.credential(f"{name}_ca", _new_key)
        key_pem = world.credential(f"{name}_key", _new_key)
        authority = _load(authority_pem)
        self._key = _load(key_pem)
        self.authority_pem = world.credential(f"{name}_ca_certificate", lambda: _authority(authority))
        self.chain_pem = world.credential(
            f"{name}_certificate",
            lambda: _leaf(self._key, authority, self.authority_pem) + self.authority_pem,
        )
        self.certificate_id = world.credential(f"{name}_certificate_id", lambda: _certificate_id(world))

    def sign(self, message: bytes) -> str:
        """Sign with RSA and SHA-256, in base64."""
        return base64.b64encode(self._key.sign(message, padding.PKCS1v15(), hashes.SHA256())).decode()

    def verifies(self, message: bytes, signature: str) -> bool:
        """Say whether a signature is ours."""
        try:
            raw = base64.b64decode(signature, validate=True)
            self._key.public_key().verify(raw, message, padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, ValueError):
            return False
        return True


def write_authority(pem: str, lasting: Path | None) -> Path:
    """Put the authority's certificate into the given file, else into a temporary one that goes with the process."""
    if lasting is not None:
        lasting.write_text(pem)
        return lasting
    number, name = tempfile.mkstemp(prefix="sandbox-paypal-", suffix=".pem")
    with os.fdopen(number, "w") as file:
        file.write(pem)
    path = Path(name)
    atexit.register(path.unlink, missing_ok=True)
    return path


def _certificate_id(world: World) -> str:
    return f"CERT-{world.token(4)}-{world.token(4)}-{world.token(4)}"


def _new_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _load(pem: str) -> rsa.RSAPrivateKey:
    return cast(rsa.RSAPrivateKey, serialization.load_pem_private_key(pem.encode(), None))


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not signs_certificates,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _builder(subject: x509.Name, issuer: x509.Name, key: rsa.RSAPublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _LIFE)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _authority(key: rsa.RSAPrivateKey) -> str:
    public = key.public_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Sandbox Root, not PayPal")])
    builder = _builder(name, name, public)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    return _pem(builder.sign(key, hashes.SHA256()))


def _leaf(key: rsa.RSAPrivateKey, authority: rsa.RSAPrivateKey, authority_pem: str) -> str:
    issuer = x509.load_pem_x509_certificate(authority_pem.encode())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "PayPal, Inc. (sandbox)"),
            x509.NameAttribute(NameOID.COMMON_NAME, COMMON_NAME),
        ]
    )
    builder = _builder(subject, issuer.subject, key.public_key())
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(COMMON_NAME)]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())
    builder = builder.add_extension(identifier, critical=False)
    return _pem(builder.sign(authority, hashes.SHA256()))
