"""The pages of this app in the back office."""

from accounts.admin import access, staff

__all__ = ["access", "staff"]
