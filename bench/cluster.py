"""`python -m bench.cluster`: a cluster of the queue, as `manage.py qcluster` starts it."""

from __future__ import annotations

from bench.start import start

if __name__ == "__main__":
    start()

    from django.core.management import call_command

    call_command("qcluster")
