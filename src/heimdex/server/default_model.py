"""The name of the installation's picture model, for those who ask often and must not wait."""

from __future__ import annotations

import logging

from heimdex.app import Heimdex
from heimdex.errors import HeimdexError
from heimdex.server.standing import Pace, Standing

log = logging.getLogger(__name__)

FRESH_S = 2.0  # a name that was read is told for so long
WAIT_S = 0.5  # for the database; then the name known last is told


class DefaultModel:
    """Where the installation's pointer leads to, nothing of any owner's choice. Thread-safe.

    While the database does not answer: the name read last, before there is one that of the settings.
    """

    def __init__(self, heimdex: Heimdex) -> None:
        self._heimdex = heimdex
        pace = Pace(thread="default model", wait_s=WAIT_S, rest_s=lambda _: FRESH_S)
        self._standing = Standing(self._read, heimdex.settings.picture_model, pace)

    def name(self) -> str:
        """The name; waits no longer than WAIT_S."""
        return self._standing.value()

    def _read(self, before: str) -> str:
        try:
            return self._heimdex.model_change.default()
        except HeimdexError as error:
            log.warning("the picture model in use cannot be read: %s", error)
            return before
