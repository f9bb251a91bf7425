"""The app of people: staff, payees, the marketplace they belong to."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users, roles, payees and the identity of the Sharetribe marketplace."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"
