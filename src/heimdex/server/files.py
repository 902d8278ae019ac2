"""Files of this machine as answers, whole or in parts; a range that cannot be is a problem like others."""

from __future__ import annotations

import os
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi.responses import FileResponse
from starlette.exceptions import HTTPException
from starlette.responses import MalformedRangeHeader, RangeNotSatisfiable
from starlette.types import Receive, Scope, Send


class FileAnswer(FileResponse):
    """A file. A range of another unit, or one that is none, is answered with the whole (RFC 9110, 14.2)."""

    @classmethod
    def _parse_range_header(cls, http_range: str, file_size: int) -> list[tuple[int, int]]:
        try:
            return super()._parse_range_header(http_range, file_size)
        except MalformedRangeHeader:
            return []
        except RangeNotSatisfiable as error:
            raise beyond(file_size) from error


class PassingFileAnswer(FileAnswer):
    """A file that was made for this answer alone: it is removed however the answer ends."""

    def __init__(self, path: str | os.PathLike[str], **more: Any) -> None:
        super().__init__(path, **more)
        self._made = Path(path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, and remove it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._made.unlink(missing_ok=True)


def beyond(size_bytes: int) -> HTTPException:
    """416: the file ends before the range begins."""
    return HTTPException(
        HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        f"the file has {size_bytes} bytes; ask for a range within them",
        headers={"Content-Range": f"bytes */{size_bytes}"},
    )
