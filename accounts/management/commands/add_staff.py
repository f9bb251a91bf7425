"""Makes a member of staff, or gives one more roles; the way in for the first administrator."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.db import transaction
from django.urls import reverse

from accounts.models import User
from accounts.roles import ROLES


class Command(BaseCommand):
    """`add_staff EMAIL --role administrator`: prints the link by which the person chooses a password."""

    help = "Make a member of staff with roles, and print the link by which they choose their password."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("email")
        parser.add_argument("--name", default="", help="What to call the person.")
        parser.add_argument(
            "--role",
            action="append",
            required=True,
            choices=sorted(ROLES),
            help="May be given several times.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the user, or add the roles to the one that exists."""
        email = options["email"].strip().lower()
        try:
            validate_email(email)
        except ValidationError:
            raise CommandError(f"{email!r} is no e-mail address.") from None
        with transaction.atomic():
            user = User.objects.filter(email=email).first()
            is_new = user is None
            if user is None:
                user = User.objects.create_user(email, is_staff=True, name=options["name"])
            elif not (user.is_staff and user.is_active):
                raise CommandError(
                    f"{email} exists, but is no active member of staff; change that in the admin."
                )
            user.groups.add(*Group.objects.filter(name__in=options["role"]))
        roles = ", ".join(sorted(user.groups.values_list("name", flat=True)))
        self.stdout.write(f"{email} is {roles}.")
        if is_new:
            self.stdout.write(
                f"To choose a password, within {settings.PASSWORD_RESET_TIMEOUT // 86400} days:"
            )
            self.stdout.write(settings.PUBLIC_URL + self._link(user))

    @staticmethod
    def _link(user: User) -> str:
        key = default_token_generator.make_token(user)
        return reverse("account_reset_password_from_key", args=[user_pk_to_url_str(user), key])
