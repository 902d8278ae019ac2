"""The one file of a multipart form, as it comes: nothing is spooled, and what is no file is passed over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from email.message import Message
from http import HTTPStatus

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from starlette.exceptions import HTTPException


class FormFile:
    """The first file of a form. Ask for its `name`, then iterate over `blocks`."""

    def __init__(self, content_type: str, stream: AsyncIterator[bytes]) -> None:
        """Raises 400 where the form has no boundary."""
        boundary = _parameters("content-type", content_type).get_param("boundary")
        if not isinstance(boundary, str) or not 0 < len(boundary) <= 200:
            raise HTTPException(HTTPStatus.BAD_REQUEST, "the form has no boundary")
        self._stream = stream
        self._name: str | None = None
        self._ready: list[bytes] = []
        self._inside = self._over = False
        self._header, self._value = b"", b""
        callbacks = {
            "on_part_begin": self._part_begin,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
        }
        self._parser = MultipartParser(boundary.encode("latin-1", "replace"), callbacks)  # type: ignore[arg-type]

    async def name(self) -> str:
        """What the file is called. Raises 400 where there is none in the form."""
        while self._name is None and await self._more():
            pass
        if self._name is None:
            raise HTTPException(HTTPStatus.BAD_REQUEST, "the form has no file")
        return self._name

    async def blocks(self) -> AsyncIterator[bytes]:
        """Its bytes. Raises 400 where the form ends before the file does."""
        while True:
            ready, self._ready = self._ready, []
            for block in ready:
                yield block
            if not await self._more() and not self._ready:
                break
        if not self._over:
            raise HTTPException(HTTPStatus.BAD_REQUEST, "the form ends within its file")

    async def _more(self) -> bool:
        piece = await anext(self._stream, None)
        if piece is None:
            return False
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise HTTPException(HTTPStatus.BAD_REQUEST, "the form cannot be read") from error
        return True

    def _part_begin(self) -> None:
        self._header, self._value = b"", b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition" and self._name is None:
            said = _parameters("content-disposition", self._value.decode("utf-8", "replace"))
            name = said.get_filename()
            if name is not None:
                self._name, self._inside = name, True
        self._header, self._value = b"", b""

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._inside:
            self._ready.append(data[start:end])

    def _part_end(self) -> None:
        if self._inside:
            self._inside, self._over = False, True


def _parameters(header: str, value: str) -> Message:
    message = Message()
    message[header] = value.replace("\r", " ").replace("\n", " ")
    return message
