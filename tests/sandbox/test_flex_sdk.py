"""Sharetribe's official SDK works against the sandbox, with typed results."""

import json

import pytest

from tests import node
from tests.sandbox import flex_sdk
from tests.sandbox_services import SandboxService


@pytest.mark.node
def test_the_official_sdk_works(flex_sandbox: SandboxService):
    try:
        modules = node.install(flex_sdk.HERE)
    except node.CannotInstall as missing:
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
