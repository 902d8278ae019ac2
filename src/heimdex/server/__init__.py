"""The HTTP service: what Heimdex does, for browsers and programs, each caller in its own library."""
