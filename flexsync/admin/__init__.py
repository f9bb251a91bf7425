"""What staff see of Sharetribe: events, the cursor, write-backs, calls; and what needs a person."""

from flexsync.admin import events, sources, told

__all__ = ["events", "sources", "told"]
