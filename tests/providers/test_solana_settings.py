"""Keys, signers, limits and networks, as the settings name them; and addresses without asking anybody."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from payouts.providers.base import DestinationError, ProviderError
from payouts.providers.solana import codes, destinations, messages
from payouts.providers.solana.limits import read_limits
from payouts.providers.solana.provider import Solana
from payouts.providers.solana.settings import SolanaSettings
from payouts.providers.solana.signers import CannotSign, read_signer, signed
from tests.providers.solana_world import MINT, home, item, prepared, wallet
from tests.sandbox_services import SandboxService

KEY = Keypair.from_seed(b"7" * 32)
URL = {"SOLANA_RPC_URL": "http://127.0.0.1:9", "SOLANA_NETWORK": "sandbox"}


def file_of(folder: Path, text: str, *, mode: int = 0o600) -> str:
    path = folder / "key"
    path.write_text(text)
    path.chmod(mode)
    return f"file:{path}"


def settings(**more: str) -> SolanaSettings:
    found = SolanaSettings.read({**URL, **more})
    assert found is not None
    return found


@pytest.mark.parametrize("text", [KEY.to_json(), f"{KEY}\n"], ids=["list of numbers", "base 58"])
def test_reads_a_key_in_the_known_forms(tmp_path: Path, text: str):
    signer = settings(SOLANA_SIGNER=file_of(tmp_path, text)).signer
    assert signer is not None
    assert signer.wallet == KEY.pubkey()
    assert signed(signer, b"message", {}).verify(KEY.pubkey(), b"message")


def test_reads_a_key_from_a_variable_and_from_that_variables_file(tmp_path: Path):
    assert settings(SOLANA_SIGNER="env:MY_KEY", MY_KEY=str(KEY)).wallet == KEY.pubkey()
    path = file_of(tmp_path, str(KEY)).removeprefix("file:")
    assert settings(SOLANA_SIGNER="env:MY_KEY", MY_KEY_FILE=path).wallet == KEY.pubkey()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_refuses_a_file_that_others_can_read(tmp_path: Path, mode: int):
    with pytest.raises(ProviderError, match="chmod 600"):
        settings(SOLANA_SIGNER=file_of(tmp_path, str(KEY), mode=mode))


@pytest.mark.parametrize(
    "text", ["", "[1, 2]", "[1.5]", "nonsense", '{"a": 1}', json.dumps([*bytes(KEY)[:32], *bytes(32)])]
)
def test_refuses_what_is_no_key(tmp_path: Path, text: str):
    with pytest.raises(ProviderError) as caught:
        settings(SOLANA_SIGNER=file_of(tmp_path, text))
    assert text == "" or text not in str(caught.value)


@pytest.mark.parametrize("said", ["", "vault:x", "file:", "env:NOT_THERE", "file:/nowhere/key", "exec:true"])
def test_says_what_is_wrong_with_a_signer(said: str):
    with pytest.raises(ProviderError, match="SOLANA_"):
        read_signer(said, wallet=None, env={})


def test_a_signer_of_another_wallet_is_refused():
    with pytest.raises(ProviderError, match="SOLANA_WALLET"):
        settings(SOLANA_SIGNER="env:K", K=str(KEY), SOLANA_WALLET=str(wallet("anna")))


def command(folder: Path, body: str) -> str:
    script = folder / "sign.py"
    script.write_text(
        f"import base64, json, sys\nfrom solders.keypair import Keypair\nasked = json.load(sys.stdin)\n{body}\n"
    )
    return f"exec:{sys.executable} {script}"


def test_a_command_of_ones_own_signs(tmp_path: Path):
    body = (
        "key = Keypair.from_seed(b'7' * 32)\n"
        "assert asked['purpose']['amount'] == '1 EUR'\n"
        "print(base64.b64encode(bytes(key.sign_message(base64.b64decode(asked['message'])))).decode())"
    )
    signer = settings(SOLANA_SIGNER=command(tmp_path, body), SOLANA_WALLET=str(KEY.pubkey())).signer
    assert signer is not None
    assert signed(signer, b"message", {"amount": "1 EUR"}).verify(KEY.pubkey(), b"message")


@pytest.mark.parametrize(
    "body",
    [
        "print('no base 64!')",
        "print(base64.b64encode(b'short').decode())",
        "print(base64.b64encode(bytes(Keypair().sign_message(b'another'))).decode())",
        "sys.exit(3)",
    ],
)
def test_a_command_that_does_not_sign_is_found_out(tmp_path: Path, body: str):
    signer = settings(SOLANA_SIGNER=command(tmp_path, body), SOLANA_WALLET=str(KEY.pubkey())).signer
    assert signer is not None
    with pytest.raises(CannotSign):
        signed(signer, b"message", {})


def test_a_process_without_a_signer_offers_and_cannot_pay(solana_sandbox: SandboxService):
    env = {**solana_sandbox.environment(), "SOLANA_SIGNER": ""}
    provider = Solana.from_environ(env)
    assert provider is not None
    assert provider.read_destination({"address": str(wallet("anna"))})
    with pytest.raises(ProviderError, match="SOLANA_SIGNER"):
        prepared(provider, item())
    assert any("SOLANA_SIGNER" in sentence for sentence in provider.check().missing)


def test_nothing_shows_the_key_or_the_nodes_address():
    found = settings(SOLANA_SIGNER="env:K", K=str(KEY))
    assert str(KEY) not in repr(found)
    assert URL["SOLANA_RPC_URL"] not in repr(found)
    assert KEY.to_json() not in repr(found)


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"SOLANA_NETWORK": "mainnet"}, "SOLANA_NETWORK"),
        ({"SOLANA_NETWORK": "moon"}, "SOLANA_NETWORK"),
        ({"SOLANA_WALLET": "x"}, "SOLANA_WALLET"),
        ({"SOLANA_PAYOUT_LIMIT": "5"}, "SOLANA_PAYOUT_LIMIT"),
        ({"SOLANA_PAYOUT_LIMIT": "5 EUR"}, "SOLANA_PAYOUT_LIMIT"),
        ({"SOLANA_DAILY_LIMIT": "-5 SOL"}, "SOLANA_DAILY_LIMIT"),
        ({"SOLANA_RECIPIENT_DAILY_LIMIT": "5 SOL, 6 SOL"}, "SOLANA_RECIPIENT_DAILY_LIMIT"),
        ({"SOLANA_MAX_FEE": "much"}, "SOLANA_MAX_FEE"),
        ({"SOLANA_RESERVE": "0.0000000001"}, "SOLANA_RESERVE"),
        ({"ENVIRONMENT": "live"}, "SOLANA_NETWORK"),
        ({"ENVIRONMENT": "live", "SOLANA_NETWORK": ""}, "SOLANA_PAYOUT_LIMIT"),
        (
            {"ENVIRONMENT": "live", "SOLANA_NETWORK": "", "SOLANA_PAYOUT_LIMIT": "5 SOL, 6 USDC@solana"},
            "SOLANA_DAILY_LIMIT",
        ),
    ],
)
def test_names_the_setting_that_is_wrong(more: dict[str, str], named: str):
    with pytest.raises(ProviderError, match=named):
        settings(SOLANA_SIGNER="env:K", K=str(KEY), **more)


def test_a_live_node_is_asked_over_https_only():
    more = {"ENVIRONMENT": "live", "SOLANA_NETWORK": "", "SOLANA_SIGNER": "env:K", "K": str(KEY)}
    limits = dict.fromkeys(("SOLANA_PAYOUT_LIMIT", "SOLANA_DAILY_LIMIT"), "5 SOL, 6 USDC@solana")
    with pytest.raises(ProviderError, match="SOLANA_RPC_URL"):
        Solana.from_environ({**URL, **more, **limits})
    rpc_url = {"SOLANA_RPC_URL": "https://solana.example.com/path/key?token=x"}
    assert Solana.from_environ({**more, **limits, **rpc_url}) is not None


def test_reads_limits():
    env = {"SOLANA_DAILY_LIMIT": "5000.5 USDC@solana, 20 SOL", "SOLANA_MAX_FEE": "0.02"}
    limits = read_limits(env, live=False)
    assert limits.day == {"USDC@solana": 5_000_500_000, "SOL": 20_000_000_000}
    assert (limits.fee, limits.reserve, limits.payout) == (20_000_000, 50_000_000, {})


# Addresses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("0x52908400098527886E0F7030069857D2E4169EE7", "Ethereum"),
        ("ab" * 32, "NEAR"),
        ("anna.near", "NEAR"),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "Bitcoin"),
        ("anna.sol", "name"),
        ("1111111111111111111111111111111l", "no Solana address"),
        ("7" * 50, "no Solana address"),
        ("11111111111111111111111111111111", "program"),
        ("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGkZwyTDt1v", "program"),
        ("So11111111111111111111111111111111111111112", "program"),
        (str(home("anna")), "token account"),
        (str(Pubkey.find_program_address([b"vault"], messages.TOKEN)[0]), "token account"),
    ],
)
def test_says_what_is_wrong_with_an_address(said: str, told: str):
    with pytest.raises(DestinationError, match=told) as caught:
        destinations.read_destination({"address": said})
    assert caught.value.field == "address"


def test_a_destination_that_was_not_normalised_is_never_paid():
    with pytest.raises(ProviderError):
        destinations.address_of({"address": f" {wallet('anna')} "})


# Words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("err", "code"),
    [
        ("AlreadyProcessed", "AlreadyProcessed"),
        ({"InstructionError": [1, {"Custom": 17}]}, "token.0x11"),
        ({"InstructionError": [0, "InvalidAccountData"]}, "system.InvalidAccountData"),
        ({"InstructionError": [7, {"Custom": 1}]}, "program.0x1"),
        ({"InsufficientFundsForRent": {"account_index": 0}}, "InsufficientFundsForFee"),
        ({"InsufficientFundsForRent": {"account_index": 2}}, codes.TOO_LITTLE),
        ({"SomethingNew": {"x": 1}}, "SomethingNew"),
        (None, "unreadable"),
        ({"a": 1, "b": 2}, "unreadable"),
    ],
)
def test_names_errors_by_their_program(err: object, code: str):
    assert codes.code_of(err, [Pubkey.default(), messages.TOKEN]) == code


def test_an_unknown_word_is_left_to_people():
    told = codes.refusal("program.0x99")
    assert (told.code, told.refusal) == ("program.0x99", "unclassified")


def test_bytes_that_are_no_payment_of_ours_are_read_as_none(solana: Solana):
    _, step = prepared(solana, item())
    assert messages.read_payment(step.body, usdc=MINT) is not None
    assert messages.read_payment(step.body, usdc=wallet("another mint")) is None
    flipped = bytes([step.body[-1] ^ 1])
    for broken in (b"", step.body[:-1], step.body[:-1] + flipped, base64.b64encode(step.body)):
        assert messages.read_payment(broken, usdc=MINT) is None
