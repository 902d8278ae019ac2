"""How far the stages have come that searches depend on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from heimdex.store.sql import queries

SQL = queries("coverage")


@dataclass(frozen=True, kw_only=True, slots=True)
class StageCoverage:
    """Present assets that a stage is for; of those, how many it is done with, and left out for."""

    wanted: int = 0
    covered: int = 0
    skipped: int = 0


def coverage_of_stages(connection: Connection[Any], owner: str) -> dict[str, StageCoverage]:
    """The coverage of the stages speech, writing and description; those that are for nothing are left out."""
    rows = connection.execute(SQL["coverage_of_stages"], {"owner": owner})
    return {
        stage: StageCoverage(wanted=wanted, covered=covered, skipped=skipped)
        for stage, wanted, covered, skipped in rows
    }
