"""The app at the border to Sharetribe."""

from django.apps import AppConfig


class FlexsyncConfig(AppConfig):
    """Hears Sharetribe's events, understands them, re-reads transactions and writes outcomes back."""

    name = "flexsync"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """This will register the system checks."""
        from flexsync import checks  # noqa: F401
