"""What was loaded stays loaded, within a memory budget and for a time."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from heimdex.errors import ModelError

Key = TypeVar("Key", bound=Hashable)
Thing = TypeVar("Thing")

TTL_S = 300.0
BUDGET_BYTES = 4 << 30


@dataclass(kw_only=True)
class _Place(Generic[Thing]):
    """A thing that is loaded, or being loaded."""

    size_bytes: int
    thing: Thing | None = None
    error: Exception | None = None
    ready: threading.Event
    users: int = 0
    used_s: float = 0.0  # when it was last let go, on the cache's clock


class WarmCache(Generic[Key, Thing]):
    """Loaded things by key. Safe to use from many threads; a thing itself need not be.

    How large a thing is must be said before it is loaded (`size_of`, bytes), so that room is made first and
    the budget holds at its peak too. Room is made by letting go what was used longest ago and is not in use;
    where all is in use, the budget is overrun rather than a query refused. What nobody used for `ttl_s`
    seconds is let go by a timer; math.inf: never.
    """

    def __init__(
        self,
        load: Callable[[Key], Thing],
        size_of: Callable[[Key], int],
        *,
        let_go: Callable[[Thing], None] = lambda _: None,
        budget_bytes: int = BUDGET_BYTES,
        ttl_s: float = TTL_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load, self._size_of, self._let_go = load, size_of, let_go
        self.budget_bytes, self.ttl_s = budget_bytes, ttl_s
        self._clock = clock
        self._places: OrderedDict[Key, _Place[Thing]] = OrderedDict()  # used longest ago first
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._closed = False
        self.hits = 0  # asked for and there, or being loaded
        self.loads = 0

    @contextmanager
    def hold(self, key: Key) -> Iterator[Thing]:
        """The thing of a key, loaded where it is not; it stays while it is held.

        Of several who want the same one, the first loads it and the others wait. What loading raises, all of
        them get; the next to ask tries again.
        """
        place = self._enter(key)
        try:
            yield self._loaded(key, place)
        finally:
            self._leave(key, place)

    @property
    def held_bytes(self) -> int:
        """What is loaded, or being loaded, takes."""
        with self._lock:
            return sum(place.size_bytes for place in self._places.values())

    def keys(self) -> list[Key]:
        """What is loaded, used longest ago first."""
        with self._lock:
            return list(self._places)

    def sweep(self) -> None:
        """Let go what nobody used for as long as `ttl_s`."""
        with self._lock:
            now = self._clock()
            old = [
                key
                for key, place in self._places.items()
                if not place.users and now - place.used_s >= self.ttl_s
            ]
            gone = [self._places.pop(key) for key in old]
            self._timer = None
            self._wait_for_the_next()
        self._drop(gone)

    def close(self) -> None:
        """Let go everything that is not in use, now; the rest when its user is done."""
        with self._lock:
            self._closed = True
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            idle = [key for key, place in self._places.items() if not place.users]
            gone = [self._places.pop(key) for key in idle]
        self._drop(gone)

    def _enter(self, key: Key) -> _Place[Thing]:
        size_bytes = self._size_of(key)
        with self._lock:
            place = self._places.get(key)
            gone = []
            if place is None:
                gone = self._make_room(size_bytes)
                place = _Place(size_bytes=size_bytes, ready=threading.Event())
                self._places[key] = place
                self.loads += 1
                mine = True
            else:
                self._places.move_to_end(key)
                self.hits += 1
                mine = False
            place.users += 1
        self._drop(gone)
        if mine:
            self._fill(key, place)
        return place

    def _fill(self, key: Key, place: _Place[Thing]) -> None:
        try:
            place.thing = self._load(key)
        except BaseException as err:
            # Those who wait must hear of it; what interrupted this thread (Ctrl-C) is not theirs.
            interrupted = ModelError("Loading was interrupted; ask again.")
            place.error = err if isinstance(err, Exception) else interrupted
            with self._lock:
                self._places.pop(key, None)
            if place.error is interrupted:
                raise
        finally:
            place.ready.set()

    def _loaded(self, key: Key, place: _Place[Thing]) -> Thing:
        place.ready.wait()
        if place.error is not None:
            raise place.error
        assert place.thing is not None, key
        return place.thing

    def _leave(self, key: Key, place: _Place[Thing]) -> None:
        gone = []
        with self._lock:
            place.users -= 1
            place.used_s = self._clock()
            if not place.users and self._places.get(key) is place:
                if self._closed:
                    gone = [self._places.pop(key)]
                elif self._over(0):  # overrun while all was in use
                    gone = self._make_room(0)
            self._wait_for_the_next()
        self._drop(gone)

    def _make_room(self, size_bytes: int) -> list[_Place[Thing]]:
        gone = []
        for key in list(self._places):
            if not self._over(size_bytes):
                break
            if not self._places[key].users:
                gone.append(self._places.pop(key))
        return gone

    def _over(self, size_bytes: int) -> bool:
        return sum(place.size_bytes for place in self._places.values()) + size_bytes > self.budget_bytes

    def _wait_for_the_next(self) -> None:
        """Have the timer go off when the first of those not in use is due."""
        idle = [place.used_s for place in self._places.values() if not place.users]
        if self._timer is not None or not idle or self._closed or math.isinf(self.ttl_s):
            return
        due_s = max(min(idle) + self.ttl_s - self._clock(), 0.05)
        self._timer = threading.Timer(due_s, self.sweep)
        self._timer.daemon = True  # nothing waits for memory to be given back
        self._timer.start()

    def _drop(self, places: list[_Place[Thing]]) -> None:
        for place in places:
            if place.thing is not None:
                self._let_go(place.thing)
                place.thing = None
