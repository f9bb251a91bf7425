"""What payees see of their money."""
