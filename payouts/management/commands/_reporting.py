"""How commands print a report and end."""

from __future__ import annotations

import sys
from typing import NoReturn

from django.core.management.base import OutputWrapper

from payouts.reports import Report


def finish(report: Report, stdout: OutputWrapper) -> NoReturn:
    """This will print the report, and end with 0 if all is well and 1 if not."""
    stdout.write(report.to_json())
    sys.exit(0 if report.ok else 1)
