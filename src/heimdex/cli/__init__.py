"""The `heimdex` command: a door on `heimdex.app`."""

from heimdex.cli.commands import main

__all__ = ["main"]
