"""PayPal Payouts: `client` speaks PayPal's words, `provider` ours, `webhook` verifies and parses."""
