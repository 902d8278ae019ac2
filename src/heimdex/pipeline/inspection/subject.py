"""An asset under inspection: its rows of a page, and the words a finding about it is told in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from heimdex.entities import StageState
from heimdex.pipeline.flow import EARLY, SCENES, Stage
from heimdex.pipeline.inspection.faults import FaultKind, Finding
from heimdex.store.checked import CheckedAsset, Page, VectorFlaw

Read: TypeAlias = Callable[[Callable[[Any], Any]], Any]
"""Runs a function on a connection, in a read-only transaction."""

SCENE_ROWS, FRAME_ROWS, VECTOR_ROWS = "scene rows", "frame rows", "vector rows"
"""Places that are sorts of rows: where a row is lost, the count of these is off."""

KIND = "kind"
"""The place of what an asset's kind decides; the other facts are places by their names too."""

ENDED = (StageState.DONE, StageState.EMPTY, StageState.SKIPPED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """The model in use; `model_id` is 0 where the database does not know it yet.

    `misstated` are its spaces whose dimension on record is not the model's.
    """

    model_id: int
    name: str
    misstated: frozenset[str] = frozenset()

    def misstates(self, flaw: VectorFlaw) -> bool:
        """Whether it is the space's dimension that is wrong, and not the vector's."""
        return flaw.model_id == self.model_id and flaw.space in self.misstated


class Framed(Protocol):
    """Whatever tells which kept frame it is."""

    @property
    def position(self) -> int:
        """Of its scene."""

    @property
    def start_us(self) -> int:
        """Of its scene."""

    @property
    def rank(self) -> int:
        """Within its scene."""


class Subject:
    """One asset of a page."""

    def __init__(self, page: Page, asset: CheckedAsset, model: Model) -> None:
        self.page = page
        self.asset = asset
        self.model = model
        self.asset_id = asset.asset_id
        self.paths = [path for path in page.paths if path.asset_id == self.asset_id]
        self.entries = [entry for entry in page.ledger if entry.asset_id == self.asset_id]
        self.name = self.paths[0].stamp.text if self.paths else f"asset {self.asset_id}"

    def stored(self, what: str, model_id: int = 0) -> int:
        """How many "scenes", "keyframes", or vectors ("picture") of a model there are."""
        return self.page.stored.get((self.asset_id, what, model_id), 0)

    def waits_for(self, stage: Stage) -> bool:
        """Whether the stage's rows are not to be judged: it, or one before it, is to run when the asset's
        file is there again, or its scenes failed and these are what an earlier run left.
        """
        before = {earlier.name for earlier in EARLY[: EARLY.index(stage) + 1]}
        states = {(entry.stage, entry.state) for entry in self.entries}
        pending = any((name, StageState.PENDING) in states for name in before)
        return (pending and not self.asset.present) or (SCENES.name, StageState.FAILED) in states

    def attempt(self) -> int | None:
        """The attempt whose kept files should be there; None where the stage has not ended well."""
        return next((e.attempt for e in self.entries if e.stage == SCENES.name and e.state in ENDED), None)

    def found(self, kind: FaultKind, where: str = "", *places: str, **rest: object) -> Finding:
        """A finding about this asset, told by its path and `where` in it."""
        return self.found_at(kind, f"{self.name} · {where}" if where else self.name, *places, **rest)

    def found_at(self, kind: FaultKind, where: str, *places: str, **rest: object) -> Finding:
        """A finding about this asset, told by `where` alone."""
        return Finding(
            kind=kind,
            where=where,
            asset_id=self.asset_id,
            places=frozenset(places),
            **rest,  # type: ignore[arg-type]
        )


def clock(us: int) -> str:
    """Microseconds as m:ss.mmm."""
    minutes, rest = divmod(abs(us), 60_000_000)
    return f"{'-' if us < 0 else ''}{minutes}:{rest / 1e6:06.3f}"


def scene_name(position: int, start_us: int) -> str:
    """A scene as people find it."""
    return f"scene {position} ({clock(start_us)})"


def frame_name(frame: Framed) -> str:
    """A kept frame as people find it."""
    return f"{scene_name(frame.position, frame.start_us)}, frame {frame.rank}"


def vector_place(keyframe_id: str, space: str) -> str:
    """One vector, as a place of a finding."""
    return f"{keyframe_id} in {space}"


def model_place(model_id: int) -> str:
    """All vectors of a model, as a place of a finding."""
    return f"vectors of model {model_id}"
