"""What every page of the back office stands on: read-only pages by role, cells, filters, and acts behind a page."""
