"""Originals are opened here: regular files only, never a pipe that would block for ever."""

from __future__ import annotations

import os
import stat
from typing import BinaryIO

from heimdex.errors import UnreadableFile


def shown(path: bytes) -> str:
    """The path for people; undecodable bytes are shown as \\xNN."""
    return path.decode("utf-8", "backslashreplace")


def open_original(path: bytes) -> BinaryIO:
    """Opens a regular file for reading, unbuffered.

    Raises UnreadableFile where it is gone, forbidden, or no regular file.
    """
    try:  # O_NONBLOCK: a named pipe that took the file's place after the walk must not make us wait
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as err:
        raise unreadable(err) from err
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UnreadableFile("is not a regular file; only files can be indexed")
    return os.fdopen(descriptor, "rb", buffering=0)


def unreadable(err: OSError) -> UnreadableFile:
    """Says in words why the system would not give a file."""
    if isinstance(err, FileNotFoundError):
        return UnreadableFile("is not there any more; index its folder again")
    if isinstance(err, PermissionError):
        return UnreadableFile("may not be read by this user; give read permission and index it again")
    if isinstance(err, IsADirectoryError):
        return UnreadableFile("is a folder, not a file; give the files in it")
    reason = (err.strerror or type(err).__name__).lower()
    return UnreadableFile(f"cannot be read ({reason}); check its disk and index it again")
