"""A model taken in from a folder, for machines without internet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from heimdex.errors import ModelError, ModelUnavailable, WeightsCorrupt
from heimdex.inference.checksums import READ_BYTES, Digest, digest_file
from heimdex.inference.hub_cache import FoundFiles, find_files, stated_checksum
from heimdex.inference.installing import OnTransfer, Outcome, Transfer, Wanted, finish, must_fit
from heimdex.inference.model_faults import installed_commit
from heimdex.inference.staging import Staging, size_of, writing
from heimdex.inference.weights import MANIFEST, read_manifest


def look_for(wanted: Wanted, source: Path) -> FoundFiles:
    """A model's files in a folder: a Hugging Face cache or snapshot, a models folder, plain files.

    Raises ModelUnavailable where there is no such folder.
    """
    if not source.is_dir():
        raise ModelUnavailable(f"There is no folder {source} to import from.")
    inside = find_files(source / wanted.name, wanted.repository, wanted.files)  # it may be a models folder
    found = find_files(source, wanted.repository, wanted.files)
    return inside if len(inside.missing) < len(found.missing) else found


def take_in(
    wanted: Wanted, found: FoundFiles, source: Path, staging: Staging, on_transfer: OnTransfer
) -> Outcome:
    """Install what was found; the staging place is locked by the caller.

    The files are copied, and checked against a manifest of Heimdex beside them or against the names of a
    cache's blobs; where there is neither, what they are is recorded. Raises ModelUnavailable naming what is
    missing, WeightsCorrupt where a file is not what it should be.
    """
    if found.missing:
        origin = f" ({wanted.repository})" if wanted.repository else ""
        raise ModelUnavailable(
            f"{source} lacks {', '.join(found.missing)} for {wanted.name}{origin}. It needs all of: "
            f"{', '.join(wanted.files)}."
        )
    total_bytes = sum(size_of(path) for path in found.paths.values())
    must_fit(staging.final.parent, total_bytes)
    digests: dict[str, Digest] = {}
    done_bytes = 0
    for name, path in found.paths.items():
        on_transfer(
            Transfer(
                model=wanted.name, step="checking", file=name, done_bytes=done_bytes, total_bytes=total_bytes
            )
        )
        digests[name] = _copied(staging, name, path)
        done_bytes += digests[name].size_bytes
    beside = _folder_of(found.paths[wanted.files[0]], wanted.files[0])
    commit = found.commit or installed_commit(beside)
    return finish(wanted, staging, digests, commit=commit, described=_described(beside))


def _copied(staging: Staging, name: str, source: Path) -> Digest:
    target = staging.path(name)
    with writing(staging.folder):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)  # it may be a hard link to somebody else's file
        with target.open("wb") as copy:
            copy.writelines(_pieces(source))
        digest = digest_file(target, git=True)
    stated = stated_checksum(source)
    if (stated is None or digest.agrees(stated)) and _recorded(source, name) in (None, digest.sha256):
        return digest
    with writing(staging.folder):
        target.unlink()
    raise WeightsCorrupt(f"{source} is damaged: its checksum is another. Copy it again.")


def _pieces(source: Path) -> Iterator[bytes]:
    try:
        with source.open("rb") as original:
            while piece := original.read(READ_BYTES):
                yield piece
    except OSError as err:
        raise ModelError(f"{source} cannot be read ({err.strerror or err}).") from err


def _recorded(source: Path, name: str) -> str | None:
    """The SHA-256 that a manifest in the folder a file was found in states."""
    try:
        entries = read_manifest(_folder_of(source, name))
    except ModelError:
        return None
    return next((entry.sha256 for entry in entries if entry.name == name), None)


def _described(folder: Path) -> dict[str, Any] | None:
    """The row in the manifest of a model that was made elsewhere; None for those of the catalog."""
    try:
        row = json.loads((folder / MANIFEST).read_bytes()).get("row")
    except (OSError, ValueError, AttributeError):
        return None
    return row if isinstance(row, dict) else None


def _folder_of(source: Path, name: str) -> Path:
    """The folder that a file lies in under its name in the repository."""
    folder = source
    for _ in Path(name).parts:
        folder = folder.parent
    return folder
