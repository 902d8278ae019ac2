"""The threads of an index run: pieces of work are shared among them; what one cannot handle ends the run."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

from heimdex.pipeline.run_context import TICK_S, RunContext

log = logging.getLogger(__name__)


class Crew:
    """As many threads as the run has workers."""

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self._helpers: list[threading.Thread] = []
        self.fatal: BaseException | None = None  # what ended the run

    def share(self, pieces: Iterator[Callable[[], None]]) -> None:
        """Have the threads do the pieces of work, taken one by one: there may be a million of them."""
        run = self._run

        def help_out() -> None:
            while not run.stop.is_set():
                with run.lock:
                    piece = next(pieces, None)
                if piece is None:
                    return
                piece()

        self._helpers = [
            threading.Thread(target=self.guard, args=(help_out,), name=f"scenes-{number}")
            for number in range(run.tools.workers)
        ]
        for helper in self._helpers:
            helper.start()
        for helper in self._helpers:
            while helper.is_alive() and self.fatal is None:
                helper.join(TICK_S)
                run.tally.tell()
                run.check_halt()

    def join(self) -> None:
        """Wait for the threads to end."""
        for helper in self._helpers:
            helper.join()

    def guard(self, work: Callable[..., None], *args: Any) -> None:
        """Run a thread's work; what it cannot handle ends the run."""
        stop = self._run.stop
        if stop.is_set():
            return
        try:
            work(*args)
        except BaseException as error:
            if not stop.is_set():
                log.debug("the run ends", exc_info=True)
                self.fatal = self.fatal or error
            stop.set()
