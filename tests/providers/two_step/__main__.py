"""Starts the service: `python -m tests.providers.two_step [--port N]`; the first line on stdout says where it is."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from sandbox.core.process import print_line, serve, stop_event
from tests.providers.two_step.service import TwoStepService


async def _run(options: argparse.Namespace) -> None:
    await serve(
        TwoStepService,
        port=options.port,
        seed=options.seed,
        state=options.state,
        webhook_url=options.webhook_url,
        until=stop_event(with_parent=options.with_parent),
        announce=print_line,
    )


def main() -> None:
    """Run until told to stop."""
    parser = argparse.ArgumentParser(prog="two_step")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--state", type=Path)
    parser.add_argument("--webhook-url")
    parser.add_argument("--with-parent", action="store_true")
    asyncio.run(_run(parser.parse_args()))


main()
