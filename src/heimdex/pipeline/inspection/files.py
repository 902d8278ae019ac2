"""Kept files: whether they are what the rows say and show what they should, and what lies beside them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from heimdex.pipeline.inspection import faults
from heimdex.pipeline.inspection.faults import FaultKind, Finding
from heimdex.pipeline.inspection.jobs import FileLook, KeptLook
from heimdex.pipeline.inspection.subject import FRAME_ROWS, VECTOR_ROWS, Subject, frame_name
from heimdex.store.checked import KeptFiles
from heimdex.store.derived import DerivedFiles, Tree

FOREIGN_LEVELS = 3.0
"""A thumbnail that differs more from its frame shows something else. Of 101 frames of the sample library the
own thumbnails differ by 1.6 at most, those of others by 3.1 at least."""

TEMPORARY = ".part"
THUMBNAIL = "-thumb"


def check_kept(subject: Subject, kept: KeptFiles, look: KeptLook) -> Iterator[Finding]:
    """Whether a kept frame and its thumbnail are what the row says, and show the same."""
    frame = _judge(look.frame, kept.frame_sha256, kept.frame_bytes)
    thumbnail = _judge(look.thumbnail, kept.thumbnail_sha256, kept.thumbnail_bytes)
    files = ((kept.frame_key, look.frame, frame), (kept.thumbnail_key, look.thumbnail, thumbnail))
    name = frame_name(kept)
    for key, file, kind in files:
        if kind is not None:
            why = f" ({file.damage})" if kind is faults.FILE_UNREADABLE else ""
            yield subject.found(kind, f"{name}, {key}{why}", kept.keyframe_id)
    sound = [kind in (None, faults.FILE_SIZE) for _, _, kind in files]
    if sound[0] and (look.frame.width, look.frame.height) != (kept.width, kept.height):
        sizes = f"{kept.width}×{kept.height} on record, {look.frame.width}×{look.frame.height} in the file"
        yield subject.found(faults.FILE_DIMENSIONS, f"{name}, {sizes}", kept.keyframe_id)
    if all(sound) and look.apart is not None and look.apart > FOREIGN_LEVELS:
        yield subject.found(faults.FILE_FOREIGN, f"{name}, {kept.thumbnail_key}", kept.keyframe_id)


def _judge(look: FileLook, sha256: str, size_bytes: int) -> FaultKind | None:
    if look.state != "there":
        return faults.FILE_MISSING if look.state == "missing" else faults.FILE_UNREADABLE
    if look.sha256 != sha256:
        return faults.FILE_ALTERED
    if look.damage is not None:
        return faults.FILE_DAMAGED
    return faults.FILE_SIZE if look.size_bytes != size_bytes else None


def check_folder(
    subject: Subject, kept: Sequence[KeptFiles], derived: DerivedFiles, tree: Tree
) -> Iterator[Finding]:
    """Whether an asset's folder holds what its rows point to, and nothing else."""
    folder = derived.asset_folder(subject.asset_id)
    keys = {key for frame in kept for key in (frame.frame_key, frame.thumbnail_key)}
    homes = {home for home in ((derived.home / key).parent for key in keys) if home.parent == folder}
    for home in sorted(homes):
        if not tree.exists(home):
            yield subject.found(faults.FOLDER_MISSING, derived.key(home))
    current = {home.name for home in homes} | {str(subject.attempt())}
    loose = _Loose(subject, derived, {frame.keyframe_id for frame in kept})
    for entry in tree.entries(folder):
        path = folder / entry.name
        if not entry.is_folder or not entry.name.isdigit():
            yield from loose.files(folder, [entry.name])
        elif entry.name in current:
            names = [file.name for file in tree.entries(path)]
            yield from loose.files(path, [n for n in names if derived.key(path / n) not in keys])
        else:
            places = (f"attempt {entry.name}", *(_stem(file.name) for file in tree.entries(path)))
            yield subject.found(faults.FOLDER_OLD, derived.key(path), *places, target=path)


class _Loose:
    """Files no row points to. A frame with its thumbnail has lost its row; anything else is a leftover."""

    def __init__(self, subject: Subject, derived: DerivedFiles, ids: set[str]) -> None:
        self._subject = subject
        self._derived = derived
        self._ids = ids  # of the kept frames there are

    def files(self, folder: Path, names: Iterable[str]) -> Iterator[Finding]:
        """What these files of a folder are."""
        loose = set(names)
        for name in sorted(loose):
            stem, path = _stem(name), folder / name
            key, places = self._derived.key(path), (stem, f"attempt {folder.name}")
            frame, thumbnail = f"{stem}.jpg", f"{stem}{THUMBNAIL}.jpg"
            if name.endswith(TEMPORARY):
                yield self._subject.found(faults.FILE_TEMPORARY, key, *places, target=path)
            elif {frame, thumbnail} > {name} and {frame, thumbnail} <= loose and self._is_lost(stem):
                if name == frame:
                    rows = (FRAME_ROWS, VECTOR_ROWS)
                    yield self._subject.found(faults.FRAME_LOST, key, *places, *rows)
            else:
                yield self._subject.found(faults.FILE_UNKNOWN, key, *places, target=path)

    def _is_lost(self, stem: str) -> bool:
        return _is_id(stem) and stem not in self._ids


def folders(derived: DerivedFiles, tree: Tree) -> Iterator[tuple[str | None, Path]]:
    """(asset id, path) of everything in the tree of kept files; None for what can be no asset's folder."""
    for prefix in tree.entries(derived.root):
        folder = derived.root / prefix.name
        if not prefix.is_folder:
            yield None, folder
            continue
        for entry in tree.entries(folder):
            path = folder / entry.name
            proper = path == derived.asset_folder(entry.name) and _is_id(entry.name) and entry.is_folder
            yield entry.name if proper else None, path


def _stem(name: str) -> str:
    return name.split(".", maxsplit=1)[0].removesuffix(THUMBNAIL)


def _is_id(name: str) -> bool:
    try:
        return str(uuid.UUID(name)) == name
    except ValueError:
        return False
