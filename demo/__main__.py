"""`python -m demo [--once]`: run by `./run demo`, which has started the sandbox, the web server and the cluster."""

from __future__ import annotations

import argparse
import os
import sys


def main() -> int:
    """Play the demo; 0 when everything ended as promised, 1 when something did not."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="nothing is left running afterwards")
    parser.add_argument(
        "--patience",
        type=float,
        default=float(os.environ.get("DEMO_PATIENCE_S", "200")),
        metavar="SECONDS",
        help="after which it is over",
    )
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace_payouts.settings")
    # What the product itself has to say stands in the logs of the web server and of the cluster.
    os.environ.setdefault("LOG_LEVEL", "WARNING")

    import django

    django.setup()

    from demo.play import play

    return 0 if play(once=options.once, patience_s=options.patience) else 1


if __name__ == "__main__":
    sys.exit(main())
