"""The libraries of the owners, ready to answer: each a view over the same connections and models."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heimdex.app import Heimdex


class Libraries:
    """One `Heimdex` per owner, those used longest ago let go. Thread-safe."""

    def __init__(self, heimdex: Heimdex, *, most: int) -> None:
        self._heimdex = heimdex
        self._most = most
        self._known: OrderedDict[str, Heimdex] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, owner: str) -> Heimdex:
        """The library of an owner (a UUID)."""
        if owner == self._heimdex.owner:
            return self._heimdex
        with self._lock:
            found = self._known.pop(owner, None) or self._heimdex.for_owner(owner)
            self._known[owner] = found
            while len(self._known) > self._most:
                self._known.popitem(last=False)
            return found
