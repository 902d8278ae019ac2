"""A labelled file: queries, and the moments that answer them, or nothing.

JSON lines, one query each: {"query": "a dog", "sort": "picture", "moments": [{"path": "2023/dog.jpg"},
{"path": "clip.mp4", "start": 1.0, "end": 4.5}]}; no moments: nothing answers it. `sort` is for the report
alone. Or CSV with the columns query, path, start, end, sort: a row per moment, an empty path for nothing.
Times are in seconds; a path is that of a file in the library, or its last parts.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heimdex.errors import UsageError

ANY_SORT = "any"


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """What answers: a file, or a stretch of it."""

    path: str
    start_us: int | None = None
    end_us: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Labelled:
    """A query and what answers it; no moments: nothing does."""

    query: str
    moments: tuple[Moment, ...]
    sort: str = ANY_SORT


def read_labels(path: Path) -> list[Labelled]:
    """The queries of a file. Raises UsageError where it cannot be read, naming the line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error
    rows = _csv(text) if path.suffix.lower() == ".csv" else _json_lines(text)
    found: dict[str, Labelled] = {}
    for number, row in rows:
        try:
            labelled = _labelled(row)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UsageError(f"{path}, line {number}: not a labelled query ({error!r})") from error
        known = found.get(labelled.query)
        moments = labelled.moments if known is None else known.moments + labelled.moments
        found[labelled.query] = Labelled(query=labelled.query, moments=moments, sort=labelled.sort)
    if not found:
        raise UsageError(f"{path} holds no queries")
    return list(found.values())


def _json_lines(text: str) -> Iterable[tuple[int, Any]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except ValueError as error:
                raise UsageError(f"line {number} is not JSON: {error}") from error


def _csv(text: str) -> Iterable[tuple[int, Any]]:
    for number, row in enumerate(csv.DictReader(text.splitlines()), 2):
        moment = {name: row[name] for name in ("path", "start", "end") if row.get(name)}
        yield number, {"query": row["query"], "sort": row.get("sort"), "moments": [moment] if moment else []}


def _labelled(row: Mapping[str, Any]) -> Labelled:
    query = row["query"].strip()
    if not query:
        raise ValueError("an empty query")
    moments = tuple(
        Moment(
            path=str(moment["path"]),
            start_us=_microseconds(moment.get("start")),
            end_us=_microseconds(moment.get("end")),
        )
        for moment in row["moments"]
    )
    return Labelled(query=query, moments=moments, sort=row.get("sort") or ANY_SORT)


def _microseconds(seconds: Any) -> int | None:
    return None if seconds is None else round(float(seconds) * 1e6)
