"""The queue in motion: what is to be done, by whichever worker of whichever machine is free."""
