"""Files that are being received: as long as what came, held by one writer, told once on the disk.

<folder>/<owner>/<upload id>.part[.jpg]     what came so far
<folder>/<owner>/<upload id>.unproven       from where on its checksum is still to come
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from contextlib import suppress
from pathlib import Path

from heimdex.errors import NotFound, StorageFull, StoreError, UploadBusy

SYNC_BYTES = 64 << 20  # so much may lie in the system's cache, not on the disk
GONE = "this upload is not there any more; begin it again"


class Part:
    """The file of one upload, held by one writer of all processes; `size_bytes` is what it holds."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self.size_bytes = os.fstat(descriptor).st_size
        self._synced_bytes = 0

    @classmethod
    def hold(cls, path: Path, *, make: bool = False) -> Part:
        """The file, whose last bytes are taken away where their checksum never came.

        Raises UploadBusy where another writer holds it, NotFound where it is gone, StoreError, StorageFull.
        """
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_CREAT if make else 0)
        try:
            if make:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, flags, 0o600)
        except FileNotFoundError:
            raise NotFound(GONE) from None
        except OSError as error:
            raise _fault(error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part = cls(path, descriptor)
            part._take_back()
            if make:
                _sync_folder(path.parent)
        except BlockingIOError:
            os.close(descriptor)
            raise UploadBusy("another request is writing this upload; try again when it has ended") from None
        except OSError as error:
            os.close(descriptor)
            raise _fault(error) from error
        except BaseException:
            os.close(descriptor)
            raise
        return part

    def append(self, block: bytes | bytearray | memoryview) -> None:
        """Write on. Where the disk is full what went in stays. Raises StorageFull, StoreError, NotFound."""
        left = memoryview(block)
        try:
            while left:
                written = os.pwrite(self._descriptor, left, self.size_bytes)
                left = left[written:]
                self.size_bytes += written
            if self.size_bytes - self._synced_bytes >= SYNC_BYTES:
                self.check_there()
                self.sync()
        except OSError as error:
            raise _fault(error) from error

    def check_there(self) -> None:
        """Raise NotFound where the file was removed while it is written."""
        if os.fstat(self._descriptor).st_nlink == 0:
            raise NotFound(GONE)

    def sync(self) -> None:
        """Have what came on the disk. Raises StorageFull, StoreError."""
        try:
            os.fsync(self._descriptor)
        except OSError as error:  # some systems find room only now
            raise _fault(error) from error
        self._synced_bytes = self.size_bytes

    def cut(self, size_bytes: int) -> None:
        """Take back what lies behind. Raises StoreError."""
        try:
            os.ftruncate(self._descriptor, size_bytes)
        except OSError as error:
            raise _fault(error) from error
        self.size_bytes = size_bytes
        self.sync()

    def begin_unproven(self) -> None:
        """What follows counts only from `end_unproven` on, even if this process is killed before."""
        marker = _marker(self.path)
        try:
            descriptor = os.open(marker, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                os.write(descriptor, b"%d" % self.size_bytes)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            marker.unlink(missing_ok=True)
            raise _fault(error) from error

    def end_unproven(self) -> None:
        """What came is proven; it must be synced already."""
        _marker(self.path).unlink(missing_ok=True)

    def close(self) -> None:
        """Let another writer have it."""
        os.close(self._descriptor)

    def _take_back(self) -> None:
        proven = _proven_bytes(self.path)
        if proven is not None:
            if proven < self.size_bytes:
                self.cut(proven)
            self.end_unproven()


def received_bytes(path: Path) -> int:
    """How much of an upload is on the disk and proven; it is brought there first. Raises NotFound."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        raise NotFound(GONE) from error
    try:
        size = os.fstat(descriptor).st_size
        os.fsync(descriptor)
        proven = _proven_bytes(path)  # looked for last: what was proven meanwhile counts
        size = min(size, os.fstat(descriptor).st_size)  # and what was found wrong was cut off before
    except OSError as error:
        raise _fault(error) from error
    finally:
        os.close(descriptor)
    return size if proven is None else min(size, proven)


def remove(path: Path) -> None:
    """Take the file away; a writer that holds it writes into nothing until it notices."""
    with suppress(OSError):
        path.unlink(missing_ok=True)
        _marker(path).unlink(missing_ok=True)


def check_room(folder: Path, wanted_bytes: int, spare_bytes: int) -> None:
    """Raise StorageFull where the disk has no room for so much and the spare."""
    free = shutil.disk_usage(folder).free
    if free < wanted_bytes + spare_bytes:
        raise StorageFull(
            f"no room for {wanted_bytes:,} bytes: the server's disk has too little left; try again later"
        )


def _proven_bytes(path: Path) -> int | None:
    try:
        text = _marker(path).read_bytes()
    except FileNotFoundError:
        return None
    return int(text) if text.isdigit() else None  # it was killed before it wrote a byte of the upload


def _marker(path: Path) -> Path:
    return path.with_name(f"{path.name.partition('.')[0]}.unproven")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _fault(error: OSError) -> StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull("the server's disk is full; what came so far is kept, go on when there is room")
    return StoreError(f"an upload cannot be written ({error.strerror}); check the disk of HEIMDEX_HOME")
