"""What a change of the picture model is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from heimdex.errors import UsageError


@dataclass(frozen=True, kw_only=True, slots=True)
class StartOptions:
    """Whom a change reaches, and how careful it is. Neither owners nor percent: the whole installation."""

    owners: tuple[str, ...] = ()  # UUIDs; theirs alone, whatever the installation uses
    percent: int | None = None  # of the owners, told by their ids; for a gradual roll-out
    keep_days: int = 30  # vectors of the model that is left stay so long
    sample: int = 64  # kept frames whose vectors are computed again
    most_failed: float = 0.05  # share of the pictures that the new model may fail on

    def check(self) -> None:
        """Raises UsageError."""
        if self.owners and self.percent is not None:
            raise UsageError("Give --owners or --percent, not both.")
        if self.percent is not None and not 1 <= self.percent <= 100:
            raise UsageError(f"--percent is {self.percent}; it goes from 1 to 100")
        if self.keep_days < 0 or not 0 <= self.most_failed <= 1 or self.sample < 0:
            raise UsageError("--keep-days and --sample start at 0; --most-failed goes from 0 to 1")


def options_of(arguments: Mapping[str, Any]) -> StartOptions:
    """The options among a job's arguments; those that are not there as they are by default."""
    known = {field.name for field in fields(StartOptions)}
    given = {name: value for name, value in arguments.items() if name in known and value is not None}
    return StartOptions(**given | {"owners": tuple(given.get("owners", ()))})


def arguments_of(options: StartOptions) -> dict[str, Any]:
    """The options as a job's arguments: those that are not as they are by default."""
    plain = StartOptions()
    given = {field.name: getattr(options, field.name) for field in fields(StartOptions)}
    told = {name: value for name, value in given.items() if value != getattr(plain, name)}
    return told | ({"owners": list(options.owners)} if options.owners else {})
