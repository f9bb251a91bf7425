"""Forged, stale and misdirected webhooks change nothing; true ones are only pointers."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from payouts.providers.base import BadWebhook, Hint, ProviderError, RawWebhook
from payouts.providers.paypal.certificates import CertificateKeeper, load_roots
from payouts.providers.paypal.provider import PayPal
from payouts.providers.paypal.webhook import (
    ALGORITHM_HEADER,
    NEWEST,
    OLDEST,
    TIME_HEADER,
    read_webhook,
)
from tests.lib.raw_server import RawServer, plain, raw_server
from tests.providers.contract import pay, settled, until
from tests.providers.test_paypal import batch_of
from tests.sandbox.receiver import Delivery, Receiver, receiving
from tests.sandbox_services import SandboxService

WEBHOOK = "1JE4291016473214C"
CERTIFICATE = "/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77"
NAME = "messageverificationcerts.paypal.com"
NOW = datetime.now(UTC).replace(microsecond=0)
EVENT = {
    "id": "WH-2W42680HY0102300L-7UH92434VP4562323",
    "event_type": "PAYMENT.PAYOUTS-ITEM.SUCCEEDED",
    "resource": {
        "payout_item_id": "8AELMXH8UB2P8",
        "payout_batch_id": "Q8KVJG9TZTNN4",
        "sender_batch_id": "mp-b1",
        "payout_item": {"sender_item_id": "k1"},
    },
}
BODY = json.dumps(EVENT).encode()


@dataclass(frozen=True)
class Authority:
    """Somebody who signs certificates."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    def sign(
        self,
        name: str = NAME,
        *,
        key: Any = None,
        ca: bool = False,
        since: datetime = NOW - timedelta(days=1),
        until: datetime = NOW + timedelta(days=90),
        alternative: str | None = None,
    ) -> x509.Certificate:
        """Sign a certificate, good unless asked otherwise."""
        builder = (
            x509.CertificateBuilder()
            .subject_name(named(name))
            .issuer_name(self.certificate.subject)
            .public_key((key or SIGNER).public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(since)
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
            )
        )
        if alternative is not None:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([x509.DNSName(alternative)]), critical=False
            )
        if ca:
            builder = builder.add_extension(_authoritys_usage(), critical=True).add_extension(
                x509.SubjectKeyIdentifier.from_public_key((key or SIGNER).public_key()), critical=False
            )
        return builder.sign(self.key, hashes.SHA256())


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, name)])


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def new_authority(name: str) -> Authority:
    key = new_key()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=900))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_authoritys_usage(), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(key, certificate)


def _authoritys_usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates)


SIGNER = new_key()
TRUSTED = new_authority("An authority that we trust")
STRANGER = new_authority("An authority that nobody knows")


class World:
    """A host that serves one certificate, and the keeper that trusts one authority."""

    def __init__(self, server: RawServer, folder: Path) -> None:
        self.server = server
        self.url = server.url + CERTIFICATE
        authority = folder / "authority.pem"
        authority.write_bytes(pem(TRUSTED.certificate))
        self.authority = str(authority)
        self.certificates = CertificateKeeper(
            base_url=server.url, allow_plain_http=True, ca_file=self.authority
        )
        self.serve(pem(TRUSTED.sign()))

    def serve(self, body: bytes, **options: Any) -> None:
        """Serve these bytes from now on."""
        self.server.scripts[:] = [self.server.answering(plain(body, **options))]

    def headers(
        self,
        body: bytes = BODY,
        *,
        at: datetime = NOW,
        webhook: str = WEBHOOK,
        more: Mapping[str, str] | None = None,
    ) -> dict[str, str]:
        """Sign as PayPal does."""
        time = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        text = f"69cd13f0-d67a|{time}|{webhook}|{zlib.crc32(body)}".encode()
        signature = SIGNER.sign(text, padding.PKCS1v15(), hashes.SHA256())
        own = {
            "paypal-transmission-id": "69cd13f0-d67a",
            "paypal-transmission-time": time,
            "paypal-transmission-sig": base64.b64encode(signature).decode(),
            "paypal-cert-url": self.url,
            "paypal-auth-algo": "SHA256withRSA",
            "paypal-auth-version": "v2",
        }
        return {**own, **(more or {})}

    def read(self, headers: Mapping[str, str], body: bytes = BODY, *, at: datetime = NOW) -> list[Hint]:
        """Read a delivery."""
        request = RawWebhook(headers, body, at)
        return list(read_webhook(request, webhook_id=WEBHOOK, certificates=self.certificates))

    def refuses(self, headers: Mapping[str, str], body: bytes = BODY, *, at: datetime = NOW) -> str:
        """Give why a delivery is refused."""
        with pytest.raises(BadWebhook) as caught:
            self.read(headers, body, at=at)
        return str(caught.value)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with raw_server() as server:
        yield World(server, tmp_path)


