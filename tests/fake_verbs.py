"""Verbs of the later stages that do as a test tells them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from heimdex.entities import StageState
from heimdex.errors import DamagedFile
from heimdex.pipeline.arrivals import Item
from heimdex.pipeline.flow import DESCRIPTION, SPEECH, TEXT, WRITING, Stage
from heimdex.pipeline.ledger import Attempt, Outcome
from heimdex.pipeline.verb import Verb
from heimdex.pipeline.worker import Report


@dataclass
class Told:
    """What the verbs are to do, and what they did."""

    off: dict[str, str] = field(default_factory=dict)  # stage → why
    fails: set[tuple[str, str]] = field(default_factory=set)  # (stage, end of the path)
    due: set[str] = field(default_factory=set)  # stages that are due for reasons of their own
    waits: dict[str, int] = field(default_factory=dict)  # stage → assets after which it waits
    settles: dict[str, StageState] = field(default_factory=dict)
    models: dict[str, int] = field(default_factory=lambda: defaultdict(lambda: 1))
    ran: list[tuple[str, str]] = field(default_factory=list)  # (stage, path's name)
    during: Callable[[Item, Report], None] | None = None
    closed: int = 0


told = Told()


def forget() -> Told:
    """A fresh page for the next test."""
    told.__init__()  # type: ignore[misc]
    return told


class FakeVerb(Verb):
    stage: Stage

    def __init__(self, _: Any) -> None:
        self.model_id = told.models[self.stage.name]

    def off(self) -> str | None:
        return told.off.get(self.stage.name)

    def waits(self) -> str | None:
        after = told.waits.get(self.stage.name)
        done = sum(stage == self.stage.name for stage, _ in told.ran)
        return "the budget is used up" if after is not None and done >= after else None

    def settles(self, item: Item) -> StageState | None:
        return told.settles.get(self.stage.name)

    def is_due(self, item: Item, run: Any) -> bool:
        return self.stage.name in told.due

    def work(self, item: Item, attempt: Attempt, report: Report) -> Outcome:
        name = item.stamp.text.rsplit("/", 1)[-1]
        told.ran.append((self.stage.name, name))
        if told.during is not None:
            told.during(item, report)
        if (self.stage.name, name) in told.fails:
            raise DamagedFile(f"{self.stage.name} broke on {name}")
        return Outcome(attempt=attempt, state=StageState.DONE, row_count=1)

    def close(self) -> None:
        told.closed += 1


class SpeechVerb(FakeVerb):
    stage = SPEECH


class WritingVerb(FakeVerb):
    stage = WRITING


class DescriptionVerb(FakeVerb):
    stage = DESCRIPTION


class TextVerb(FakeVerb):
    stage = TEXT
