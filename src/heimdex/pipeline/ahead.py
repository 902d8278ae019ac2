"""Vectors made while their film is still being decoded.

A decoder that hands its frames from thread to thread leaves a part of the processor idle. Kept frames are
encoded in it as they are told of; what is ready by the time of the stage `picture` it need not do again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from heimdex.entities import Keyframe
from heimdex.errors import HeimdexError
from heimdex.pipeline.work import Encoded

log = logging.getLogger(__name__)

GROUP = 16  # frames encoded together

Encode = Callable[[Sequence[Keyframe]], list[Encoded]]


@dataclass(kw_only=True, slots=True)
class Made:
    """What was made ahead for some assets."""

    encoded: dict[str, Encoded] = field(default_factory=dict)  # by keyframe id
    suspects: set[str] = field(default_factory=set)  # ids of frames of which one spoilt its group


@dataclass(kw_only=True, slots=True)
class _Film:
    waiting: list[Keyframe] = field(default_factory=list)
    made: Made = field(default_factory=Made)
    running: Future[None] | None = None
    over: bool = False


class Ahead:
    """Encodes in a thread of its own, one group at a time. Thread-safe."""

    def __init__(self, encode: Encode) -> None:
        self._encode = encode
        self._films: dict[str, _Film] = {}
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ahead")

    def add(self, asset_id: str, frames: Iterable[Keyframe]) -> None:
        """Take note of kept frames of a film; once a group of them has come together it is encoded."""
        with self._lock:
            film = self._films.setdefault(asset_id, _Film())
            film.waiting += frames
            if len(film.waiting) >= GROUP and film.running is None:
                self._start(film)

    def take(self, asset_ids: Iterable[str]) -> Made:
        """What is ready for some films, which are then forgotten. Waits for the group that is on its way."""
        together = Made()
        for asset_id in asset_ids:
            film = self._let_go(asset_id)
            if film is None:
                continue
            if film.running is not None:
                film.running.result()
            together.encoded |= film.made.encoded
            together.suspects |= film.made.suspects
        return together

    def rest(self, asset_id: str) -> None:
        """Begin nothing more for a film; wait for the group that is on its way. What is ready stays."""
        with self._lock:
            film = self._films.get(asset_id)
            if film is None:
                return
            film.over = True
            running = film.running
        if running is not None:
            running.result()

    def drop(self, asset_id: str) -> None:
        """Forget a film: what was told of it does not hold."""
        self._let_go(asset_id)

    def close(self) -> None:
        """Begin nothing more and wait for what is on its way."""
        with self._lock:
            for film in self._films.values():
                film.over = True
            self._films.clear()
        self._thread.shutdown(cancel_futures=True)

    def _let_go(self, asset_id: str) -> _Film | None:
        with self._lock:
            film = self._films.pop(asset_id, None)
            if film is not None:
                film.over = True
            return film

    def _start(self, film: _Film) -> None:
        try:
            film.running = self._thread.submit(self._work, film)
        except RuntimeError:  # closed meanwhile
            film.over = True

    def _work(self, film: _Film) -> None:
        with self._lock:
            if film.over:
                return
            group, film.waiting = film.waiting[:GROUP], film.waiting[GROUP:]
        ids = [frame.keyframe_id for frame in group]
        try:
            film.made.encoded |= dict(zip(ids, self._encode(group), strict=True))
        except HeimdexError as error:  # the stage itself finds out which one it was
            log.debug("%d frames could not be encoded ahead: %s", len(group), error)
            film.made.suspects |= set(ids)
        with self._lock:
            film.running = None
            if len(film.waiting) >= GROUP and not film.over:
                self._start(film)
