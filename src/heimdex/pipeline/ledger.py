"""The ledger: who may work on what, what is done, and what a commit needs to be allowed.

A claim is a session advisory lock: it dies with its process. An attempt number is the fencing token: a paused
process whose work was taken over finds a higher number in the row and can write nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from heimdex.entities import Asset, StageRun, StageState
from heimdex.errors import Superseded
from heimdex.store import runs
from heimdex.store.database import Claims, Database
from heimdex.store.runs import RunKey

MAX_ATTEMPTS = 3
"""A failed stage is tried again by later runs, so often in all; then only when asked."""

Write = Callable[[Connection[Any]], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """A stage taken over: its key, its fencing token and when it began."""

    key: RunKey
    number: int
    began_s: float

    @property
    def duration_ms(self) -> float:
        """How long it has been going."""
        return (time.monotonic() - self.began_s) * 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How an attempt ended, and the rows to write with it."""

    attempt: Attempt
    state: StageState
    row_count: int = 0
    error: str | None = None
    write: Write | None = None


class Ledger:
    """The ledger of one owner."""

    def __init__(self, database: Database, owner: str, claims: Claims) -> None:
        self.database = database
        self.owner = owner
        self.claims = claims

    def claim(self, asset_id: str) -> bool:
        """Take the asset for this process, if no other has it."""
        return self.claims.try_claim(claim_key(self.owner, asset_id))

    def release(self, asset_id: str) -> None:
        """Give the asset back."""
        self.claims.release(claim_key(self.owner, asset_id))

    def attend(self) -> None:
        """Show that an index run goes on, for as long as the claims live: what is missing may be to come."""
        self.claims.share(run_key(self.owner))

    def runs_of(self, asset_ids: Iterable[str]) -> dict[str, list[StageRun]]:
        """The entries of some assets."""
        wanted = list(asset_ids)
        found: dict[str, list[StageRun]] = {asset_id: [] for asset_id in wanted}
        for run in self.database.run(
            self.owner, lambda c: runs.runs_of(c, self.owner, wanted), read_only=True
        ):
            found[run.asset_id].append(run)
        return found

    def begin(self, keys: Sequence[RunKey], version: int) -> list[Attempt]:
        """Take stages over. Raises NotFound when an asset is gone."""
        now = time.monotonic()

        def take(connection: Connection[Any]) -> list[Attempt]:
            return [
                Attempt(key=key, number=runs.begin(connection, self.owner, key, version), began_s=now)
                for key in keys
            ]

        return self.database.run(self.owner, take)

    def finish(self, outcomes: Sequence[Outcome]) -> None:
        """Write each attempt's rows and its entry, all in one transaction. Raises Superseded."""

        def commit(connection: Connection[Any]) -> None:
            for outcome in outcomes:
                self._commit(connection, outcome)

        self.database.run(self.owner, commit)

    def finish_each(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Like `finish`, but one that was taken over does not hold up the others. Returns those written."""
        try:
            self.finish(outcomes)
        except Superseded:
            written = []
            for outcome in outcomes:
                with suppress(Superseded):
                    self.finish([outcome])
                    written.append(outcome)
            return written
        return list(outcomes)

    def _commit(self, connection: Connection[Any], outcome: Outcome) -> None:
        attempt = outcome.attempt
        runs.fence(connection, self.owner, attempt.key, attempt.number)
        if outcome.write is not None:
            outcome.write(connection)
        runs.finish(
            connection,
            self.owner,
            attempt.key,
            attempt.number,
            (outcome.state, outcome.row_count, outcome.error, attempt.duration_ms),
        )


def claim_key(owner: str, asset_id: str) -> str:
    """What a claim on an asset is called."""
    return f"{owner}/{asset_id}"


def run_key(owner: str) -> str:
    """What the index runs of an owner hold together while they go on."""
    return f"{owner}/index runs"


def is_current(
    run: StageRun | None, version: int, asset: Asset, *, patient: bool = False, skips: bool = False
) -> bool:
    """Whether a stage needs no run: it ended, on this content, in this version.

    A failure counts as an end when `patient`, or after MAX_ATTEMPTS; having been skipped does where the stage
    would be skipped again, which `skips` says.
    """
    if run is None or run.version != version or run.content_hash != asset.content_hash:
        return False
    if run.state == StageState.FAILED:
        return patient or run.attempt >= MAX_ATTEMPTS
    return run.state in (StageState.DONE, StageState.EMPTY) or (skips and run.state == StageState.SKIPPED)
