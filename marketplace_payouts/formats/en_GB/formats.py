"""Times by the clock of 24 hours."""

DATETIME_FORMAT = "j M Y, H:i"
