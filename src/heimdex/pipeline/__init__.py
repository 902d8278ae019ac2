"""Where the stations meet: files in, rows out."""
