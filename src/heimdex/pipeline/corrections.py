"""What people say of an asset where its file says nothing, or something wrong."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any

from psycopg import Connection

from heimdex.errors import UsageError
from heimdex.pipeline.library import find_asset
from heimdex.pipeline.tools import Tools
from heimdex.store import assets

LONGEST_TITLE = 200


class Unsaid(Enum):
    """The value of what a correction does not speak of."""

    UNSAID = auto()


UNSAID = Unsaid.UNSAID


@dataclass(frozen=True, kw_only=True, slots=True)
class Correction:
    """What is to be said; None takes back what was said before, UNSAID leaves it."""

    title: str | Unsaid | None = UNSAID
    taken_at: datetime | Unsaid | None = UNSAID


def correct(tools: Tools, asset: str, correction: Correction) -> str:
    """Write a correction of an asset, named by its id or a path, down; its id.

    Searches by time go by it at once, and no new look at the file undoes it. Raises NotFound, UsageError for
    a title that is empty, too long or holds control characters, and for a time without its zone.
    """
    taken_at = correction.taken_at
    title = _title(correction.title) if isinstance(correction.title, str) else correction.title
    if isinstance(taken_at, datetime) and taken_at.tzinfo is None:
        raise UsageError("the time has no zone; write it as in 2024-05-01T12:00:00+02:00, or end it with Z")
    owner = tools.owner

    def write(connection: Connection[Any]) -> str:
        found = find_asset(connection, owner, asset).asset_id
        if not isinstance(title, Unsaid):
            assets.set_title(connection, owner, found, title)
        if not isinstance(taken_at, Unsaid):
            assets.correct_time(connection, owner, found, taken_at)
        return found

    return tools.database.run(owner, write)


def _title(text: str) -> str:
    title = " ".join(unicodedata.normalize("NFC", text).split())
    if not 1 <= len(title) <= LONGEST_TITLE:
        raise UsageError(f"a title has 1 to {LONGEST_TITLE} characters, this one {len(title)}")
    if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in title):
        raise UsageError("a title is one line of plain text; this one holds control characters")
    return title
