"""What is handed in from outside: received, checked by content, and made an original of the library."""
