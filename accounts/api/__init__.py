"""The ground of the REST API: who calls, what they may, how errors look, and what describes it.

Every app adds its own endpoints, on `views.ApiView`, by an `api_urls` of its own that `marketplace_payouts.urls` names.
"""
