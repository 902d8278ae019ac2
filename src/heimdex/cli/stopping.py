"""What being asked to stop does: it ends the work under way, and never what tidies up after it."""

from __future__ import annotations

import os
import time

INTERRUPTED = 130  # the exit code: 128 + SIGINT
ECHO_S = 2.0  # so soon after the first a signal is its echo: terminals and wrappers both send it


class Stop:
    """The handler of signals. Asked once, it raises KeyboardInterrupt; asked again later, the process goes.

    While `is_closing` it raises nothing: closing, broken off, would leave the database server behind.
    """

    def __init__(self) -> None:
        self.is_closing = False
        self._asked_s: float | None = None

    def __call__(self, *_: object) -> None:
        """Be asked."""
        if self._asked_s is None:
            self._asked_s = time.monotonic()
            if not self.is_closing:
                raise KeyboardInterrupt
        elif time.monotonic() - self._asked_s > ECHO_S:
            os._exit(INTERRUPTED)


STOP = Stop()
"""The one of this process."""
