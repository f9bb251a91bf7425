"""Send subscribers again what happened in a time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.utils.dateparse import parse_datetime

from marketplace_payouts.lib.clock import database_now
from marketplace_payouts.lib.ids import uuid_or_none
from payouts.models import WebhookSubscription
from payouts.subscriptions.events import EVENTS
from payouts.subscriptions.replaying import Wanted, send_again


class Command(BaseCommand):
    """`manage.py replay_webhooks --since ISO [--until ISO] [--subscription ID] [--type NAME] [--undelivered]`."""

    help = "Sends messages to subscribers again, with the ids and the bytes that they had."

    def add_arguments(self, parser: CommandParser) -> None:
        """This will take the options."""
        parser.add_argument("--since", required=True, help="What happened from this ISO time on.")
        parser.add_argument("--until", help="And until this ISO time; without it, until now.")
        parser.add_argument("--subscription", help="Only to this one, by its id.")
        parser.add_argument(
            "--type", action="append", choices=list(EVENTS), help="Only this; may be repeated."
        )
        parser.add_argument("--undelivered", action="store_true", help="Only what was not delivered.")

    def handle(self, *args: Any, **options: Any) -> None:
        """This will have them sent, and say how many."""
        wanted = Wanted(
            since=_moment("--since", options["since"]),
            until=_moment("--until", options["until"]) if options["until"] else None,
            subscriptions=[_subscription(options["subscription"])] if options["subscription"] else None,
            types=options["type"],
            only_undelivered=options["undelivered"],
        )
        done = send_again(by=None, wanted=wanted, now=database_now(connection)).done
        self.stdout.write(
            f"To be sent again: {', '.join(done)}." if done else "There is nothing of that time."
        )


def _moment(name: str, text: str) -> datetime:
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise CommandError(f"{name} is an ISO time with its zone, such as 2026-01-31T00:00:00+00:00.")
    return found


def _subscription(text: str) -> Any:
    pk = uuid_or_none(text)
    found = WebhookSubscription.objects.filter(pk=pk, ended_at__isnull=True).first() if pk else None
    if found is None:
        known = WebhookSubscription.objects.filter(ended_at__isnull=True).order_by("pk")
        listed = "; ".join(f"{one.pk} is {one}" for one in known) or "there is none"
        raise CommandError(f"No subscription has this id: {listed}.")
    return found.pk
