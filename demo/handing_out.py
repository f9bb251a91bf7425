"""Where everything is and how to get in: printed, and written to `var/demo.json` for tools."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from django.conf import settings

from demo.scene import Scene

_PREFIXES = {"flex": "FLEX_", "paypal": "PAYPAL_"}


def path() -> Path:
    """Give where the file is."""
    return Path(settings.BASE_DIR) / "var" / "demo.json"


def write(scene: Scene, *, ready: bool) -> None:
    """Write the file, readable by its owner alone."""
    target = path()
    target.parent.mkdir(exist_ok=True)
    fresh = target.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w") as out:
        json.dump(_facts(scene, ready=ready), out, indent=2)
    fresh.replace(target)


def show(scene: Scene, *, once: bool) -> None:
    """Print where everything is."""
    if once:
        return
    print(f"\nAdmin    {scene.web}/admin/")
    for member in scene.staff.members.values():
        code = f"   second factor {member.totp_secret}" if member.totp_secret else ""
        print(f"         {member.role:<14}{member.user.email:<22}{member.password}{code}")
    print(f"Sandbox  Sharetribe {scene.flex.url}/_sandbox/   PayPal {scene.paypal.url}/_sandbox/")
    print(f"All of it is in {path()}", flush=True)


def _facts(scene: Scene, *, ready: bool) -> dict[str, Any]:
    return {
        "ready": ready,
        "web": scene.web,
        "admin": f"{scene.web}/admin/",
        "api": f"{scene.web}/api/v1/",
        "database_url": os.environ.get("DATABASE_URL", ""),
        "staff": [member.shown() for member in scene.staff.members.values()],
        "payees": [
            {
                "email": f"{seller.first}.{seller.last}@example.com".lower(),
                "password": "",
                "flex_user_id": str(scene.users[seller.first]),
                "flex_token": scene.flex.token(str(scene.users[seller.first])) if ready else "",
            }
            for seller in scene.sellers.values()
        ],
        "sandbox": {name: _sandbox(prefix) for name, prefix in _PREFIXES.items()},
    }


def _sandbox(prefix: str) -> dict[str, str]:
    found = {
        name.removeprefix(prefix).lower(): value
        for name, value in os.environ.items()
        if name.startswith(prefix) and name not in ("FLEX_MARKETPLACE_BASE_URL", "FLEX_DEV_LIMITS")
    }
    return {"url": found.pop("base_url", ""), **found}
