"""Facts in a Delta lake, state in a database, coded columns beside them."""
