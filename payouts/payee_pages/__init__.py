"""The payees' own pages: a door like the API. They read what is sent, call the domain once, and show what it gives."""
