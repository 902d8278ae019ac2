"""The `heimdex` command: a door on `heimdex.app`."""

from heimdex.cli.main import main

__all__ = ["main"]
