"""The certificates that PayPal signs its webhooks with: where they may come from, and who must vouch for them."""

from __future__ import annotations

import re
import threading
import warnings
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

import certifi
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509 import verification

from marketplace_payouts.lib.http import Answer, HttpClient, HttpError, Timeouts
from payouts.providers.base import BadWebhook, ProviderError
from payouts.providers.paypal.client import ALIASES

_PATH = re.compile(r"/v1/notifications/certs/CERT-[A-Za-z0-9-]{1,100}", re.ASCII)
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_NAMES: Final = ".paypal.com"
_MOST_BYTES: Final = 64 * 1024
_MOST_CERTIFICATES: Final = 8
_SMALLEST_KEY: Final = 2048
_KEPT: Final = 16
_KEPT_FOR: Final = timedelta(days=1)
_REFUSED_FOR: Final = timedelta(minutes=5)
_TIMEOUTS: Final = Timeouts(connect=3.0, read=5.0, total=8.0)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A certificate that was looked at: its key and its last moment, or why it was refused."""

    until: datetime
    key: RSAPublicKey | None
    refusal: str


class CertificateKeeper:
    """Gives the public key behind a certificate's address, if PayPal's API host serves it and our trust root vouches.

    `base_url` is that of the API. Plain http is taken only from this machine and with `allow_plain_http`. `ca_file`
    takes the place of the public authorities.
    """

    def __init__(self, *, base_url: str, allow_plain_http: bool = False, ca_file: str = "") -> None:
        self._origins = _origins(base_url, allow_plain_http=allow_plain_http)
        self._allow_plain_http = allow_plain_http
        self._ca_file = ca_file
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._roots: verification.Store | None = None

    def key_behind(self, url: str, *, now: datetime) -> RSAPublicKey:
        """This will give the key that signatures must fit.

        :raises BadWebhook: when the address is not PayPal's, or the certificate cannot be had or trusted.
        """
        origin, path = self._judged(url)
        kept = self._remembered(url, now=now)
        if kept is None:
            kept = self._look(origin, path, now=now)
            self._remember(url, kept)
        if kept.key is None:
            raise BadWebhook(kept.refusal)
        return kept.key

    def _judged(self, url: str) -> tuple[str, str]:
        """Judge the address before anything is fetched: whoever writes the header would choose what we call."""
        try:
            parts = urlsplit(url)
            origin = _origin(parts)
        except ValueError:
            raise BadWebhook("The address of the certificate cannot be read.") from None
        bare = not (parts.query or parts.fragment or parts.username is not None or parts.password is not None)
        if url != url.strip() or not bare or origin not in self._origins:
            raise BadWebhook("The address of the certificate is not one of PayPal's API host.")
        if not _PATH.fullmatch(parts.path):
            raise BadWebhook("The address of the certificate is not where PayPal keeps them.")
        return origin, parts.path

    def _remembered(self, url: str, *, now: datetime) -> _Kept | None:
        with self._lock:
            kept = self._kept.get(url)
            return kept if kept is not None and now < kept.until else None

    def _remember(self, url: str, kept: _Kept) -> None:
        with self._lock:
            self._kept[url] = kept
            self._kept.move_to_end(url)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)

    def _look(self, origin: str, path: str, *, now: datetime) -> _Kept:
        answer = self._fetch(origin, path)
        try:
            leaf = self._trusted(answer, now=now)
        except BadWebhook as error:
            return _Kept(until=now + _REFUSED_FOR, key=None, refusal=str(error))
        key = leaf.public_key()
        if not isinstance(key, RSAPublicKey) or key.key_size < _SMALLEST_KEY:
            return _Kept(
                until=now + _REFUSED_FOR, key=None, refusal="The certificate holds no RSA key of 2048 bits."
            )
        return _Kept(until=min(now + _KEPT_FOR, leaf.not_valid_after_utc), key=key, refusal="")

    def _fetch(self, origin: str, path: str) -> Answer:
        client = HttpClient(
            base_url=origin,
            timeouts=_TIMEOUTS,
            max_bytes=_MOST_BYTES,
            allow_loopback_http=self._allow_plain_http,
        )
        try:
            return client.request("GET", path, headers={"Accept": "*/*"})
        except HttpError as error:
            # Not remembered: it may be there a moment later, and PayPal delivers again.
            raise BadWebhook(f"The certificate could not be fetched: {error}") from error
        finally:
            client.close()

    def _trusted(self, answer: Answer, *, now: datetime) -> x509.Certificate:
        if answer.status != 200:
            raise BadWebhook(f"PayPal does not serve this certificate: it answered {answer.status}.")
        try:
            chain = x509.load_pem_x509_certificates(answer.body)
        except ValueError:
            raise BadWebhook("What is served as a certificate is none.") from None
        if not 1 <= len(chain) <= _MOST_CERTIFICATES:
            raise BadWebhook("The certificate comes with more others than a chain can have.")
        check_chain(chain, roots=self._trust(), now=now)
        return chain[0]

    def _trust(self) -> verification.Store:
        with self._lock:
            if self._roots is None:
                self._roots = load_roots(self._ca_file)
            return self._roots


def load_roots(ca_file: str = "") -> verification.Store:
    """This will give the authorities that are trusted: those of the file, else the public ones.

    :raises ProviderError: when the file cannot be read or holds no certificate.
    """
    try:
        authorities = _authorities(Path(ca_file or certifi.where()).read_bytes())
        return verification.Store(authorities)
    except (OSError, ValueError):
        raise ProviderError(
            "PAYPAL_WEBHOOK_CA_FILE must name a readable file with certificates in PEM form."
        ) from None


def _authorities(pem: bytes) -> list[x509.Certificate]:
    """Read certificates one by one: a single odd one among the public authorities must not cost the others."""
    found: list[x509.Certificate] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error", CryptographyDeprecationWarning)
        for block in _CERTIFICATE.findall(pem):
            try:
                found.append(x509.load_pem_x509_certificate(block))
            except (ValueError, CryptographyDeprecationWarning):
                continue
    return found


def check_chain(chain: Sequence[x509.Certificate], *, roots: verification.Store, now: datetime) -> None:
    """This will check that the first certificate is PayPal's, valid now, and that a trusted authority vouches for it.

    :raises BadWebhook: when it is not.
    """
    leaf = chain[0]
    if not any(name.endswith(_NAMES) for name in _names(leaf)):
        raise BadWebhook("The certificate is not in PayPal's name.")
    # The library's checks for authorities hold in full. Those for the last certificate are of web servers; what of
    # them matters here is checked above and below: PayPal's certificate is not promised to be a web server's.
    policy = (
        verification.PolicyBuilder()
        .store(roots)
        .time(now)
        .extension_policies(
            ca_policy=verification.ExtensionPolicy.webpki_defaults_ca(),
            ee_policy=verification.ExtensionPolicy.permit_all(),
        )
    )
    try:
        policy.build_client_verifier().verify(leaf, list(chain[1:]))
    except verification.VerificationError as error:
        raise BadWebhook(f"No authority that we trust vouches for the certificate: {error}"[:300]) from None
    if _is_authority(leaf):
        raise BadWebhook("The certificate is an authority's, not a signer's.")


def _names(certificate: x509.Certificate) -> set[str]:
    names = {
        str(attribute.value).lower()
        for attribute in certificate.subject.get_attributes_for_oid(x509.oid.NameOID.COMMON_NAME)
    }
    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return names
    return names | {name.lower() for name in alternative.value.get_values_for_type(x509.DNSName)}


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
    except ValueError:
        return True


def _origins(base_url: str, *, allow_plain_http: bool) -> frozenset[str]:
    """Give the origins that may serve certificates: that of the API itself, and its other name."""
    parts = urlsplit(base_url)
    if parts.scheme != "https" and not allow_plain_http:
        return frozenset()
    origins = {_origin(parts)}
    alias = ALIASES.get((parts.hostname or "").lower())
    if alias is not None:
        origins.add(f"https://{alias}:443")
    return frozenset(origins)


def _origin(parts: SplitResult) -> str:
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    return f"{parts.scheme}://{(parts.hostname or '').lower()}:{port}"
