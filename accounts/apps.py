"""The app of people: staff, payees, the marketplace they belong to."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users, roles, payees and the identity of the Sharetribe marketplace."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """This will hear of second factors that are set up."""
        from allauth.mfa.signals import authenticator_added

        from accounts import second_factor

        authenticator_added.connect(second_factor.remember_new)
