"""Dates as people type them: 2024, 2024-05, 2024-05-17, 2024-05-17T14:30."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from heimdex.errors import QueryError

_PERIOD = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")


def since(text: str) -> datetime:
    """The first moment of what is named, local time unless it says otherwise. Raises QueryError."""
    return _period(text)[0]


def until(text: str) -> datetime:
    """The first moment after what is named: `--until 2024` includes all of 2024. Raises QueryError."""
    return _period(text)[1]


def _period(text: str) -> tuple[datetime, datetime]:
    named = _PERIOD.fullmatch(text.strip())
    try:
        if named is None:
            moment = datetime.fromisoformat(text.strip()).astimezone()
            return moment, moment
        year, month, day = (int(part) if part else None for part in named.groups())
        assert year is not None
        first = datetime(year, month or 1, day or 1).astimezone()
        if day is not None:
            after = datetime(year, month or 1, day) + timedelta(days=1)
        elif month is not None:
            after = datetime(year + month // 12, month % 12 + 1, 1)
        else:
            after = datetime(year + 1, 1, 1)
        return first, after.astimezone()
    except (ValueError, OverflowError) as error:
        raise QueryError(
            f"{text!r} is no date; write 2024, 2024-05, 2024-05-17 or 2024-05-17T14:30"
        ) from error
