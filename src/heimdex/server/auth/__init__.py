"""Who asks: keys, sessions, the one user of a machine, and what each of them may do."""
