"""Marketplace Payouts pays the sellers of a Sharetribe marketplace."""
