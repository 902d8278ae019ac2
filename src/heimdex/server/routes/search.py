"""Searches: by words, scenes and pictures, page by page."""

from __future__ import annotations

import hashlib
import tempfile
from functools import partial
from pathlib import Path
from typing import Annotated, Any, cast

import anyio
from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from pydantic import ValidationError

from heimdex.app import Heimdex, shapes
from heimdex.client.documents.searches import SearchAnswer, SearchCursor, SearchRequest
from heimdex.client.documents.words import Id, Text
from heimdex.entities import Answer
from heimdex.errors import QueryError
from heimdex.server import cursors
from heimdex.server.asked_pictures import AskedPictures
from heimdex.server.auth.caller import ReadCaller
from heimdex.server.auth.known_route import KnownRoute
from heimdex.server.shapes.problems import problems

router = APIRouter(prefix="/api/v1", tags=["search"], route_class=KnownRoute, responses=problems())

SPOOL_BYTES = 1 << 20


@router.post("/search", operation_id="search", response_model=SearchAnswer, responses=problems(404))
async def search(request: Request, caller: ReadCaller, wanted: SearchRequest) -> dict[str, Any]:
    """The moments that answer words, scenes or a mixture. A cursor takes the place of all else."""
    return await _answer(request, caller.owner, wanted)


@router.get("/search", operation_id="search_words", response_model=SearchAnswer)
async def search_words(
    request: Request,
    caller: ReadCaller,
    q: Annotated[Text, Query(description="A line of the query language.")],
    limit: Annotated[int, Query(ge=1, le=200)] = 10,
) -> dict[str, Any]:
    """The same for words alone, as an address that can be linked to."""
    return await _answer(request, caller.owner, SearchRequest(text=q, match_count=limit))


@router.post("/search/picture", operation_id="search_picture", response_model=SearchAnswer)
async def search_picture(
    request: Request,
    caller: ReadCaller,
    picture: Annotated[UploadFile, File(description="JPEG, PNG, WebP, HEIC, AVIF, TIFF, GIF or BMP.")],
    query: Annotated[
        str, Form(max_length=100_000, description="A search request as JSON, for a mixture.")
    ] = "{}",
) -> dict[str, Any]:
    """The moments that look like a picture, mixed with words and scenes where `query` gives any."""
    try:
        wanted = SearchRequest.model_validate_json(query)
    except ValidationError as error:
        raise QueryError(f"query is no search request: {error.errors()[0]['msg']}") from error
    pictures = _pictures(request)
    with tempfile.NamedTemporaryFile(prefix="heimdex-asked-") as file:
        digest = hashlib.sha256()
        while block := await picture.read(SPOOL_BYTES):
            digest.update(block)
            file.write(block)
        file.flush()
        library = _library(request, caller.owner)
        take = partial(pictures.take, library, Path(file.name), digest.hexdigest())
        name = await anyio.to_thread.run_sync(take)
    return await _answer(request, caller.owner, wanted, picture=name)


@router.get(
    "/scenes/{scene_id}/similar",
    operation_id="similar_scenes",
    response_model=SearchAnswer,
    responses=problems(404),
)
async def similar_scenes(
    request: Request, caller: ReadCaller, scene_id: Id, limit: Annotated[int, Query(ge=1, le=200)] = 10
) -> dict[str, Any]:
    """Scenes that look like one."""
    return await _answer(request, caller.owner, SearchRequest(similar=scene_id, match_count=limit))


async def _answer(
    request: Request, owner: str, wanted: SearchRequest, picture: str | None = None
) -> dict[str, Any]:
    page = 1
    if wanted.cursor is not None:
        kept = cursors.unpack(wanted.cursor, SearchCursor)
        wanted, picture, page = kept.wanted, kept.picture, kept.page
    library = _library(request, owner)
    image = None if picture is None else _pictures(request).find(library, picture)
    look = partial(_search, library, wanted, image, page)
    found = await anyio.to_thread.run_sync(look, limiter=request.app.state.search_limiter)
    request.app.state.metrics.searched(found)
    document = shapes.answer(found)
    document["query"].pop("image", None)
    if picture is not None:
        document["query"]["picture"] = picture
    for hit in document["hits"]:
        hit["thumbnail"] = hit["thumbnail"] and f"/api/v1/scenes/{hit['scene_id']}/thumbnail"
    if found.more:
        document["next_cursor"] = cursors.pack(SearchCursor(wanted=wanted, picture=picture, page=page + 1))
    return document


def _search(library: Heimdex, wanted: SearchRequest, image: Path | None, page: int) -> Answer:
    return library.search(
        wanted.text,
        image=image,
        similar=wanted.similar,
        likes=[f"{like.scene_id}:{like.weight:+g}" for like in wanted.likes],
        says=wanted.says,
        shows=wanted.shows,
        without=wanted.without,
        kind=wanted.kind,
        within=wanted.within,
        since=wanted.since,
        until=wanted.until,
        limit=wanted.match_count,
        page=page,
        match_threshold=wanted.match_threshold,
        strictness=wanted.strictness,
        nearest=wanted.nearest,
        thumbnails=False,  # each is got by its address
    )


def _library(request: Request, owner: str) -> Heimdex:
    return cast("Heimdex", request.app.state.libraries.of(owner))


def _pictures(request: Request) -> AskedPictures:
    return cast("AskedPictures", request.app.state.asked_pictures)
