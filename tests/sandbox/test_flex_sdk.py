"""Sharetribe's official SDK works against the sandbox, with typed results."""

import json

import pytest

from tests.sandbox import flex_sdk
from tests.sandbox_services import SandboxService


@pytest.mark.node
def test_the_official_sdk_works(flex_sandbox: SandboxService):
    try:
        modules = flex_sdk.install()
    except flex_sdk.CannotInstall as missing:
        pytest.skip(f"the official SDK was not tried: {missing}")
    version = json.loads((modules / "sharetribe-flex-integration-sdk" / "package.json").read_text())[
        "version"
    ]
    assert version == "1.14.1"
    ended = flex_sdk.run_tests(
        url=flex_sandbox.url,
        client_id=flex_sandbox.credentials["client_id"],
        client_secret=flex_sandbox.credentials["client_secret"],
        modules=modules,
    )
    assert ended.returncode == 0, ended.stdout[-6000:] + ended.stderr[-2000:]


def test_its_lock_file_names_no_registry():
    lock = json.loads((flex_sdk.HERE / "package-lock.json").read_text())
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
    assert all(package.get("integrity") for name, package in lock["packages"].items() if name)
