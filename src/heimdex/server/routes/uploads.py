"""Uploads: resumable ones by tus 1.0.0, and files in a single request."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, cast

import anyio
from fastapi import APIRouter, Query, Request, Response
from starlette.exceptions import HTTPException

from heimdex import errors
from heimdex.app.incoming import Incoming
from heimdex.client.documents.uploads import UploadCursor, UploadPage, UploadShape
from heimdex.client.documents.words import Id, Text
from heimdex.entities.uploads import Upload, UploadState
from heimdex.errors import (
    ChecksumMismatch,
    HeimdexError,
    ObjectStoreUnavailable,
    RateLimited,
    UploadBrokenOff,
    UploadBusy,
    WorkersUnavailable,
)
from heimdex.pipeline.incoming.options import NewUpload
from heimdex.server import cursors, tus
from heimdex.server.auth.caller import WriteCaller
from heimdex.server.multipart import FormFile
from heimdex.server.problems import problem, status_of, told
from heimdex.server.receiving import receive
from heimdex.server.shapes.problems import problems
from heimdex.server.turns import Turns

router = APIRouter(
    prefix="/api/v1", tags=["uploads"], responses=problems(409, 412, 415, 423, 507), route_class=tus.TusRoute
)

Sha256 = Annotated[str, Query(pattern="^[0-9a-fA-F]{64}$", description="Of the whole file, hex.")]
BODY = {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}
OCTETS = {"content": {tus.OCTETS: {"schema": {"type": "string", "format": "binary"}}}}


def _header(name: str, schema: dict[str, Any], *, required: bool = True) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": required, "schema": schema}


VERSION = _header("Tus-Resumable", {"type": "string", "enum": [tus.VERSION]})
OFFSET = _header("Upload-Offset", {"type": "integer", "minimum": 0, "maximum": tus.LARGEST})
LENGTH = _header("Upload-Length", {"type": "integer", "minimum": 0, "maximum": tus.LARGEST})
METADATA = _header("Upload-Metadata", {"type": "string", "maxLength": tus.LONGEST_METADATA}, required=False)
CHECKSUM = _header("Upload-Checksum", {"type": "string"}, required=False)


@router.options("/uploads", operation_id="upload_abilities", status_code=204, response_class=Response)
def abilities(request: Request) -> Response:
    """Which tus is spoken, and how large files may be."""
    return Response(
        status_code=204,
        headers={
            "Tus-Version": tus.VERSION,
            "Tus-Extension": tus.EXTENSIONS,
            "Tus-Max-Size": str(_incoming(request).uploads.options.largest_bytes),
            "Tus-Checksum-Algorithm": ",".join(tus.ALGORITHMS),
        },
    )


@router.post(
    "/uploads",
    operation_id="begin_upload",
    status_code=201,
    response_class=Response,
    openapi_extra={"parameters": [VERSION, LENGTH, METADATA], "requestBody": OCTETS | {"required": False}},
)
async def begin(request: Request, caller: WriteCaller) -> Response:
    """Begin an upload. `Upload-Metadata` gives `filename` and `sha256`; the body may be its first bytes."""
    tus.check_version(request)
    if "upload-defer-length" in request.headers:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "the length must be known: send Upload-Length")
    said, checksum = tus.metadata(request), tus.checksum(request)
    wanted = NewUpload(
        name=said.get("filename") or said.get("name"),
        size_bytes=tus.number(request, "Upload-Length"),
        sha256=_digest(said.get("sha256")),
    )
    incoming = _incoming(request)
    upload = await anyio.to_thread.run_sync(incoming.uploads.begin, caller.owner, wanted)
    place = {"Location": f"/api/v1/uploads/{upload.upload_id}"}
    if tus.is_octets(request):
        arrive = partial(incoming.uploads.arrive, caller.owner, upload.upload_id, 0, checksum)
        try:
            upload = await receive(request.stream(), await anyio.to_thread.run_sync(arrive))
        except HeimdexError as error:  # the upload is there: the sender must learn where
            answer = _refusal(error)
            answer.headers.update(place)
            return answer
    await anyio.to_thread.run_sync(incoming.finisher.complete, caller.owner, upload.upload_id)
    return Response(status_code=201, headers=tus.headers(upload) | place)


@router.get("/uploads", operation_id="list_uploads", response_model=UploadPage)
def list_uploads(
    request: Request,
    caller: WriteCaller,
    cursor: Annotated[str | None, Query(max_length=2_000)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> UploadPage:
    """Uploads, the newest first, and what they take of the quota."""
    before = None if cursor is None else str(cursors.unpack(cursor, UploadCursor).before)
    uploads = _incoming(request).uploads
    found = uploads.newest(caller.owner, before=before, limit=limit + 1)
    usage = uploads.usage(caller.owner)
    after = cursors.pack(UploadCursor(before=found[limit - 1].upload_id)) if len(found) > limit else None  # type: ignore[arg-type]
    return UploadPage(
        uploads=[UploadShape.of(upload) for upload in found[:limit]],
        used_bytes=usage.used_bytes,
        quota_bytes=usage.quota_bytes,
        next_cursor=after,
    )


@router.get(
    "/uploads/{upload_id}", operation_id="get_upload", response_model=UploadShape, responses=problems(404)
)
def get_upload(request: Request, response: Response, caller: WriteCaller, upload_id: Id) -> UploadShape:
    """How far an upload has come, and what became of it: an asset, or a refusal with its reason."""
    response.headers["Cache-Control"] = "no-store"
    return UploadShape.of(_incoming(request).uploads.get(caller.owner, upload_id))


@router.head(
    "/uploads/{upload_id}",
    operation_id="upload_offset",
    response_class=Response,
    responses=problems(404, 410),
    openapi_extra={"parameters": [VERSION]},
)
def offset(request: Request, caller: WriteCaller, upload_id: Id) -> Response:
    """From which byte to go on."""
    tus.check_version(request)
    incoming = _incoming(request)
    upload = incoming.uploads.get(caller.owner, upload_id)
    if upload.state in (UploadState.REFUSED, UploadState.EXPIRED):
        return problem(410, "Upload expired", upload.error, headers={"Cache-Control": "no-store"})
    if upload.state is UploadState.RECEIVING:  # killed between the last byte and its row
        incoming.finisher.complete(caller.owner, upload_id)
    return Response(headers=tus.headers(upload))


@router.patch(
    "/uploads/{upload_id}",
    operation_id="write_upload",
    status_code=204,
    response_class=Response,
    responses=problems(404, 408, 410, tus.MISMATCH),
    openapi_extra={
        "parameters": [VERSION, OFFSET, CHECKSUM],
        "requestBody": OCTETS | {"required": True},
    },
)
async def write(request: Request, caller: WriteCaller, upload_id: Id) -> Response:
    """Go on with an upload. The offset that is answered is on the disk."""
    tus.check_version(request)
    if not tus.is_octets(request):
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"the body must be {tus.OCTETS}")
    at, checksum = tus.number(request, "Upload-Offset"), tus.checksum(request)
    incoming = _incoming(request)
    arrive = partial(incoming.uploads.arrive, caller.owner, upload_id, at, checksum)
    try:
        upload = await receive(request.stream(), await anyio.to_thread.run_sync(arrive))
    except (UploadBrokenOff, ChecksumMismatch) as error:
        return _refusal(error)
    await anyio.to_thread.run_sync(incoming.finisher.complete, caller.owner, upload_id)
    return Response(status_code=204, headers=tus.headers(upload))


@router.delete(
    "/uploads/{upload_id}",
    operation_id="end_upload",
    status_code=204,
    response_class=Response,
    responses=problems(404),
)
def end(request: Request, caller: WriteCaller, upload_id: Id) -> Response:
    """End an upload and delete what came. One that is an asset already is removed as an asset."""
    _incoming(request).finisher.end(caller.owner, upload_id)
    return Response(status_code=204)


@router.post("/uploads/{upload_id}", include_in_schema=False)
async def overridden(request: Request, caller: WriteCaller, upload_id: Id) -> Response:
    """For senders whose network lets neither PATCH nor DELETE pass."""
    method = request.headers.get("x-http-method-override", "").upper()
    if method == "PATCH":
        return await write(request, caller, upload_id)
    if method == "DELETE":
        return await anyio.to_thread.run_sync(end, request, caller, upload_id)
    raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "GET, HEAD, PATCH, DELETE"})


@router.put("/assets", include_in_schema=False, status_code=201, response_model=UploadShape)
@router.post(
    "/assets",
    operation_id="upload_asset",
    response_model=UploadShape,
    status_code=201,
    responses=problems(408, tus.MISMATCH)
    | {202: {"model": UploadShape, "description": "It is here, and is checked later."}},
    openapi_extra={"requestBody": BODY | {"required": True}},
)
async def upload_asset(
    request: Request,
    response: Response,
    caller: WriteCaller,
    name: Annotated[Text | None, Query(description="What the file is called.")] = None,
    sha256: Sha256 | None = None,
) -> Any:
    """A file in a single request: the body as it is, or a form with one file. For large ones use uploads."""
    body: AsyncIterator[bytes] = request.stream()
    size: int | None = None
    if request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        form = FormFile(request.headers["content-type"], body)
        name, body = name or await form.name(), form.blocks()
    elif "content-length" in request.headers:
        size = tus.number(request, "Content-Length")
    incoming, owner = _incoming(request), caller.owner
    wanted = NewUpload(name=name, size_bytes=size, sha256=_digest(sha256))
    begun = await anyio.to_thread.run_sync(incoming.uploads.begin, owner, wanted)
    try:
        await _take(incoming, begun, body)
    except BaseException:  # nobody knows its id, so nobody can go on with it
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(incoming.uploads.give_up, owner, begun.upload_id)
        raise
    response.headers["Location"] = f"/api/v1/uploads/{begun.upload_id}"
    turns = cast("Turns", request.app.state.checking)
    return await anyio.to_thread.run_sync(_finished, incoming, begun, response, turns)


async def _take(incoming: Incoming, begun: Upload, body: AsyncIterator[bytes]) -> None:
    """Receive a whole body. Raises UploadBrokenOff where it is not whole."""
    owner, upload_id = begun.owner, begun.upload_id
    arrive = partial(incoming.uploads.arrive, owner, upload_id, 0)
    await receive(body, await anyio.to_thread.run_sync(arrive))
    complete = partial(incoming.uploads.complete, owner, upload_id, whole=True)
    if await anyio.to_thread.run_sync(complete) is None:
        raise UploadBrokenOff("the body ended too early; send the file again")


def _finished(incoming: Incoming, begun: Upload, response: Response, turns: Turns) -> Any:
    """What became of a file that came in a single request."""
    try:
        with turns.take():
            upload = incoming.finisher.finish(begun.owner, begun.upload_id)
    except RateLimited:  # files that are looked at take long: they must not have all threads
        incoming.finisher.finish_soon(begun.owner, begun.upload_id)
        upload = incoming.uploads.get(begun.owner, begun.upload_id)
    except (WorkersUnavailable, ObjectStoreUnavailable, UploadBusy):
        # It is seen to by and by, or just now by another process.
        upload = incoming.uploads.get(begun.owner, begun.upload_id)
    if upload.state is UploadState.CHECKING:
        response.status_code = HTTPStatus.ACCEPTED
    if upload.state is not UploadState.REFUSED:
        return UploadShape.of(upload)
    kind = getattr(errors, upload.problem or "", errors.MediaError)
    return _refusal(kind(upload.error))


def _refusal(error: HeimdexError) -> Response:
    title = re.sub(r"(?<!^)([A-Z])", lambda found: f" {found[1].lower()}", type(error).__name__)
    status = tus.MISMATCH if isinstance(error, ChecksumMismatch) else status_of(error)
    return problem(status, title, told(error))


def _digest(text: str | None) -> str | None:
    """A SHA-256, hex. Raises 400."""
    if text is None:
        return None
    if len(text) != 64 or text.strip("0123456789abcdefABCDEF"):
        raise HTTPException(HTTPStatus.BAD_REQUEST, "sha256 is 64 hex digits")
    return text.lower()


def _incoming(request: Request) -> Incoming:
    return cast("Incoming", request.app.state.heimdex.incoming)
