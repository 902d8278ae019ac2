"""What is wrong with an installed model's files, found by reading every byte of them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from heimdex.errors import ModelError
from heimdex.inference.checksums import digest_file
from heimdex.inference.staging import safe_name
from heimdex.inference.weights import MANIFEST, WeightsFile, read_manifest

FaultKind = Literal["missing", "truncated", "too long", "flipped", "unreadable", "surplus", "manifest"]
SURPLUS: FaultKind = "surplus"


@dataclass(frozen=True, kw_only=True, slots=True)
class FileFault:
    """A file of a model that is not what its manifest says."""

    file: str
    kind: FaultKind
    detail: str


def installed_commit(folder: Path) -> str | None:
    """The commit an installed model was pulled from; None where it is not known."""
    try:
        commit = json.loads((folder / MANIFEST).read_bytes()).get("commit")
    except (OSError, ValueError, AttributeError):
        return None
    return commit if isinstance(commit, str) and commit else None


def quick_fault(folder: Path, names: tuple[str, ...]) -> FileFault | None:
    """The first thing wrong with a model that shows without reading its files."""
    return next(_faults(folder, names, deep=False, on_bytes=lambda _: None), None)


def find_faults(
    folder: Path, names: tuple[str, ...], *, surplus: bool, on_bytes: Callable[[int], None]
) -> tuple[FileFault, ...]:
    """Everything wrong with a model's files. `on_bytes` gets the size of each file that was read."""
    found = list(_faults(folder, names, deep=True, on_bytes=on_bytes))
    if surplus:
        known = {MANIFEST, *names}
        found += [
            FileFault(file=name, kind=SURPLUS, detail="belongs to nothing")
            for name in sorted(_files(folder))
            if name not in known
        ]
    return tuple(found)


def _faults(
    folder: Path, names: tuple[str, ...], *, deep: bool, on_bytes: Callable[[int], None]
) -> Iterator[FileFault]:
    try:
        entries = {entry.name: entry for entry in read_manifest(folder)}
    except ModelError as err:
        yield FileFault(file=MANIFEST, kind="manifest", detail=str(err))
        return
    for name in names:
        entry = entries.get(name)
        if entry is None:
            yield FileFault(file=name, kind="manifest", detail="the manifest does not know it")
            continue
        fault = _size_fault(folder, entry) or (_content_fault(folder, entry) if deep else None)
        on_bytes(entry.size_bytes)
        if fault is not None:
            yield fault


def _size_fault(folder: Path, entry: WeightsFile) -> FileFault | None:
    path = folder / safe_name(entry.name)
    try:
        size_bytes = path.stat().st_size
    except OSError:
        return FileFault(file=entry.name, kind="missing", detail=f"{entry.size_bytes:,} bytes belong here")
    if size_bytes == entry.size_bytes:
        return None
    return FileFault(
        file=entry.name,
        kind="truncated" if size_bytes < entry.size_bytes else "too long",
        detail=f"{size_bytes:,} bytes where {entry.size_bytes:,} belong",
    )


def _content_fault(folder: Path, entry: WeightsFile) -> FileFault | None:
    try:
        digest = digest_file(folder / safe_name(entry.name))
    except OSError as err:
        return FileFault(file=entry.name, kind="unreadable", detail=str(err.strerror or err))
    if digest.sha256 == entry.sha256:
        return None
    return FileFault(
        file=entry.name, kind="flipped", detail="its bytes differ from what was installed (checksum)"
    )


def _files(folder: Path) -> list[str]:
    links = [Path(place, name) for place, names, _ in os.walk(folder) for name in names]
    paths = [Path(place, name) for place, _, names in os.walk(folder) for name in names]
    return [
        path.relative_to(folder).as_posix()
        for path in (*paths, *(link for link in links if link.is_symlink()))
    ]
