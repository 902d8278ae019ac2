"""Folders that hold a repository's files already: a Hugging Face cache, a snapshot, plain files. Only read.

The cache's layout: `models--OWNER--NAME/{blobs/<etag>, snapshots/<commit>/<path>, refs/<revision>}`, where a
snapshot's files are links to blobs, and an etag is the file's SHA-256 or git object id
(huggingface_hub, "Understand caching").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from heimdex.inference.checksums import Checksum
from heimdex.inference.hub_listing import RemoteFile

COMMIT = re.compile(r"[0-9a-f]{40}")
GIT_ID_LENGTH, SHA256_LENGTH = 40, 64


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundFiles:
    """A model's files as they lie in some folder."""

    paths: dict[str, Path]  # by their name in the repository
    missing: tuple[str, ...]
    commit: str | None  # where the folder's name tells


def cached_copies(cache_dir: Path, repository: str, file: RemoteFile) -> Iterator[Path]:
    """Where a cache may hold this very file. What lies there is still to be checked."""
    folder = repository_folder(cache_dir, repository)
    blob = folder / "blobs" / file.checksum.value
    if blob.is_file():
        yield blob
    for snapshot in _folders(folder / "snapshots"):
        path = snapshot / file.name
        if path.is_file():
            yield path


def repository_folder(cache_dir: Path, repository: str) -> Path:
    """The repository's folder in a cache."""
    return cache_dir / f"models--{repository.replace('/', '--')}"


def find_files(folder: Path, repository: str | None, names: tuple[str, ...]) -> FoundFiles:
    """A model's files in a cache, a repository's folder of one, a snapshot or among plain files."""
    places = [folder, *_snapshots(folder)]
    if repository is not None:
        places += _snapshots(repository_folder(folder, repository))
        places += _snapshots(repository_folder(folder / "hub", repository))
    found = [_look(place, names) for place in places]
    return min(found, key=lambda one: len(one.missing))


def stated_checksum(path: Path) -> Checksum | None:
    """What a cache says about a file by the name of its blob; None for files that are no blobs."""
    blob = path.resolve()
    if blob.parent.name != "blobs" or not re.fullmatch(r"[0-9a-f]+", blob.name):
        return None
    if len(blob.name) == SHA256_LENGTH:
        return Checksum(kind="sha256", value=blob.name)
    return Checksum(kind="git", value=blob.name) if len(blob.name) == GIT_ID_LENGTH else None


def _look(place: Path, names: tuple[str, ...]) -> FoundFiles:
    lasts = [PurePosixPath(name).name for name in names]
    paths = {}
    for name, last in zip(names, lasts, strict=True):
        choices = [place / name]
        if lasts.count(last) == 1:  # plain files, their folders lost on the way
            choices.append(place / last)
        path = next((choice for choice in choices if choice.is_file()), None)
        if path is not None:
            paths[name] = path
    return FoundFiles(
        paths=paths,
        missing=tuple(name for name in names if name not in paths),
        commit=place.name if COMMIT.fullmatch(place.name) else None,
    )


def _snapshots(repository: Path) -> list[Path]:
    """Its snapshots, the one `main` stands for first."""
    main = _text(repository / "refs" / "main")
    return sorted(_folders(repository / "snapshots"), key=lambda path: path.name != main)


def _folders(parent: Path) -> list[Path]:
    try:
        return sorted(path for path in parent.iterdir() if path.is_dir())
    except OSError:
        return []


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
