"""Runs the chaos: the sweep and some storms; or only `--sweep`, or only the storms of `--seed N`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Final

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

_VAR = Path(__file__).resolve().parents[2] / "var"
_PROVIDERS: Final = {"paypal": ("paypal",), "two_step": ("two_step",), "both": ("paypal", "two_step")}
SEEDS: Final = (1, 2, 3)
"""The storms of `./run chaos` alone."""


def main() -> int:
    """Run what is asked for; 0 where nothing was wrong."""
    parser = _parser()
    options = parser.parse_args()
    _warm_up()
    _refuse_nonsense(parser, options)
    # First, since it forks: storms have threads and connections.
    if options.mutants:
        return _try_out(options)
    status = 0 if options.seed else _sweep(options)
    if not options.sweep:
        status |= _storms(options)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--sweep", action="store_true", help="only the sweep: die at every crash point")
    parser.add_argument(
        "--mutants",
        action="store_true",
        help="only show that the proofs can fail",
    )
    parser.add_argument(
        "--mutant",
        default="",
        help="sweep without this safeguard; or its part of --mutants",
    )
    parser.add_argument("--kinds", default="kill,stall,raise,cut,stop", help="the ways to die")
    parser.add_argument("--most", type=int, default=1, help="how many times over each point is visited")
    parser.add_argument("--chain", type=int, default=0, help="how many die in turn in each case; 0: one")
    parser.add_argument(
        "--only",
        default="",
        help="only cases whose name contains this; up to a colon it is a scenario's name",
    )
    parser.add_argument("--jobs", type=int, default=2, help="how many cases at once")
    parser.add_argument("--report", type=Path, default=_VAR / "sweep.json")
    parser.add_argument(
        "--seed", type=int, action="append", help="only the storm of this seed; may be repeated"
    )
    parser.add_argument("--payouts", type=int, default=150, help="how many payouts a storm has")
    parser.add_argument("--seconds", type=float, default=25.0, help="how long everything goes wrong")
    parser.add_argument("--drain", type=float, default=300.0, help="how long it may take to come to its end")
    parser.add_argument("--provider", choices=tuple(_PROVIDERS), default="both")
    return parser


def _refuse_nonsense(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    from tests.chaos.cases import KINDS

    if options.seed and (options.sweep or options.mutants):
        parser.error("--seed runs storms alone: give it without --sweep and --mutants")
    if unknown := set(options.kinds.split(",")) - set(KINDS):
        parser.error(f"--kinds are {', '.join(KINDS)}, and not {', '.join(sorted(unknown))}")


def _sweep(options: argparse.Namespace) -> int:
    from tests.chaos import results, sweep
    from tests.chaos.lives import AS_IS
    from tests.chaos.mutants import MUTANTS

    mutants = {one.name: one.product for one in MUTANTS}
    if options.mutant and options.mutant not in mutants:
        _say(f"There is no mutant {options.mutant!r}. There are: {', '.join(mutants)}.")
        return 2
    report = sweep.sweep(
        kinds=options.kinds.split(","),
        most=options.most,
        chain=options.chain,
        only=options.only,
        jobs=options.jobs,
        say=_say,
        product=mutants[options.mutant] if options.mutant else AS_IS,
    )
    results.write(report.to_json(), options.report)
    for sentence in report.wrong:
        _say(sentence)
    _say(f"{len(report.results)} cases in {report.seconds:.1f} s, {len(report.wrong)} wrong")
    return _status(len(report.results), is_wrong=bool(report.wrong))


def _try_out(options: argparse.Namespace) -> int:
    from tests.chaos import results, trials

    tried = trials.try_out(only=options.mutant, jobs=options.jobs, say=_say)
    results.write({one.mutant.name: one.to_json() for one in tried}, options.report)
    for one in tried:
        _say(f"{one.mutant}: {'; '.join(one.faults) or 'caught'}")
    return _status(len(tried), is_wrong=any(one.faults for one in tried))


def _status(count: int, *, is_wrong: bool) -> int:
    """Nothing that was tried proves nothing."""
    if not count:
        _say("Nothing was tried: no case and no mutant has this name.")
        return 2
    return int(is_wrong)


def _storms(options: argparse.Namespace) -> int:
    from tests.chaos import mix, reporting, telling
    from tests.chaos.storm import Order, Storm

    told, injected = [], []
    for seed in options.seed or SEEDS:
        order = Order(
            seed=seed,
            payouts=options.payouts,
            seconds=options.seconds,
            providers=_PROVIDERS[options.provider],
            drain_s=options.drain,
        )
        record = Storm(order, say=_say).run()
        _say(reporting.table(record))
        _say(f"written to {reporting.write(record)}")
        told.append(reporting.to_json(record))
        injected.append(record.injected)
    if len(told) > 1:
        _say(telling.sums(told))
    never = mix.never(
        injected,
        payouts=options.payouts,
        seconds=options.seconds,
        services=("flex", *_PROVIDERS[options.provider]),
    )
    for sentence in never:
        _say(f"NOT ENOUGH CHAOS in all storms together: {sentence}")
    return 0 if all(one["ok"] for one in told) and not never else 1


def _warm_up() -> None:
    """Import what every case needs, before anything is forked."""
    import importlib

    import django
    from django.conf import settings
    from django.urls import get_resolver

    django.setup()
    get_resolver().url_patterns  # noqa: B018 - imports all views
    for path in (*settings.STAGES.values(), *settings.OUTBOX_HANDLERS.values(), *settings.INVARIANTS):
        importlib.import_module(path.rpartition(".")[0])


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
