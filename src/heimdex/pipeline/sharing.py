"""An index run that many workers share: a survey of what there is, parts, and what follows at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from heimdex.entities import FileStamp, Refusal
from heimdex.media.walk import walk
from heimdex.pipeline import models
from heimdex.pipeline.arrivals import Arrivals
from heimdex.pipeline.indexing import finish_library
from heimdex.pipeline.run_context import IndexOptions
from heimdex.pipeline.tools import Tools

FILES_A_PART = 24  # new ones
BYTES_A_PART = 2 << 30  # of new ones
KNOWN_A_PART = 500  # that stand in the record as they are: most are done


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """What lies below some folders, as lists of files that belong together, and what cannot be looked at."""

    parts: tuple[tuple[bytes, ...], ...]
    refusals: tuple[Refusal, ...]


def survey(
    tools: Tools, options: IndexOptions, roots: Sequence[bytes], check_stop: Callable[[], None]
) -> Survey:
    """Walk, compare with the record, and divide among many. `check_stop` may raise at any file."""
    stamps: list[FileStamp] = []
    refusals: list[Refusal] = []
    for found in walk(roots, hidden=options.hidden):
        check_stop()
        if isinstance(found, Refusal):
            refusals.append(found)
        else:
            stamps.append(found)
    arrivals = Arrivals(tools)
    arrivals.sweep()
    arriving = arrivals.sort(stamps, retry=options.retry).arriving
    new = {stamp.path for stamp in arriving}
    known = [stamp.path for stamp in stamps if stamp.path not in new]
    parts = [*divided(arriving), *in_portions(known, KNOWN_A_PART)]
    return Survey(parts=tuple(parts), refusals=tuple(refusals))


def divided(stamps: Sequence[FileStamp]) -> list[tuple[bytes, ...]]:
    """New files in parts of FILES_A_PART or BYTES_A_PART, in their order."""
    parts: list[tuple[bytes, ...]] = []
    part: list[bytes] = []
    size_bytes = 0
    for stamp in stamps:
        if part and (len(part) == FILES_A_PART or size_bytes + stamp.size_bytes > BYTES_A_PART):
            parts.append(tuple(part))
            part, size_bytes = [], 0
        part.append(stamp.path)
        size_bytes += stamp.size_bytes
    return [*parts, tuple(part)] if part else parts


def in_portions(paths: Sequence[bytes], size: int) -> list[tuple[bytes, ...]]:
    """So many at a time."""
    return [tuple(paths[start : start + size]) for start in range(0, len(paths), size)]


def conclude(tools: Tools, options: IndexOptions, roots: Sequence[bytes]) -> int:
    """What follows when all parts have ended: marks what is missing, how many, and finishes the library."""
    missing = Arrivals(tools).mark_missing(roots, ()) if roots else 0
    model = tools.database.run(tools.owner, lambda c: models.register(c, tools.model))
    finish_library(tools, model, options)
    return missing
