"""The headers of tus 1.0.0 (https://tus.io/protocols/resumable-upload), read and written."""

from __future__ import annotations

import base64
import binascii
import re
from email.utils import format_datetime
from http import HTTPStatus

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from heimdex.entities.uploads import Upload
from heimdex.pipeline.incoming.arrival import Checksum

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,termination,checksum,expiration"
ALGORITHMS = {"sha1": 20, "sha256": 32}  # and the bytes of their digests
OCTETS = "application/offset+octet-stream"
MISMATCH = 460  # tus's own status
LARGEST = (1 << 62) - 1
LONGEST_METADATA = 8_000


class TusRoute(APIRoute):
    """A route whose every answer says which tus is spoken."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Tus-Resumable"] = VERSION
            await send(message)

        await super().handle(scope, receive, told)


def check_version(request: Request) -> None:
    """Raise 412 where the sender speaks another tus."""
    if request.headers.get("tus-resumable") != VERSION:
        raise HTTPException(
            HTTPStatus.PRECONDITION_FAILED,
            f"this speaks tus {VERSION}: send the header Tus-Resumable: {VERSION}",
            headers={"Tus-Version": VERSION},
        )


def is_octets(request: Request) -> bool:
    """Whether the body is bytes of an upload."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == OCTETS


def number(request: Request, name: str) -> int:
    """A header that is a number of bytes. Raises 400."""
    text = request.headers.get(name, "")
    if not re.fullmatch(r"[0-9]{1,19}", text) or int(text) > LARGEST:
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"{name} must be a number of bytes")
    return int(text)


def checksum(request: Request) -> Checksum | None:
    """What the body must come to. Raises 400."""
    text = request.headers.get("upload-checksum")
    if text is None:
        return None
    algorithm, _, encoded = text.partition(" ")
    try:
        digest = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if algorithm not in ALGORITHMS or len(digest) != ALGORITHMS[algorithm]:
        known = " or ".join(ALGORITHMS)
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"Upload-Checksum is {known} and the digest in base64")
    return Checksum(algorithm="sha1" if algorithm == "sha1" else "sha256", digest=digest)


def metadata(request: Request) -> dict[str, str]:
    """What the sender says of the file. Raises 400."""
    text = request.headers.get("upload-metadata", "")
    if len(text) > LONGEST_METADATA:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "Upload-Metadata is too long")
    found = {}
    for pair in filter(None, (pair.strip() for pair in text.split(","))):
        key, _, encoded = pair.partition(" ")
        try:
            found[key] = base64.b64decode(encoded, validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError) as error:
            raise HTTPException(HTTPStatus.BAD_REQUEST, "Upload-Metadata: key value, in base64") from error
    return found


def headers(upload: Upload) -> dict[str, str]:
    """How far an upload has come."""
    found = {
        "Upload-Offset": str(upload.offset_bytes),
        "Upload-Expires": format_datetime(upload.expires_at, usegmt=True),
        "Cache-Control": "no-store",
    }
    if upload.size_bytes is not None:
        found["Upload-Length"] = str(upload.size_bytes)
    return found
