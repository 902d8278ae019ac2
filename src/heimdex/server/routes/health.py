"""Whether the service runs, and whether it can answer."""

from __future__ import annotations

from fastapi import APIRouter, Request

from heimdex import __version__
from heimdex.app import Heimdex
from heimdex.client.documents.library import Health, Ready
from heimdex.server.shapes.problems import problems

router = APIRouter(tags=["service"])


@router.get("/health", operation_id="health", response_model=Health)
def health(request: Request) -> dict[str, object]:
    """The service runs; what it can see, hear and read. Touches neither database nor models."""
    heimdex: Heimdex = request.app.state.heimdex
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
        "models": {"picture": settings.picture_model} if settings.pictures else {},
    }


@router.get("/ready", operation_id="ready", response_model=Ready, responses=problems())
def ready(request: Request) -> dict[str, str]:
    """It can answer searches now: the database answers and the picture model is loaded."""
    heimdex: Heimdex = request.app.state.heimdex
    heimdex.check_ready()
    return {"status": "ready"}
