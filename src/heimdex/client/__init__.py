"""A typed client of the HTTP service."""
