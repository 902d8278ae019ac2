"""The name of the installation's picture model, for those who ask often and must not wait."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from heimdex.app import Heimdex
from heimdex.errors import HeimdexError

log = logging.getLogger(__name__)

FRESH_S = 2.0  # a name that was read is told for so long
WAIT_S = 0.5  # for the database; then the name known last is told


class DefaultModel:
    """Where the installation's pointer leads to, nothing of any owner's choice. Thread-safe.

    While the database does not answer: the name read last, before there is one that of the settings.
    """

    def __init__(self, heimdex: Heimdex, clock: Callable[[], float] = time.monotonic) -> None:
        self._heimdex, self._clock = heimdex, clock
        self._lock = threading.Lock()
        self._name = heimdex.settings.picture_model
        self._due_s = clock()
        self._under_way: threading.Thread | None = None

    def name(self) -> str:
        """The name; waits no longer than WAIT_S."""
        with self._lock:
            if self._under_way is None and self._clock() >= self._due_s:
                self._under_way = threading.Thread(target=self._read, name="default model", daemon=True)
                self._under_way.start()
            under_way = self._under_way
        if under_way is not None:
            under_way.join(WAIT_S)
        return self._name

    def _read(self) -> None:
        try:
            self._name = self._heimdex.model_change.default()
        except HeimdexError as error:
            log.warning("the picture model in use cannot be read: %s", error)
        finally:
            with self._lock:
                self._due_s = self._clock() + FRESH_S
                self._under_way = None
