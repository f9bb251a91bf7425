"""The lock files of npm pin everything, and name no registry."""

import json
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
LOCK_FILES = sorted(path for path in TESTS.rglob("package-lock.json") if "node_modules" not in path.parts)


@pytest.mark.parametrize("path", LOCK_FILES, ids=lambda path: path.parent.name)
def test_pins_everything_and_names_no_registry(path: Path):
    packages = json.loads(path.read_text())["packages"]
    assert not [name for name, package in packages.items() if "resolved" in package]
    assert all(package.get("integrity") for name, package in packages.items() if name)
    wanted = json.loads((path.parent / "package.json").read_text())["dependencies"]
    assert packages[""]["dependencies"] == wanted
    assert not [version for version in wanted.values() if not version[0].isdigit()]