# True ones -------------------------------------------------------------------------------------------------------


def test_a_true_delivery_points_at_its_item(world: World):
    assert world.read(world.headers()) == [
        Hint(
            event_id="WH-2W42680HY0102300L-7UH92434VP4562323",
            kind="PAYMENT.PAYOUTS-ITEM.SUCCEEDED",
            batch_reference="Q8KVJG9TZTNN4",
            item_reference="8AELMXH8UB2P8",
            batch_key="b1",
            item_key="k1",
        )
    ]


def test_a_true_delivery_points_at_its_batch(world: World):
    header = {"payout_batch_id": "B1", "sender_batch_header": {"sender_batch_id": "mp-b1"}}
    event = {"id": "WH-1", "event_type": "PAYMENT.PAYOUTSBATCH.DENIED", "resource": {"batch_header": header}}
    body = json.dumps(event).encode()
    (hint,) = world.read(world.headers(body), body)
    assert (hint.batch_reference, hint.batch_key, hint.item_reference) == ("B1", "b1", "")


def test_other_news_of_paypal_points_at_nothing(world: World):
    body = json.dumps({"id": "WH-1", "event_type": "PAYMENT.SALE.COMPLETED", "resource": {}}).encode()
    assert world.read(world.headers(body), body) == []


def test_an_event_delivered_again_has_the_same_id(world: World):
    first = world.read(world.headers())
    again = world.read(world.headers(at=NOW + timedelta(seconds=9)))
    assert first == again


def test_the_certificate_is_fetched_once(world: World):
    for _ in range(3):
        world.read(world.headers())
    assert world.server.connections == 1


def test_a_chain_with_an_authority_between_is_followed(world: World):
    between = new_key()
    middle = TRUSTED.sign("An authority between", key=between, ca=True)
    world.serve(pem(Authority(between, middle).sign(), middle))
    assert world.read(world.headers())


# Forged ones -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "paypal-transmission-id",
        "paypal-transmission-time",
        "paypal-transmission-sig",
        "paypal-cert-url",
        "paypal-auth-algo",
    ],
)
def test_every_header_is_needed(world: World, name: str):
    headers = world.headers()
    del headers[name]
    assert name in world.refuses(headers)


def test_a_changed_body_does_not_fit(world: World):
    assert "signature" in world.refuses(world.headers(), BODY.replace(b"SUCCEEDED", b"FAILEDFOO"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("paypal-transmission-id", "69cd13f0-d67b"),
        ("paypal-transmission-id", "a|b"),
        ("paypal-transmission-sig", base64.b64encode(bytes(256)).decode()),
        ("paypal-transmission-sig", "no base64!"),
        ("paypal-transmission-time", "yesterday"),
        ("paypal-transmission-time", "2026-11-23T00:00:00"),
    ],
)
def test_a_changed_header_does_not_fit(world: World, name: str, value: str):
    world.refuses(world.headers(more={name: value}))


