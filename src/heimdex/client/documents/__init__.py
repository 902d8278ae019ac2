"""The documents of the HTTP interface: what goes in, what comes out, with examples."""
