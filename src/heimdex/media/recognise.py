"""What a file is by its first bytes. Pure Python: no decoder sees a byte before this has named the format."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from typing import BinaryIO

from heimdex.errors import UnknownFormat
from heimdex.media.files import open_original, unreadable
from heimdex.media.formats import FORMATS, RAW_PHOTO_EXTENSIONS, Family, claims_media, extension
from heimdex.media.signatures import name_by_content

HEAD_BYTES = 8192  # enough for sync patterns of transport streams and two MPEG audio frames


@dataclass(frozen=True, kw_only=True, slots=True)
class Recognised:
    """What a file is by content. `format` is a name of `formats.FORMATS`, e.g. "jpeg" or "matroska"."""

    family: Family
    format: str


def recognise(path: bytes) -> Recognised | None:
    """The format of a file by its content; its name only decides what is said about the rest.

    None: neither content nor name claim to be media (a text, a document). Raises UnreadableFile, and
    UnknownFormat where the name claims media but the content is something else, empty, or a format that
    cannot be read here.
    """
    with open_original(path) as raw:
        try:
            size = os.fstat(raw.fileno()).st_size
            file = io.BufferedReader(raw)  # type: ignore[type-var]
            head = file.read(HEAD_BYTES)
            name = name_by_content(head, file)
            zeros = name is None and _only_zeros(head, file)
        except OSError as err:
            raise unreadable(err) from err
    if name is None:
        if claims_media(path):
            raise UnknownFormat(_complaint(path, head, size=size, zeros=zeros))
        return None
    _refuse_raw_photo(path, name)
    return Recognised(family=FORMATS[name].family, format=name)


def _refuse_raw_photo(path: bytes, name: str) -> None:
    """Camera raw files are TIFFs (or MP4s) inside; read as such they give a tiny or a garbled picture."""
    ending = extension(path)
    if name == "raw-photo" or (name in ("tiff", "mp4", "mov") and ending in RAW_PHOTO_EXTENSIONS):
        shown = ending.decode("ascii", "replace")
        raise UnknownFormat(
            f"is a camera raw picture (.{shown}), which cannot be developed here; export it as JPEG or HEIC"
        )


def _only_zeros(head: bytes, file: BinaryIO) -> bool:
    """Whether the first MiB holds nothing but zeros: what a failed copy or a lost block leaves behind."""
    file.seek(0)
    return bool(head) and not any(file.read(1 << 20))


def _complaint(path: bytes, head: bytes, *, size: int, zeros: bool) -> str:
    """Says why a file whose name claims media is none."""
    ending = "." + extension(path).decode("ascii", "replace")
    if size == 0:
        return "is empty (0 bytes); copy it again from where it came from, or delete it"
    if zeros:
        return "holds only zeros: writing or copying it failed; copy it again from where it came from"
    if _is_text(head):
        return f"is a text although its name ends in {ending}; perhaps a failed download: get it again"
    return (
        f"is not what its name ({ending}) says: no picture, film or sound known here begins like this; "
        "get it again, or rename it"
    )


def _is_text(head: bytes) -> bool:
    sample = head[:1024]
    try:
        text = sample.decode("utf-8")
    except UnicodeDecodeError as err:
        if err.start < len(sample) - 3:  # a character cut off at the end is no proof against text
            return False
        text = sample[: err.start].decode("utf-8")
    return all(character.isprintable() or character in "\t\r\n\f" for character in text)
