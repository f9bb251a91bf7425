"""The endpoints of the core, under /api/v1/."""
