"""Wise: transfers out of a balance, in committed steps from quote to funding."""
