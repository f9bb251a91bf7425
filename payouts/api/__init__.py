"""The endpoints of the core, under /api/v1/: payouts, and what makes us owe them."""