def test_a_changed_time_does_not_fit(world: World):
    moved = (NOW - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    world.refuses(world.headers(more={TIME_HEADER: moved}))


def test_a_delivery_for_another_webhook_does_not_fit(world: World):
    world.refuses(world.headers(webhook="SOMEBODYELSES"))
    world.refuses(world.headers(webhook="WEBHOOK_ID"))


@pytest.mark.parametrize(
    "algorithm", ["SHA1withRSA", "SHA512withRSA", "MD5withRSA", "none", "SHA256withECDSA"]
)
def test_only_one_algorithm_is_taken(world: World, algorithm: str):
    assert "SHA256withRSA" in world.refuses(world.headers(more={ALGORITHM_HEADER: algorithm}))
    assert world.server.connections == 0


def test_a_signature_by_sha1_does_not_fit_even_under_the_right_name(world: World):
    headers = world.headers()
    text = f"69cd13f0-d67a|{headers['paypal-transmission-time']}|{WEBHOOK}|{zlib.crc32(BODY)}".encode()
    signature = SIGNER.sign(text, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 - what is refused here
    headers["paypal-transmission-sig"] = base64.b64encode(signature).decode()
    world.refuses(headers)


def test_what_is_too_old_or_from_the_future_is_refused(world: World):
    assert world.read(world.headers(at=NOW - timedelta(days=2)))
    world.refuses(world.headers(at=NOW - OLDEST - timedelta(seconds=1)))
    world.refuses(world.headers(at=NOW + NEWEST + timedelta(seconds=1)))
    headers = world.headers()
    world.refuses(headers, at=NOW + OLDEST + timedelta(seconds=1))


def test_a_large_body_is_not_even_looked_at(world: World):
    body = BODY + b" " * 300_000
    world.refuses(world.headers(body), body)
    assert world.server.connections == 0


NO_EVENT = b'{"id":"WH-1","event_type":"PAYMENT.PAYOUTSBATCH.SUCCESS"}'


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"id": 7}', b'{"id":"WH-1"}', NO_EVENT])
def test_a_signed_body_without_an_event_is_refused(world: World, body: bytes):
    world.refuses(world.headers(body), body)


def test_without_our_webhooks_id_nothing_is_true(world: World):
    request = RawWebhook(world.headers(), BODY, NOW)
    with pytest.raises(BadWebhook, match="PAYPAL_WEBHOOK_ID"):
        read_webhook(request, webhook_id="", certificates=world.certificates)


# Certificates ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/v1/notifications/certs/CERT-1",
        "http://api-m.paypal.com/v1/notifications/certs/CERT-1",
        "https://api-m.paypal.com.evil.example/v1/notifications/certs/CERT-1",
        "https://api-m.paypal.com@evil.example/v1/notifications/certs/CERT-1",
        "https://user@api-m.paypal.com/v1/notifications/certs/CERT-1",
        "https://api-m.paypal.com:444/v1/notifications/certs/CERT-1",
        "https://api-m.sandbox.paypal.com/v1/notifications/certs/CERT-1",
        "https://www.paypal.com/v1/notifications/certs/CERT-1",
        "https://api-m.paypal.com/v1/notifications/certs/CERT-1?x=1",
        "https://api-m.paypal.com/v1/notifications/certs/CERT-1#x",
        "https://api-m.paypal.com/v1/notifications/certs/../../evil",
        "https://api-m.paypal.com/v1/notifications/certs/CERT-1/../evil",
        "https://api-m.paypal.com/v1/notifications/certs/CERT-%2e",
        "https://api-m.paypal.com/v1/notifications/webhooks",
        "https://169.254.169.254/v1/notifications/certs/CERT-1",
        "file:///etc/passwd",
        "//api-m.paypal.com/v1/notifications/certs/CERT-1",
        " https://api-m.paypal.com/v1/notifications/certs/CERT-1",
        "https://api-m.paypal.com/v1/notifications/certs/CERT-1\n",
        "https://[::1/v1/notifications/certs/CERT-1",
        "",
    ],
)  # fmt: skip
def test_a_certificate_from_elsewhere_is_not_even_fetched(url: str):
    # The network is guarded: a name that was looked up or a socket that was opened would fail the test.
    keeper = CertificateKeeper(base_url="https://api-m.paypal.com")
    with pytest.raises(BadWebhook, match="certificate"):
        keeper.key_behind(url, now=NOW)


def test_the_other_name_of_the_host_may_serve_them_too():
    keeper = CertificateKeeper(base_url="https://api-m.sandbox.paypal.com")
    for host in ("api-m.sandbox.paypal.com", "api.sandbox.paypal.com"):
        origin, path = keeper._judged(f"https://{host}{CERTIFICATE}")
        assert (origin, path) == (f"https://{host}:443", CERTIFICATE)


def test_plain_http_needs_to_be_allowed(world: World):
    keeper = CertificateKeeper(base_url=world.server.url, ca_file=world.authority)
    with pytest.raises(BadWebhook):
        keeper.key_behind(world.url, now=NOW)
    assert world.server.connections == 0


def test_a_redirect_is_not_followed(world: World):
    with raw_server() as other:
        other.scripts.append(other.answering(plain(pem(TRUSTED.sign()))))
        world.serve(b"", status="302 Found", extra=f"Location: {other.url}{CERTIFICATE}\r\n")
        world.refuses(world.headers())
        assert other.connections == 0


@pytest.mark.parametrize(
    "served",
    [
        b"",
        b"<html>",
        pem(STRANGER.sign()),
        pem(STRANGER.sign(), STRANGER.certificate),
        pem(TRUSTED.sign("messageverificationcerts.paypal.com.evil.example")),
        pem(TRUSTED.sign("evil.example")),
        pem(TRUSTED.sign("notpaypal.com", alternative="xpaypal.com")),
        pem(TRUSTED.sign(until=NOW - timedelta(hours=1))),
        pem(TRUSTED.sign(since=NOW + timedelta(hours=1))),
        pem(TRUSTED.sign(ca=True)),
        pem(TRUSTED.sign(key=ec.generate_private_key(ec.SECP256R1()))),
        pem(*[TRUSTED.sign()] * 20),
    ],
    ids=[
        "empty",
        "html",
        "stranger",
        "stranger-with-root",
        "suffix",
        "name",
        "near",
        "expired",
        "early",
        "ca",
        "ec",
        "many",
    ],
)
def test_a_certificate_that_proves_nothing_is_refused(world: World, served: bytes):
    world.serve(served)
    world.refuses(world.headers())


