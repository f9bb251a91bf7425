"""The command line: `python -m sandbox SERVICE [options]`, or `python -m sandbox all`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from sandbox.core.process import CannotStart, existing, run_all, run_one
from sandbox.core.webhooks import is_loopback


def main(words: list[str] | None = None) -> int:
    """Run what was asked for until it is told to stop."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("service", choices=[*existing(), "all"])
    parser.add_argument("--port", type=int, help="0 picks a free one (with `all`, the only value)")
    parser.add_argument("--seed", type=int, help="makes ids and fates repeatable")
    parser.add_argument("--state", type=Path, help="the file that remembers what happened across restarts")
    parser.add_argument("--webhook-url", help="where events go, http on loopback")
    parser.add_argument("--with-parent", action="store_true", help="stop when the parent process is gone")
    asked = parser.parse_args(words)
    if asked.webhook_url and not is_loopback(asked.webhook_url):
        parser.error("--webhook-url must be plain http on loopback")
    if asked.service == "all":
        if asked.port or asked.webhook_url:
            parser.error("with `all` each service has its own port (or --port 0) and webhook address")
        return asyncio.run(
            run_all(
                random_ports=asked.port == 0,
                seed=asked.seed,
                state=asked.state,
                with_parent=asked.with_parent,
            )
        )
    try:
        asyncio.run(
            run_one(
                asked.service,
                port=asked.port,
                seed=asked.seed,
                state=asked.state,
                webhook_url=asked.webhook_url,
                with_parent=asked.with_parent,
            )
        )
    except CannotStart as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
