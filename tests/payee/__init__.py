"""The payees' own pages."""
