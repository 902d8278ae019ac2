"""Assets: lists, one in full, its pictures, its original and clips of it, taking it out of the index."""

from __future__ import annotations

import mimetypes
import os
from functools import partial
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from heimdex.app import Heimdex
from heimdex.client.documents.library import AssetCorrection, AssetCursor, AssetDetail, AssetPage, Removed
from heimdex.client.documents.words import Id
from heimdex.entities import DerivedFile, is_uuid
from heimdex.errors import NotFound
from heimdex.server import cursors
from heimdex.server.auth.caller import ReadCaller, WriteCaller
from heimdex.server.etags import answer, is_known, tag
from heimdex.server.files import FileAnswer, PassingFileAnswer
from heimdex.server.shapes.problems import problems
from heimdex.server.streams import streamed
from heimdex.server.turns import Turns

router = APIRouter(prefix="/api/v1", tags=["assets"], responses=problems(404))

Responses = dict[int | str, dict[str, Any]]
PICTURE: Responses = {200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}}}
BYTES: Responses = problems(416) | {
    200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}},
    206: {"description": "A part of it.", "content": {"application/octet-stream": {}}},
}
ELSEWHERE: Responses = {
    304: {"description": "The caller has it already."},
    307: {"description": "It lies in a bucket: fetch it there, without your key."},
}
KEPT = {"Cache-Control": "private, max-age=31536000, immutable"}


