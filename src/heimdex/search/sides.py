"""The two sides of a search: what is asked by vectors, and what is asked by words, at once.

    words    ──▶ look-ups ──▶ proposed ─┐            ┌─▶ scores ─┐
                                        ├▶ candidates┤           ├─▶ evidence
    the model ──▶ nearest ──▶ proposed ─┘            └─▶ scores ─┘

Most of a search is waiting, for the model and for the database, and the two have little to wait for from each
other. Each side has a transaction of its own: what one sees and the other does not, because it was written or
removed between them, is scored by one alone, and never wrongly.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from typing import Self

from heimdex.entities import Evidence
from heimdex.search.signals import Scope, Signal

Scores = list[dict[str, Evidence]]
"""Of each signal the evidence for the scenes it says something about."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """Signals that are asked one after the other over one connection."""

    scope: Scope
    signals: Sequence[Signal]

    def propose(self, pool: int) -> list[str]:
        """The scenes that any of them proposes, each at most `pool`; no scene twice."""
        found: dict[str, None] = {}
        for signal in self.signals:
            found |= dict.fromkeys(signal.propose(self.scope, pool))
        return list(found)

    def score(self, scenes: Sequence[str]) -> Scores:
        """What each of them says about scenes."""
        return [signal.score(self.scope, scenes) for signal in self.signals]


class Beside:
    """A side on a thread of its own. Used as a context: at its end the thread has ended too."""

    def __init__(self, make: Callable[[], Side], pool: int) -> None:
        """`make` is called on the thread. What it raises, `propose` raises."""
        self._make, self._pool = make, pool
        self._proposed: Future[list[str]] = Future()
        self._candidates: Future[Sequence[str]] = Future()
        self._scores: Future[Scores] = Future()
        self._thread = threading.Thread(target=self._run, name="search by vectors", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._candidates.cancel()
        self._thread.join()

    def propose(self) -> list[str]:
        """What the side proposes, waited for."""
        return self._proposed.result()

    def begin(self, scenes: Sequence[str]) -> None:
        """Let it score candidates."""
        self._candidates.set_result(scenes)

    def score(self) -> Scores:
        """What it says of them, waited for."""
        return self._scores.result()

    def _run(self) -> None:
        try:
            side = self._make()
            self._proposed.set_result(side.propose(self._pool))
            self._scores.set_result(side.score(self._candidates.result()))
        except CancelledError:
            pass  # who asked has failed, and says why
        except BaseException as error:
            waited_for = self._scores if self._proposed.done() else self._proposed
            waited_for.set_exception(error)
