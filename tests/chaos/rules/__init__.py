"""What may happen to an installation, as rules of a state machine: by who does it."""