def test_a_certificate_signed_by_itself_is_refused(world: World):
    own = Authority(SIGNER, x509.load_pem_x509_certificate(pem(TRUSTED.sign())))
    world.serve(pem(own.sign()))
    assert "vouches" in world.refuses(world.headers())


def test_a_certificate_signed_by_a_plain_certificate_is_refused(world: World):
    """Whoever holds any certificate below our trust root must not be able to make PayPal's."""
    thief = new_key()
    theirs = TRUSTED.sign("thief.paypal.com", key=thief)
    world.serve(pem(Authority(thief, theirs).sign(), theirs))
    assert "vouches" in world.refuses(world.headers())


def test_another_key_than_the_certificates_does_not_fit(world: World):
    world.serve(pem(TRUSTED.sign(key=new_key())))
    assert "signature" in world.refuses(world.headers())


def test_a_certificate_is_not_used_beyond_its_end(world: World):
    world.serve(pem(TRUSTED.sign(until=NOW + timedelta(minutes=10))))
    assert world.read(world.headers())
    later = NOW + timedelta(minutes=11)
    world.refuses(world.headers(at=later), at=later)


def test_a_host_that_is_away_is_asked_again(world: World):
    world.server.scripts[:] = [
        lambda sock: sock.close(),
        world.server.answering(plain(pem(TRUSTED.sign()))),
    ]
    assert "fetched" in world.refuses(world.headers())
    assert world.read(world.headers())


def test_a_refused_certificate_is_remembered_for_a_while(world: World):
    world.serve(b"nothing")
    for _ in range(3):
        world.refuses(world.headers())
    assert world.server.connections == 1


def test_the_public_authorities_are_the_default():
    load_roots()
    with pytest.raises(ProviderError, match="PAYPAL_WEBHOOK_CA_FILE"):
        load_roots("/nowhere/at/all.pem")


# The sandbox's own deliveries ------------------------------------------------------------------------------------


@pytest.fixture
def receiver(paypal_sandbox: SandboxService) -> Iterator[Receiver]:
    with receiving() as listening:
        paypal_sandbox.post("/_sandbox/webhook", {"url": listening.url})
        yield listening


def raw(delivery: Delivery) -> RawWebhook:
    return RawWebhook(delivery.headers, delivery.raw, datetime.now(UTC))


def test_true_deliveries_point_at_what_was_paid(paypal: PayPal, receiver: Receiver):
    progress = batch_of("anna")
    reference = pay(paypal, progress)
    told = receiver.wait_for_type("PAYMENT.PAYOUTS-ITEM.SUCCEEDED")
    (hint,) = paypal.read_webhook(raw(told))
    assert (hint.batch_reference, hint.batch_key) == (reference, progress.batch_key)
    assert hint.item_key == progress.items[0].key
    (batch,) = paypal.read_webhook(raw(receiver.wait_for_type("PAYMENT.PAYOUTSBATCH.SUCCESS")))
    assert (batch.batch_reference, batch.batch_key) == (reference, progress.batch_key)


def test_forged_deliveries_are_refused_each_in_its_way(
    paypal: PayPal, paypal_sandbox: SandboxService, receiver: Receiver
):
    paypal_sandbox.fault("webhook_forge")
    reference = pay(paypal, batch_of("anna", "bert", "carl"))
    until(lambda: paypal.fetch(reference), settled)
    told = [one for one in receiver.wait_for(10) if "PAYOUTS-ITEM" in one.type]
    lies = [one for one in told if one.body["resource"]["transaction_status"] != "SUCCESS"]
    assert len(lies) == 3
    for lie in lies:
        with pytest.raises(BadWebhook):
            paypal.read_webhook(raw(lie))
    for truth in (one for one in told if one not in lies):
        assert paypal.read_webhook(raw(truth))


def test_without_debug_plain_http_is_refused(
    paypal_sandbox: SandboxService, receiver: Receiver, paypal: PayPal
):
    provider = PayPal.from_environ({**paypal_sandbox.environment(), "DEBUG": "0"})
    assert provider is not None
    pay(paypal, batch_of("anna"))
    with pytest.raises(BadWebhook):
        provider.read_webhook(raw(receiver.wait_for(1)[0]))


def test_the_sandboxes_authority_is_no_public_one(
    paypal_sandbox: SandboxService, receiver: Receiver, paypal: PayPal
):
    env = {**paypal_sandbox.environment(), "DEBUG": "1"}
    del env["PAYPAL_WEBHOOK_CA_FILE"]
    provider = PayPal.from_environ(env)
    assert provider is not None
    pay(paypal, batch_of("anna"))
    delivery = receiver.wait_for(1)[0]
    with pytest.raises(BadWebhook, match="vouches"):
        provider.read_webhook(raw(delivery))
    assert paypal.read_webhook(replace(raw(delivery)))
