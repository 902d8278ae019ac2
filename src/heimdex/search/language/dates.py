"""Dates as people type them: 2024, 2024-05, 2024-05-17, 2024-05-17T14:30, yesterday, 7d, 3w, 6mo, 2y."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from heimdex.errors import QueryError

_PERIOD = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")
_AGO = re.compile(r"(\d{1,4})(d|w|mo|y)")


def since(text: str, now: datetime | None = None) -> datetime:
    """The first moment of what is named, local time unless it says otherwise. Raises QueryError."""
    return _period(text, now)[0]


def until(text: str, now: datetime | None = None) -> datetime:
    """The first moment after what is named: `until:2024` includes all of 2024. Raises QueryError."""
    return _period(text, now)[1]


def _period(text: str, now: datetime | None) -> tuple[datetime, datetime]:
    text = text.strip()
    named = _PERIOD.fullmatch(text)
    try:
        if named is not None:
            return _of_calendar(*(int(part) if part else None for part in named.groups()))
        today = (now or datetime.now()).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        if text.lower() in ("today", "yesterday"):
            return _day(today - timedelta(days=text.lower() == "yesterday"))
        ago = _AGO.fullmatch(text.lower())
        if ago is not None:
            return _day(_before(today, int(ago[1]), ago[2]))
        moment = datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError) as error:
        raise QueryError(
            f"{text!r} is no date; write 2024, 2024-05, 2024-05-17, 2024-05-17T14:30, yesterday or 7d"
        ) from error
    return moment, moment


def _of_calendar(year: int | None, month: int | None, day: int | None) -> tuple[datetime, datetime]:
    assert year is not None
    first = datetime(year, month or 1, day or 1)
    if day is not None:
        return _day(first)
    after = datetime(year + 1, 1, 1) if month is None else datetime(year + month // 12, month % 12 + 1, 1)
    return first.astimezone(), after.astimezone()


def _day(midnight: datetime) -> tuple[datetime, datetime]:
    return midnight.astimezone(), (midnight + timedelta(days=1)).astimezone()


def _before(today: datetime, count: int, unit: str) -> datetime:
    """The day so many days, weeks, months or years ago; the last of the month where there is no such day."""
    if unit in ("d", "w"):
        return today - timedelta(days=count * (7 if unit == "w" else 1))
    months = today.year * 12 + today.month - 1 - count * (12 if unit == "y" else 1)
    year, month = divmod(months, 12)
    for day in range(today.day, 27, -1):
        try:
            return datetime(year, month + 1, day)
        except ValueError:
            continue
    return datetime(year, month + 1, min(today.day, 28))
