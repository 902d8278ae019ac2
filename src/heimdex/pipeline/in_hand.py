"""Assets that a backfill has in hand: claimed, taken over, written to piece by piece, settled or put back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Any

from psycopg import Connection

from heimdex.entities import Keyframe, Refusal, StageState
from heimdex.errors import HeimdexError, NotFound, Superseded
from heimdex.pipeline.flow import PICTURE
from heimdex.pipeline.ledger import Attempt, Ledger
from heimdex.store import assets, backlog, runs, vectors
from heimdex.store.backlog import DueAsset, Wanted
from heimdex.store.runs import RunKey
from heimdex.store.vectors import VectorRow

FAREWELL_S = 2.0  # what putting one asset back may take on the way out


@dataclass(kw_only=True, slots=True)
class InHand:
    """An asset in hand, and the kept frames of its scenes that are still to be encoded."""

    attempt: Attempt
    scenes: list[tuple[Keyframe, ...]]
    over: bool = False  # settled, or lost to somebody else

    @property
    def asset_id(self) -> str:
        """Which asset."""
        return self.attempt.key.asset_id


@dataclass(frozen=True, kw_only=True, slots=True)
class Portion:
    """Rows of one asset for the next commit. `last`: nothing is left to do of it."""

    item: InHand
    rows: tuple[VectorRow, ...] = ()
    last: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """What a commit wrote; `failed` are the assets it settled that have frames without a vector."""

    portions: list[Portion] = field(default_factory=list)
    failed: list[Refusal] = field(default_factory=list)


class Hands:
    """Takes assets in hand for one model, commits what is made of them, and lets go of them."""

    def __init__(self, ledger: Ledger, wanted: Wanted) -> None:
        self.ledger = ledger
        self.wanted = wanted
        self._owner = wanted.owner

    def take(self, asset_ids: Sequence[str]) -> tuple[list[InHand], list[str]]:
        """(those in hand now, those that somebody else has). What is not due any more is in neither."""
        mine = [asset_id for asset_id in asset_ids if self.ledger.claim(asset_id)]
        elsewhere = [asset_id for asset_id in asset_ids if asset_id not in mine]
        held: list[InHand] = []
        try:
            # Only what is claimed can be relied on: another run may have done it since it was looked up.
            look = partial(backlog.look_closely, wanted=self.wanted, asset_ids=mine)
            held = self._begin(self._run(look)) if mine else []
        finally:
            taken = {item.asset_id for item in held}
            for asset_id in mine:
                if asset_id not in taken:
                    self.ledger.release(asset_id)
        return held, elsewhere

    def commit(self, portions: Sequence[Portion]) -> Written:
        """Write portions, all in one transaction; one that was taken over does not hold up the others."""
        try:
            failed = self._run(lambda c: self._write(c, portions))
        except Superseded:
            if len(portions) == 1:
                portions[0].item.over = True
                return Written()
            found = Written()
            for portion in portions:
                alone = self.commit([portion])
                found.portions.extend(alone.portions)
                found.failed.extend(alone.failed)
            return found
        for portion in portions:
            portion.item.over = portion.last
        return Written(portions=list(portions), failed=failed)

    def let_go(self, held: Sequence[InHand]) -> None:
        """Release what is in hand; what is not over is put back for another run, with what was written."""
        for item in held:
            if not item.over:
                with suppress(HeimdexError):  # then its entry stays `running` with nobody at it: stale
                    self.ledger.database.run(
                        self._owner, partial(self._put_back, item=item), patience_s=FAREWELL_S
                    )
            self.ledger.release(item.asset_id)

    def _begin(self, due: Sequence[DueAsset]) -> list[InHand]:
        """Take the stage over, for those that were not removed meanwhile."""
        try:
            return self._take_over(due)
        except NotFound:
            held: list[InHand] = []
            for one in due:
                with suppress(NotFound):
                    held += self._take_over([one])
            return held

    def _take_over(self, due: Sequence[DueAsset]) -> list[InHand]:
        for one in due:
            if one.stale:  # by its row, what an older version made looks like what this one would
                drop = partial(vectors.replace_vectors, owner=self._owner, asset_id=one.asset_id)
                self._run(partial(drop, spaces=self.wanted.spaces, rows=()))
        keys = [
            RunKey(asset_id=one.asset_id, stage=PICTURE.name, model_id=self.wanted.model_id) for one in due
        ]
        attempts = self.ledger.begin(keys, self.wanted.version)
        return [
            InHand(attempt=attempt, scenes=_by_scene(one.frames))
            for attempt, one in zip(attempts, due, strict=True)
        ]

    def _write(self, connection: Connection[Any], portions: Sequence[Portion]) -> list[Refusal]:
        failed: list[Refusal] = []
        for portion in portions:
            item = portion.item
            runs.fence(connection, self._owner, item.attempt.key, item.attempt.number)
            if portion.rows:
                vectors.replace_vectors_of_frames(
                    connection, self._owner, item.asset_id, self.wanted.spaces, portion.rows
                )
            if portion.last:
                failed += self._settle(connection, item)
        return failed

    def _settle(self, connection: Connection[Any], item: InHand) -> list[Refusal]:
        """Enter how the stage ended, as the rows have it."""
        found = backlog.stored(connection, self._owner, item.asset_id, self.wanted.spaces)
        if found.rows != found.frames * self.wanted.width:
            self._put_back(connection, item)
            return []
        state, error = StageState.DONE if found.rows else StageState.EMPTY, None
        if found.failed:
            state = StageState.FAILED
            error = f"{found.failed} of {found.frames} frames have no vector: {found.error}"
        outcome = (state, found.rows, error, item.attempt.duration_ms)
        runs.finish(connection, self._owner, item.attempt.key, item.attempt.number, outcome)
        if error is None:
            return []
        paths = assets.paths_of(connection, self._owner, item.asset_id)
        name = paths[0].path if paths else item.asset_id
        return [Refusal(path=name, stage=PICTURE.name, error=error)]

    def _put_back(self, connection: Connection[Any], item: InHand) -> None:
        key, number = item.attempt.key, item.attempt.number
        found = backlog.stored(connection, self._owner, item.asset_id, self.wanted.spaces)
        backlog.put_back(connection, self._owner, key, number, found.rows)

    def _run(self, work: Callable[[Connection[Any]], Any]) -> Any:
        return self.ledger.database.run(self._owner, work)


def _by_scene(frames: Sequence[Keyframe]) -> list[tuple[Keyframe, ...]]:
    return [tuple(group) for _, group in groupby(frames, key=lambda frame: frame.scene_id)]