@router.get("/assets", operation_id="list_assets", response_model=AssetPage)
def list_assets(
    request: Request,
    caller: ReadCaller,
    cursor: Annotated[
        str | None, Query(max_length=2_000, description="`next_cursor` of the page before.")
    ] = None,
    kind: Literal["video", "photo", "audio"] | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """Assets in the order of their arrival."""
    after = None
    if cursor is not None:
        kept = cursors.unpack(cursor, AssetCursor)
        after, kind = str(kept.after), kept.kind
    page = _library(request, caller.owner).files.page(after=after, kind=kind, limit=limit)
    more = page.pop("more")
    if more:
        page["next_cursor"] = cursors.pack(AssetCursor(after=page["assets"][-1]["asset_id"], kind=kind))
    return answer(request, page)


@router.get("/assets/{asset_id}", operation_id="get_asset", response_model=AssetDetail)
def get_asset(request: Request, caller: ReadCaller, asset_id: Id) -> Response:
    """One asset: its facts, scenes, kept frames and ledger."""
    return answer(request, _addressed(_library(request, caller.owner).show(_checked(asset_id))))


def _addressed(document: dict[str, Any]) -> dict[str, Any]:
    """An asset with the addresses of its pictures."""
    for scene in document["scenes"]:
        for keyframe in scene["keyframes"]:
            address = f"/api/v1/keyframes/{keyframe['keyframe_id']}"
            keyframe |= {"thumbnail": f"{address}/thumbnail", "frame": f"{address}/frame"}
    return document


@router.patch("/assets/{asset_id}", operation_id="correct_asset", response_model=AssetDetail)
def correct_asset(
    request: Request, caller: WriteCaller, asset_id: Id, correction: AssetCorrection
) -> dict[str, Any]:
    """Say what it is called or when it was taken. No new look at the file undoes that; null takes it back."""
    from heimdex.pipeline.corrections import Correction

    given = {name: getattr(correction, name) for name in correction.model_fields_set}
    files = _library(request, caller.owner).files
    return _addressed(files.correct(_checked(asset_id), Correction(**given)))


@router.delete("/assets/{asset_id}", operation_id="remove_asset", response_model=Removed)
def remove_asset(request: Request, caller: WriteCaller, asset_id: Id) -> dict[str, Any]:
    """Take an asset out of the index. An uploaded file is deleted, one indexed in place is not touched."""
    return {"removed": _library(request, caller.owner).remove(_checked(asset_id))}


@router.head("/assets/{asset_id}/original", include_in_schema=False)
@router.get("/assets/{asset_id}/original", operation_id="download_original", responses=BYTES | ELSEWHERE)
def download_original(request: Request, caller: ReadCaller, asset_id: Id) -> Response:
    """The file itself, whole or in parts (`Range`); or, where that is allowed, where it lies in a bucket."""
    files = _library(request, caller.owner).files
    found = files.original(_checked(asset_id))
    name = found.path.rpartition("/")[2]
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    headers = {"ETag": tag(found.content_hash), "Cache-Control": "private, no-cache"}
    if is_known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    place = files.place_of(found)
    link = files.link_to(found) if place is None and request.method == "GET" else None  # it is for GET alone
    if link is not None:
        return RedirectResponse(link, headers={"Cache-Control": "private, no-store"})
    if place is None:  # it lies in a bucket, and passes through
        read = partial(files.read_upload, found)
        headers["Content-Type"] = kind
        return streamed(request, read, size_bytes=found.size_bytes, name=name, headers=headers)
    path = os.fsdecode(place)
    if not os.path.isfile(path):  # noqa: PTH113  (its name need not be UTF-8)
        raise NotFound("its file is not there now; run `heimdex index` over its folder")
    if os.path.getsize(path) != found.size_bytes:  # noqa: PTH202
        raise NotFound("another file lies in its place; run `heimdex index` over its folder")
    return FileAnswer(path, media_type=kind, filename=name, headers=headers)


@router.get("/assets/{asset_id}/clip", operation_id="cut_clip", responses=BYTES)
def cut_clip(
    request: Request,
    caller: ReadCaller,
    asset_id: Id,
    start: Annotated[float, Query(ge=0, le=1e7, allow_inf_nan=False, description="Seconds.")],
    end: Annotated[float, Query(ge=0, le=1e7, allow_inf_nan=False, description="Seconds.")],
) -> Response:
    """A stretch of a film or recording as a file, its packets copied: nothing is lost, nothing is decoded.

    `X-Clip-Begins` says at which second its first key frame lies; MP4 clips tell players to begin at `start`.
    """
    with cast("Turns", request.app.state.clipping).take():
        cut = _library(request, caller.owner).files.clip(_checked(asset_id), start=start, end=end)
    return PassingFileAnswer(
        cut.path,
        media_type="video/mp4" if cut.clip.container == "mp4" else "video/x-matroska",
        filename=cut.name,
        headers={"X-Clip-Begins": f"{cut.clip.begins_us / 1e6:.6f}", "Cache-Control": "private, no-store"},
    )


@router.get(
    "/assets/{asset_id}/export", operation_id="export_asset", responses={200: {"content": {"text/plain": {}}}}
)
def export_asset(
    request: Request,
    caller: ReadCaller,
    asset_id: Id,
    form: Annotated[Literal["sidecar", "srt", "vtt", "edl"], Query(alias="as")] = "sidecar",
) -> Response:
    """Everything known of it, its subtitles, or its scenes as a cut list."""
    library = _library(request, caller.owner)
    if form == "sidecar":
        return answer(request, library.export(_checked(asset_id)))
    text = library.export_text(_checked(asset_id), form)
    kind = "text/vtt" if form == "vtt" else "text/plain"
    return Response(text, media_type=f"{kind}; charset=utf-8")


@router.get(
    "/scenes/{scene_id}/thumbnail", operation_id="scene_thumbnail", responses=PICTURE, response_class=Response
)
def scene_thumbnail(request: Request, caller: ReadCaller, scene_id: Id) -> Response:
    """The picture of a scene, at most 320 px."""
    return _picture(request, *_library(request, caller.owner).files.thumbnail_of_scene(scene_id))


@router.get(
    "/keyframes/{keyframe_id}/{size}",
    operation_id="keyframe_picture",
    responses=PICTURE,
    response_class=Response,
)
def keyframe_picture(
    request: Request, caller: ReadCaller, keyframe_id: Id, size: Literal["frame", "thumbnail"]
) -> Response:
    """A kept frame, its short side at most 512 px, or its thumbnail."""
    files = _library(request, caller.owner).files
    return _picture(request, *files.kept_frame(keyframe_id, thumbnail=size == "thumbnail"))


def _picture(request: Request, file: DerivedFile, path: Any) -> Response:
    mark = tag(file.sha256)
    if is_known(request, mark):
        return Response(status_code=304, headers=KEPT | {"ETag": mark})
    if not path.is_file():
        raise NotFound("this picture is gone; run `heimdex index --repair`")
    return FileAnswer(path, media_type="image/jpeg", headers=KEPT | {"ETag": mark})


def _checked(asset_id: str) -> str:
    """An asset is named by its id alone here: paths of the server are nobody's business."""
    if not is_uuid(asset_id):
        raise NotFound(f"no asset {asset_id}")
    return asset_id


def _library(request: Request, owner: str) -> Heimdex:
    return cast("Heimdex", request.app.state.libraries.of(owner))
