"""The promises as queries that must find nothing; see `base` for their shape and `running` for what follows."""
