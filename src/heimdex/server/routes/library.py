"""The library as a whole: its state, its models, whether its index is whole."""

from __future__ import annotations

from typing import Any, cast

from fastapi import APIRouter, Request, Response

from heimdex.app import Heimdex, shapes
from heimdex.client.documents.library import ModelsShape, VerificationShape, VerifyRequest
from heimdex.server.auth.caller import ReadCaller
from heimdex.server.etags import answer
from heimdex.server.shapes.problems import problems
from heimdex.server.turns import Turns

router = APIRouter(prefix="/api/v1", responses=problems())


@router.get("/status", operation_id="status", tags=["library"], response_model=dict[str, Any])
def status(request: Request, caller: ReadCaller) -> Response:
    """How much there is, and how far each stage has come, counted from rows."""
    document = _library(request, caller.owner).status()
    document.pop("home", None)
    return answer(request, document)


@router.get("/models", operation_id="list_models", tags=["models"], response_model=ModelsShape)
def list_models(request: Request, caller: ReadCaller) -> Response:
    """The models there are, which are installed and in use, and what each would bring."""
    return answer(request, {"models": _library(request, caller.owner).models.listing()})


@router.post("/verify", operation_id="verify", tags=["library"], response_model=VerificationShape)
def verify(request: Request, caller: ReadCaller, wanted: VerifyRequest) -> dict[str, Any]:
    """Derive a part of the index again from files and rows, and name every fault."""
    with cast("Turns", request.app.state.verifying).take():
        return shapes.verification(_library(request, caller.owner).verify(sample=wanted.sample))


def _library(request: Request, owner: str) -> Heimdex:
    return cast("Heimdex", request.app.state.libraries.of(owner))
