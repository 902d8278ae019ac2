"""Weights on disk: a manifest says what must be there, and nothing is opened that differs from it."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heimdex.errors import ModelError, ModelUnavailable, WeightsCorrupt

MANIFEST = "manifest.json"
READ_BYTES = 1 << 20
MEND = (
    "Run `heimdex models verify`, which mends it, or `heimdex models pull` where it was never installed; "
    "what comes with Heimdex comes back by installing that again."
)

_checked: set[str] = set()  # memo names of this process


@dataclass(frozen=True, kw_only=True, slots=True)
class WeightsFile:
    """A line of the manifest."""

    name: str
    size_bytes: int
    sha256: str
    licence: str  # SPDX
    source: str  # where it was made from


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifiedFile:
    """A file whose content is what its manifest says."""

    path: Path
    sha256: str


def read_manifest(folder: Path) -> tuple[WeightsFile, ...]:
    """What must lie in a weights folder.

    Raises ModelUnavailable where there is no manifest, WeightsCorrupt where it cannot be read.
    """
    path = folder / MANIFEST
    try:
        entries = json.loads(path.read_bytes())["files"]
        return tuple(
            WeightsFile(
                name=str(entry["name"]),
                size_bytes=int(entry["size_bytes"]),
                sha256=str(entry["sha256"]),
                licence=str(entry["licence"]),
                source=str(entry["source"]),
            )
            for entry in entries
        )
    except FileNotFoundError as err:
        raise ModelUnavailable(f"No weights are installed in {folder}. {MEND}") from err
    except (OSError, ValueError, KeyError, TypeError) as err:
        raise WeightsCorrupt(f"{path} cannot be read as a manifest ({err}). {MEND}") from err


def open_weights(folder: Path, name: str, memo_dir: Path | None = None) -> VerifiedFile:
    """A weights file that agrees with its manifest.

    The size is checked each time. The checksum is computed once for a path, size and modification time: that
    it agreed is remembered in this process, and below `memo_dir` for the next ones. Raises ModelUnavailable
    where the file is not there or not in the manifest, WeightsCorrupt where it differs.
    """
    entry = _entry(folder, name)
    path = folder / name
    try:
        facts = path.stat()
    except FileNotFoundError as err:
        raise ModelUnavailable(f"{path} is missing. {MEND}") from err
    except OSError as err:
        raise ModelError(f"{path} cannot be read: {err}") from err
    if facts.st_size != entry.size_bytes:
        raise WeightsCorrupt(f"{path} has {facts.st_size:,} bytes where {entry.size_bytes:,} belong. {MEND}")
    memo = hashlib.sha256(
        f"{path.absolute()}\0{facts.st_size}\0{facts.st_mtime_ns}\0{entry.sha256}".encode()
    ).hexdigest()
    if not _remembered(memo, memo_dir):
        check_file(folder, entry)
        _remember(memo, memo_dir)
    return VerifiedFile(path=path, sha256=entry.sha256)


def check_file(folder: Path, entry: WeightsFile) -> None:
    """Read a whole file and raise WeightsCorrupt where its checksum differs from the manifest's."""
    path = folder / entry.name
    digest = hashlib.sha256()
    try:
        with path.open("rb") as source:
            while piece := source.read(READ_BYTES):
                digest.update(piece)
    except FileNotFoundError as err:
        raise ModelUnavailable(f"{path} is missing. {MEND}") from err
    except OSError as err:
        raise ModelError(f"{path} cannot be read: {err}") from err
    if digest.hexdigest() != entry.sha256:
        raise WeightsCorrupt(f"{path} differs from its manifest (checksum). {MEND}")


def read_arrays(file: VerifiedFile) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz file, by name. Raises WeightsCorrupt where it is not one."""
    try:
        with np.load(io.BytesIO(file.path.read_bytes()), allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, EOFError, ValueError, TypeError, AttributeError, zipfile.BadZipFile) as err:
        raise WeightsCorrupt(f"{file.path} cannot be read as arrays ({err}). {MEND}") from err


def _entry(folder: Path, name: str) -> WeightsFile:
    for entry in read_manifest(folder):
        if entry.name == name:
            return entry
    raise ModelUnavailable(f"{folder / MANIFEST} knows no file {name}. {MEND}")


def _remembered(memo: str, memo_dir: Path | None) -> bool:
    return memo in _checked or (memo_dir is not None and (memo_dir / memo).exists())


def _remember(memo: str, memo_dir: Path | None) -> None:
    _checked.add(memo)
    if memo_dir is None:
        return
    try:
        memo_dir.mkdir(parents=True, exist_ok=True)
        (memo_dir / memo).touch()
    except OSError:
        return  # a folder that cannot be written only means checking again next time
