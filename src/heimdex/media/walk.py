# ruff: noqa: PTH114, PTH116
"""Roots become file stamps. Names are bytes; nothing is opened here, so a pipe or a device cannot block."""

# Names are bytes, which pathlib does not take: hence os.
from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator

from heimdex.entities import FileStamp, Refusal
from heimdex.media.files import shown, unreadable
from heimdex.media.formats import claims_media

STAGE = "walk"
LEADS_NOWHERE = "is a link that leads nowhere; mend or remove it"
FOLDER_NAMED_AS_FILE = "is a folder with a media file's name; what is in it is indexed; rename the folder"

# Written by systems and programs beside media, never by people: skipped even where hidden files are wanted.
JUNK_FOLDERS = frozenset(
    {
        b"@eaDir",
        b"#recycle",
        b"#snapshot",
        b"$RECYCLE.BIN",
        b"System Volume Information",
        b"lost+found",
        b"__MACOSX",
        b".AppleDouble",
        b".DocumentRevisions-V100",
        b".Spotlight-V100",
        b".TemporaryItems",
        b".Trashes",
        b".fseventsd",
        b".thumbnails",
        b".git",
    }
)
JUNK_FILES = frozenset({b".DS_Store", b"Thumbs.db", b"ehthumbs.db", b"desktop.ini"})
JUNK_PREFIXES = (b"._", b".Trash")

Found = FileStamp | Refusal


def walk(roots: Iterable[bytes], *, hidden: bool = False) -> Iterator[FileStamp | Refusal]:
    """Every file below the roots, as absolute paths, each path once, in an order that does not change.

    A root is a file or a folder; what is named as a root is met even where it is hidden. Entries come sorted
    by name; folders reached through symbolic links come after all real ones, so that a file keeps its real
    path, and a folder is met once whatever links lead to it. Named pipes, sockets and devices with a media
    file's ending, folders with one, unreadable folders and missing roots are refused (stage "walk") and the
    walk goes on.
    """
    return _Walk(hidden=hidden).run(roots)


class _Walk:
    """One walk: what it has met, and the links it will follow last."""

    def __init__(self, *, hidden: bool) -> None:
        self._hidden = hidden
        self._folders: set[tuple[int, int]] = set()
        self._files: set[bytes] = set()  # roots only: below a folder a path cannot come twice
        self._linked: list[bytes] = []

    def run(self, roots: Iterable[bytes]) -> Iterator[Found]:
        for root in roots:
            yield from self._root(os.path.abspath(root))
        while self._linked:
            yield from self._below(self._linked.pop(0))

    def _root(self, path: bytes) -> Iterator[Found]:
        try:
            status = os.stat(path)
        except OSError as err:
            missing = isinstance(err, FileNotFoundError)
            yield _refusal(path, _missing(path) if missing else str(unreadable(err)))
            return
        if stat.S_ISDIR(status.st_mode):
            yield from self._below(path)
        elif not stat.S_ISREG(status.st_mode):
            yield _refusal(path, _special(status.st_mode))
        elif path not in self._files and not self._met_below_a_folder(path):
            self._files.add(path)
            yield _stamp(path, status)

    def _met_below_a_folder(self, path: bytes) -> bool:
        folder, name = os.path.split(path)
        status = os.stat(folder)
        return (status.st_dev, status.st_ino) in self._folders and not self._skipped(name)

    def _below(self, top: bytes) -> Iterator[Found]:
        """Depth first with a stack of its own: folders nest deeper than Python's calls may."""
        stack: list[Iterator[os.DirEntry[bytes]]] = []
        yield from self._enter(top, stack)
        while stack:
            entry = next(stack[-1], None)
            if entry is None:
                stack.pop()
            elif not self._skipped(entry.name):
                yield from self._entry(entry, stack)

    def _enter(self, path: bytes, stack: list[Iterator[os.DirEntry[bytes]]]) -> Iterator[Found]:
        try:
            status = os.stat(path)
            if (status.st_dev, status.st_ino) in self._folders:
                return
            self._folders.add((status.st_dev, status.st_ino))
            with os.scandir(path) as entries:
                stack.append(iter(sorted(entries, key=lambda entry: entry.name)))
        except OSError as err:
            yield _refusal(path, f"this folder {unreadable(err)}")

    def _skipped(self, name: bytes) -> bool:
        if name in JUNK_FOLDERS or name in JUNK_FILES or name.startswith(JUNK_PREFIXES):
            return True
        return name.startswith(b".") and not self._hidden

    def _entry(self, entry: os.DirEntry[bytes], stack: list[Iterator[os.DirEntry[bytes]]]) -> Iterator[Found]:
        try:
            status = entry.stat()
        except OSError as err:
            if entry.is_symlink() and claims_media(entry.name):
                yield _refusal(entry.path, LEADS_NOWHERE)
            elif not isinstance(err, FileNotFoundError) and claims_media(entry.name):
                yield _refusal(entry.path, str(unreadable(err)))
            return
        if stat.S_ISREG(status.st_mode):
            if entry.path not in self._files:
                yield _stamp(entry.path, status)
        elif stat.S_ISDIR(status.st_mode):
            if claims_media(entry.name):
                yield _refusal(entry.path, FOLDER_NAMED_AS_FILE)
            if entry.is_symlink():
                self._linked.append(entry.path)
            else:
                yield from self._enter(entry.path, stack)
        elif claims_media(entry.name):
            yield _refusal(entry.path, _special(status.st_mode))


def _stamp(path: bytes, status: os.stat_result) -> FileStamp:
    return FileStamp(path=path, size_bytes=status.st_size, modified_ns=status.st_mtime_ns)


def _refusal(path: bytes, error: str) -> Refusal:
    return Refusal(path=shown(path), stage=STAGE, error=error)


def _missing(path: bytes) -> str:
    if os.path.islink(path):
        return LEADS_NOWHERE
    return "does not exist; check the spelling, and that its disk is mounted"


def _special(mode: int) -> str:
    kinds = {stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}
    kind = kinds.get(stat.S_IFMT(mode), "a device")
    return f"is {kind}, not a file; it was not opened"
