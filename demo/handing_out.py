"""Where everything is and how to get in: printed, and written to `var/demo.json` for tools."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from django.conf import settings

from demo.scene import Scene

_ADDRESSES = {"flex": "FLEX_BASE_URL", "paypal": "PAYPAL_BASE_URL", "stripe": "STRIPE_API_HOST"}
_NOT_THEIRS = ("FLEX_MARKETPLACE_BASE_URL", "FLEX_DEV_LIMITS")


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
    print(f"Payees   {scene.web}/payee/")
    print(
        f"         log in as {scene.sellers['Willi'].email}, or as any other seller by their address in Sharetribe"
    )
    print(f'         the code is in the newest mail: cat "$(ls -t {scene.mailbox.folder}/* | head -1)"')
    print(f"API      {scene.web}/api/")
    for account in scene.accounts.values():
        print(f"         an account of ours  {account.email:<22}{account.password}")
    shown = {"Sharetribe": scene.flex, "PayPal": scene.paypal, "Stripe": scene.stripe}
    print("Sandbox  " + "   ".join(f"{name} {one.url}/_sandbox/" for name, one in shown.items()))
    print(f"All of it is in {path()}", flush=True)


def _facts(scene: Scene, *, ready: bool) -> dict[str, Any]:
    return {
        "ready": ready,
        "web": scene.web,
        "admin": f"{scene.web}/admin/",
        "api": f"{scene.web}/api/v1/",
        "payee": f"{scene.web}/payee/",
        "mails": str(scene.mailbox.folder),
        "database_url": os.environ.get("DATABASE_URL", ""),
        "staff": [member.shown() for member in scene.staff.members.values()],
        "payees": [
            {
                "email": seller.email,
                "password": scene.accounts[seller.first].password if seller.first in scene.accounts else "",
                "flex_user_id": str(scene.users[seller.first]),
                "flex_token": scene.flex.token(str(scene.users[seller.first])) if ready else "",
            }
            for seller in scene.sellers.values()
        ],
        "sandbox": {name: _sandbox(name) for name in _ADDRESSES},
    }


def _sandbox(name: str) -> dict[str, str]:
    address, prefix = _ADDRESSES[name], f"{name.upper()}_"
    credentials = {
        variable.removeprefix(prefix).lower(): value
        for variable, value in os.environ.items()
        if variable.startswith(prefix) and variable not in (address, *_NOT_THEIRS)
    }
    return {"url": os.environ[address], **credentials}
