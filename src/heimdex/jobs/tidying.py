"""What workers do besides jobs, now and then: remove the vectors of models whose days are over."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heimdex.store.database import Database

log = logging.getLogger(__name__)

TURN = "tidying"
"""Whose turn it is holds this claim for as long as it lives: of all workers, one."""


class Tidying:
    """One worker's part in it. Not thread-safe; close it before the database."""

    def __init__(self, database: Database, check_stop: Callable[[], object]) -> None:
        """`check_stop` may raise at any piece of work; what was removed until then is removed."""
        self._database, self._check_stop = database, check_stop
        self._claims = database.claims()

    def look(self) -> bool:
        """Do what is due, if it is this worker's turn; whether it is. Raises StoreError, ChangeRefused."""
        from heimdex.pipeline import pruning

        if not self._claims.held(TURN) and not self._claims.try_claim(TURN):
            self._claims.close()  # others need no connection for it
            return False
        if pruning.is_due(self._database):
            for pruned in pruning.prune(self._database, self._check_stop):
                log.info("%s was left long ago: %d vectors removed", pruned.model, pruned.vectors)
        return True

    def close(self) -> None:
        """Let another worker have the turn."""
        self._claims.close()
