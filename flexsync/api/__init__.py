"""The endpoints of the REST API that ask Sharetribe about its transactions."""
