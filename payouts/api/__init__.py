"""The endpoints of the REST API about payouts and what makes us owe them."""
