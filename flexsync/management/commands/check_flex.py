"""Says what works between Sharetribe and us, and what to do about the rest."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from flexsync import examination
from marketplace_payouts.lib.clock import utc_now


class Command(BaseCommand):
    help = "Check credentials, identity, decimals, go-live, triggers, the poller and what it costs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """This will declare no options."""

    def handle(self, *args: Any, **options: Any) -> None:
        """This will print one line per finding, with advice, and exit 1 where something is wrong."""
        findings = examination.examine(now=utc_now())
        for one in findings:
            mark = self.style.SUCCESS("ok  ") if one.ok else self.style.ERROR("fix ")
            self.stdout.write(f"{mark} {one.name}: {one.sentence}")
            if not one.ok and one.advice:
                self.stdout.write(f"     → {one.advice}")
        wrong = sum(not one.ok for one in findings)
        if wrong:
            raise CommandError(f"{wrong} of {len(findings)} findings need attention.")
