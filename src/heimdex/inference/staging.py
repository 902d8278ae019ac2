"""How a model's folder comes to be: in a place of its own, under a lock, renamed when it is whole."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from heimdex.errors import ModelError, StorageFull

STAGING = ".staging"  # below the models folder; no model can be called so
PART = ".part"
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Staging:
    """The place below `<models_dir>/.staging` where one model is put together.

    Whoever holds `locked()` is the only process that changes this model. What a killed one left there is
    used again by the next.
    """

    def __init__(self, models_dir: Path, name: str) -> None:
        base = models_dir / STAGING
        self.final = models_dir / name
        self.folder = base / name
        self.old = base / f"{name}.old"
        self._lock = base / f"{name}.lock"

    @contextlib.contextmanager
    def locked(self, on_wait: Callable[[], None]) -> Iterator[None]:
        """Alone with this model; `on_wait` is called where another process has to finish first."""
        with writing(self.folder.parent):
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            with writing(self.folder.parent):  # some network disks know no locks
                _lock(handle, on_wait)
            self._recover()
            yield
        finally:
            os.close(handle)

    def path(self, name: str) -> Path:
        """Where a whole file stands. Raises ModelError for a name that would lead elsewhere."""
        return self.folder / safe_name(name)

    def part(self, name: str, checksum: str) -> Path:
        """Where a file grows; another content grows elsewhere."""
        path = self.path(name)
        return path.with_name(f"{path.name}.{checksum[:16]}{PART}")

    def take(self, source: Path, name: str) -> None:
        """Put a file that is here already in its place, as a hard link where that is possible."""
        target = self.path(name)
        with writing(self.folder):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            try:
                target.hardlink_to(source.resolve(strict=True))
            except OSError as err:
                if err.errno in FULL:
                    raise
                shutil.copyfile(source, target)

    def publish(self, names: frozenset[str]) -> None:
        """Make the folder, holding exactly these files, the model. Others see the old one or the new one."""
        with writing(self.folder.parent):
            self._keep_only(names)
            for path in (*self.folder.rglob("*"), self.folder):
                _sync(path)
            if self.final.exists():
                self.final.rename(self.old)
            self.folder.rename(self.final)
            _sync(self.final.parent)
            _sync(self.folder.parent)
            shutil.rmtree(self.old, ignore_errors=True)

    def discard(self) -> None:
        """Take the model and whatever was put together of it away."""
        with writing(self.folder.parent):
            if self.final.exists():
                self.final.rename(self.old)  # first of all it is no longer seen
            for folder in (self.old, self.folder):
                if folder.exists():
                    shutil.rmtree(folder)

    def _recover(self) -> None:
        """After a kill between the two renames of `publish`: the old model stands again."""
        with writing(self.folder.parent):
            if self.old.exists() and not self.final.exists():
                self.old.rename(self.final)
            shutil.rmtree(self.old, ignore_errors=True)

    def _keep_only(self, names: frozenset[str]) -> None:
        for path in sorted(self.folder.rglob("*"), reverse=True):  # what is in a folder before the folder
            if path.is_dir() and not path.is_symlink():
                if not any(path.iterdir()):
                    path.rmdir()
            elif path.relative_to(self.folder).as_posix() not in names:
                path.unlink()


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """What the system says against writing there, in words. Raises StorageFull, ModelError."""
    try:
        yield
    except OSError as err:
        if err.errno in FULL:
            raise StorageFull(
                f"No space left for models in {folder}. Free some, or name another folder with "
                "HEIMDEX_MODELS_DIR; a pull goes on where it stopped."
            ) from err
        raise ModelError(
            f"Models cannot be kept in {folder} ({err.strerror or err}). Change its rights, or name another "
            "folder with HEIMDEX_MODELS_DIR."
        ) from err


def size_below(folder: Path) -> int:
    """Bytes of all files below a folder; what vanishes meanwhile does not count."""
    return sum(size_of(Path(place, name)) for place, _, names in os.walk(folder) for name in names)


def safe_name(name: str) -> PurePosixPath:
    """A file's name as a path that stays below its folder. Raises ModelError for any other."""
    path = PurePosixPath(name)
    odd = not path.parts or path.is_absolute() or ".." in path.parts or str(path) != name
    if odd or any(sign in name for sign in "\\\0:"):
        raise ModelError(f"A file called {name!r} has no place in a model's folder; nothing was written.")
    return path


def size_of(path: Path) -> int:
    """Bytes of a file; 0 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def free_bytes(folder: Path) -> int:
    """Free space where a folder is, or would be."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _lock(handle: int, on_wait: Callable[[], None]) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        on_wait()
        fcntl.flock(handle, fcntl.LOCK_EX)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
