"""Bytes that pass through from the object store, whole or one part of them (RFC 9110, 14)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from heimdex.server.files import beyond

_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)
DIGITS = 18  # of a position: more than any file has

Read = Callable[[int, int], Iterator[bytes]]
"""The pieces of `length` bytes from `start` on."""


def streamed(
    request: Request, read: Read, *, size_bytes: int, name: str, headers: dict[str, str]
) -> Response:
    """The answer to a request for a file: 200 or, with one range that can be served, 206.

    Several ranges, or a form that is none of bytes, are answered with the whole, as the standard allows.
    Raises a 416 beyond the end. `headers` hold the ETag. `read` raises before its first piece where there
    is nothing to read.
    """
    headers = headers | {
        "Accept-Ranges": "bytes",
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
    }
    asked = request.headers.get("range")
    if asked is None or request.headers.get("if-range", headers["ETag"]) != headers["ETag"]:
        part = None
    else:
        part = _part(asked, size_bytes)
        if part == (0, 0):
            raise beyond(size_bytes)
    start, end = part or (0, size_bytes)
    headers["Content-Length"] = str(end - start)
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size_bytes}"
    kind = headers.pop("Content-Type", "application/octet-stream")
    pieces = read(start, end - start) if request.method == "GET" else iter(())
    return StreamingResponse(pieces, status_code=206 if part else 200, headers=headers, media_type=kind)


def _part(asked: str, size_bytes: int) -> tuple[int, int] | None:
    """[start, end) of a range; None for the whole, (0, 0) where it lies beyond the end."""
    found = _RANGE.fullmatch(asked.strip())
    if found is None or max(map(len, found.groups())) > DIGITS or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if first == "":
        start, end = max(0, size_bytes - int(last)), size_bytes
    else:
        start = int(first)
        end = size_bytes if last == "" else min(size_bytes, int(last) + 1)
        if last != "" and int(last) < start:
            return None  # no range at all
    return (start, end) if start < end else (0, 0)
