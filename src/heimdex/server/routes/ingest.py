"""Files fetched by address, from the places that the settings name."""

from __future__ import annotations

from typing import cast

from fastapi import APIRouter, Request, Response

from heimdex.app.incoming import Incoming
from heimdex.client.documents.uploads import IngestRequest, UploadShape
from heimdex.server.auth.caller import WriteCaller
from heimdex.server.shapes.problems import problems

router = APIRouter(prefix="/api/v1", tags=["uploads"], responses=problems(507))


@router.post("/ingest", operation_id="ingest", response_model=UploadShape, status_code=202)
def ingest(request: Request, response: Response, caller: WriteCaller, wanted: IngestRequest) -> UploadShape:
    """Begin to fetch a file; `GET /api/v1/uploads/{upload_id}` tells what became of it."""
    incoming = cast("Incoming", request.app.state.heimdex.incoming)
    upload = incoming.ingest.begin(caller.owner, wanted.url, wanted.name)
    response.headers["Location"] = f"/api/v1/uploads/{upload.upload_id}"
    return UploadShape.of(upload)
