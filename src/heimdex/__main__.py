"""`python -m heimdex` is `heimdex`."""

from heimdex.cli import main

if __name__ == "__main__":
    main()
