"""What is written into a message is read out of it again, whatever the payment; and nothing else is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from marketplace_payouts.lib.money import Money
from payouts.providers.solana import messages
from payouts.providers.solana.messages import (
    Payment,
    Terms,
    message_of,
    read_payment,
    to_sign,
    with_signature,
)
from tests.providers.solana_world import MINT

KEY = Keypair.from_seed(b"9" * 32)
seeds = st.binary(min_size=32, max_size=32)
payments = st.builds(
    Payment,
    item_key=st.builds(str, st.uuids()),
    note=st.from_regex(r"PO-[0-9A-Z]{4}-[0-9A-Z]{3}", fullmatch=True),
    amount=st.builds(Money, st.integers(1, 2**63 - 1), st.sampled_from(["USDC@solana", "SOL"])),
    recipient=seeds.map(lambda seed: Keypair.from_seed(seed).pubkey()),
)
terms = st.builds(
    Terms,
    payer=st.just(KEY.pubkey()),
    usdc=st.just(MINT),
    blockhash=seeds.map(lambda raw: str(Pubkey.from_bytes(raw))),
    unit_limit=st.integers(1, messages.MOST_UNITS),
    unit_price=st.integers(0, 10**9),
)


def raw_of(payment: Payment, needed: Terms) -> bytes:
    message = message_of(payment, needed)
    return with_signature(message, KEY.sign_message(to_sign(message)))


@given(payments, terms)
def test_a_payment_is_read_as_it_was_written(payment: Payment, needed: Terms):
    raw = raw_of(payment, needed)
    assert raw == raw_of(payment, needed)
    read = read_payment(raw, usdc=MINT)
    assert read is not None
    assert (read.payment, read.payer) == (payment, KEY.pubkey())
    assert len(raw) <= 1232, "It fits one packet of the network."


@given(payments, terms, st.data())
def test_a_byte_that_changed_is_noticed(payment: Payment, needed: Terms, data: st.DataObject):
    raw = bytearray(raw_of(payment, needed))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    assert read_payment(bytes(raw), usdc=MINT) is None


@given(payments, terms)
def test_the_fee_covers_signature_and_units(payment: Payment, needed: Terms):
    fee = messages.fee_of(needed)
    assert (fee - 5000) * 1_000_000 >= needed.unit_limit * needed.unit_price
    assert (fee - 5000 - 1) * 1_000_000 < needed.unit_limit * needed.unit_price
