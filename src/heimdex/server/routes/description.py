"""The description of the API for people: all of it from here, so that no other host sees the session."""

from __future__ import annotations

from importlib.resources import files

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse

router = APIRouter(include_in_schema=False)

OURS_ALONE = (
    "default-src 'none'; connect-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@router.get("/")
def home() -> RedirectResponse:
    """Whoever opens the bare address in a browser is shown what there is."""
    return RedirectResponse("/api/docs", status_code=307)


@router.get("/api/docs")
def docs() -> HTMLResponse:
    """A page that reads `/api/v1/openapi.json`."""
    page = files("heimdex.server").joinpath("docs_page.html").read_text(encoding="utf-8")
    return HTMLResponse(page, headers={"Content-Security-Policy": OURS_ALONE, "Cache-Control": "no-cache"})
