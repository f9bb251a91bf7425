"""The admin site of the product: staff only, with a second factor."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.http import HttpRequest


class PayoutsAdminConfig(AdminConfig):
    """Django's admin with our own site."""

    default_site = "marketplace_payouts.admin.PayoutsAdminSite"


class PayoutsAdminSite(AdminSite):
    """The back office."""

    site_header = "Marketplace Payouts"
    site_title = "Marketplace Payouts"
    index_title = "Back office"

    def has_permission(self, request: HttpRequest) -> bool:
        """This will let in active staff; with `STAFF_MFA_REQUIRED` only those who have a second factor."""
        from accounts.second_factor import is_satisfied

        return super().has_permission(request) and is_satisfied(request)
