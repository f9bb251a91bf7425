"""Everything that speaks to Stripe, and what dj-stripe is allowed to do."""
