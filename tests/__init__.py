"""The tests; they mirror the apps. `stories` go from an event to a balanced ledger."""
