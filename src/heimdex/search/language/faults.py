"""An error that points at the spot."""

from __future__ import annotations

import unicodedata

from heimdex.errors import QueryError

BEFORE, SHOWN = 40, 76  # characters of a long query before the spot, and in all


def fault(line: str, start: int, end: int, message: str) -> QueryError:
    """A QueryError with the message, the query, and carets under line[start:end]."""
    first = max(0, start - BEFORE)
    shown = "".join(char if char.isprintable() else " " for char in line[first : first + SHOWN])
    before, spot = shown[: start - first], shown[start - first : max(end, start + 1) - first]
    carets = " " * _columns(before) + "^" * max(1, _columns(spot))
    return QueryError(f"{message}\n  {shown}\n  {carets}")


def _columns(text: str) -> int:
    """How wide a terminal shows it."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.combining(char) > 0 for char in text)
