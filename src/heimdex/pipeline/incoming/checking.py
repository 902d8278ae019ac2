"""What a file that was received is, by its content. Only worker processes look at its bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from heimdex.errors import DamagedFile, UnknownFormat, UnreadableFile, WorkersUnavailable
from heimdex.media.probe import probe
from heimdex.media.recognise import recognise
from heimdex.pipeline.workers import WorkerPool

CHECKING = "heimdex.pipeline.incoming.checking"
CHECK_TIMEOUT_S = 60.0
LEAST_BYTES_PER_S = 20 << 20  # of files whose length is known only at their end


def check(pool: WorkerPool, path: Path, max_pixels: int) -> None:
    """Raise what is wrong with a file: UnknownFormat, DamagedFile, OversizedPicture, WorkerError.

    Raises WorkersUnavailable where it cannot be looked at now.
    """
    timeout_s = CHECK_TIMEOUT_S + path.stat().st_size / LEAST_BYTES_PER_S
    try:
        pool.call(f"{CHECKING}:check_job", path, max_pixels, timeout_s=timeout_s)
    except UnreadableFile as error:  # ours, and just written: the fault is this machine's
        raise WorkersUnavailable(f"the upload cannot be read here: {error}") from error


def check_job(report: Callable[[], None], path: Path, max_pixels: int) -> None:
    """Recognise and probe, in a worker."""
    report()
    if path.stat().st_size == 0:
        raise UnknownFormat("is empty (0 bytes); send it again")
    found = recognise(bytes(path))
    if found is None:
        raise UnknownFormat("is no picture, film or sound known here")
    report()
    facts = probe(bytes(path), found, max_pixels=max_pixels)
    if not facts.width and not facts.duration_us:
        raise DamagedFile("holds neither a picture nor sound that can be read")
