"""What holds for the whole API, whichever app an endpoint belongs to."""
