"""Dates as people type them; the query language reads them, and options read the same ones."""

from __future__ import annotations

from datetime import datetime


def since(text: str) -> datetime:
    """The first moment of what is named, local time unless it says otherwise. Raises QueryError."""
    from heimdex.search.language import dates  # `--help` needs no search

    return dates.since(text)


def until(text: str) -> datetime:
    """The first moment after what is named: `--until 2024` includes all of 2024. Raises QueryError."""
    from heimdex.search.language import dates

    return dates.until(text)
