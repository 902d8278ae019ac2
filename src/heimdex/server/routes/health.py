"""Whether the service runs, and whether it can answer."""

from __future__ import annotations

from fastapi import APIRouter, Request

from heimdex import __version__
from heimdex.app import Heimdex
from heimdex.client.documents.library import Health, Ready
from heimdex.server.default_model import DefaultModel
from heimdex.server.shapes.problems import problems

router = APIRouter(tags=["service"])


@router.get("/health", operation_id="health", response_model=Health)
def health(request: Request) -> dict[str, object]:
    """The service runs; what it can see, hear and read, and the installation's picture model.

    A database that does not answer changes nothing: then it is the model known last.
    """
    heimdex: Heimdex = request.app.state.heimdex
    default_model: DefaultModel = request.app.state.default_model
    settings = heimdex.settings
    return {
        "status": "healthy",
        "version": __version__,
        "features": {
            "vision": settings.pictures,
            "face": bool(settings.faces),
            "speech": settings.speech != "off",
            "ocr": settings.writing,
        },
        "models": {"picture": default_model.name()} if settings.pictures else {},
    }


@router.get("/ready", operation_id="ready", response_model=Ready, responses=problems())
def ready(request: Request) -> dict[str, object]:
    """It can answer searches now: the database answers, and the picture model is loaded.

    Weights that cannot be used here are named: the model before stands in for them, or words answer alone.
    """
    heimdex: Heimdex = request.app.state.heimdex
    return {"status": "ready", "missing": heimdex.check_ready()}
