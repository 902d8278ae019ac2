"""The jobs of `verify`: what it does to files inside worker processes. Every job gets `report` first."""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from heimdex.entities import Facts, Picture
from heimdex.errors import DamagedFile, HeimdexError, UnreadableFile
from heimdex.media.hashing import content_hash
from heimdex.media.kept import difference, dimensions
from heimdex.media.pictures import read_picture
from heimdex.media.probe import probe
from heimdex.media.recognise import recognise
from heimdex.store.derived import sha256_of

Report = Callable[..., None]


@dataclass(frozen=True, kw_only=True, slots=True)
class FileLook:
    """A file as it is. `state` is there, missing or unreadable; `damage` says why it is no picture."""

    state: str
    size_bytes: int = 0
    sha256: str = ""
    width: int = 0  # px
    height: int = 0
    damage: str | None = None

    @property
    def is_picture(self) -> bool:
        """Whether it can be looked at."""
        return self.state == "there" and self.damage is None


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptLook:
    """A kept frame and its thumbnail; `apart` is how far they differ, in levels, where they were compared."""

    frame: FileLook
    thumbnail: FileLook
    apart: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Original:
    """An original read again: its content's hash where it was asked for, its facts, or why there are none.
    One that is `unreadable` says nothing.
    """

    content_hash: str | None = None
    facts: Facts | None = None
    error: str | None = None
    unreadable: bool = False


def look_at_kept(report: Report, pairs: list[tuple[Path, Path, bool]]) -> list[KeptLook]:
    """What (frame, thumbnail) files are, in order; decoded and compared where the third part says so."""
    found = []
    for frame, thumbnail, closely in pairs:
        found.append(_pair(frame, thumbnail, closely=closely))
        report()
    return found


def read_original(report: Report, path: bytes, max_pixels: int, hashed: bool) -> Original:
    """An original's facts and, where `hashed`, its content's hash."""
    digest = None
    try:
        if hashed:
            digest = content_hash(path, report)
        recognised = recognise(path)
        if recognised is None:
            return Original(content_hash=digest, error="is no media any more")
        facts = probe(path, recognised, max_pixels=max_pixels)
    except UnreadableFile:
        return Original(content_hash=digest, unreadable=True)
    except HeimdexError as error:
        return Original(content_hash=digest, error=str(error))
    return Original(content_hash=digest, facts=facts)


def _pair(frame: Path, thumbnail: Path, *, closely: bool) -> KeptLook:
    frame_look, frame_picture = _file(frame, closely=closely)
    thumbnail_look, thumbnail_picture = _file(thumbnail, closely=closely)
    apart = None
    if frame_picture is not None and thumbnail_picture is not None:
        apart = difference(frame_picture, thumbnail_picture)
    return KeptLook(frame=frame_look, thumbnail=thumbnail_look, apart=apart)


def _file(path: Path, *, closely: bool) -> tuple[FileLook, Picture | None]:
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return FileLook(state="missing"), None
    except OSError as error:
        return FileLook(state="unreadable", damage=error.strerror), None
    if not stat.S_ISREG(status.st_mode):
        return FileLook(state="unreadable", damage="not a regular file"), None
    try:
        digest = sha256_of(path)
    except OSError as error:
        return FileLook(state="unreadable", damage=error.strerror), None
    return _picture(path, status.st_size, digest, closely=closely)


def _picture(path: Path, size_bytes: int, digest: str, *, closely: bool) -> tuple[FileLook, Picture | None]:
    picture = None
    width = height = 0
    damage = None
    try:
        if closely:
            picture = read_picture(path)
            height, width = picture.shape[:2]
        else:
            width, height = dimensions(path)
    except DamagedFile as error:
        damage = str(error)
    look = FileLook(
        state="there", size_bytes=size_bytes, sha256=digest, width=width, height=height, damage=damage
    )
    return look, picture
