"""Who asks is known before a body is read."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, UploadFile
from starlette.formparsers import MultiPartParser
from starlette.testclient import TestClient

from heimdex.errors import NotSignedIn
from heimdex.server import problems
from heimdex.server.auth.known_route import KnownRoute
from heimdex.server.routes import search


def test_nothing_of_a_strangers_form_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []

    async def parse(_: Any) -> None:
        read.append("form")

    def nobody(_: Any) -> None:
        raise NotSignedIn("who are you?")

    monkeypatch.setattr(MultiPartParser, "parse", parse)
    router = APIRouter(route_class=KnownRoute)

    @router.post("/")
    def take(picture: UploadFile) -> None:
        """Takes a picture."""

    app = FastAPI()
    problems.install(app)
    app.include_router(router)
    app.state.gate = SimpleNamespace(caller_of=nobody)
    assert TestClient(app).post("/", files={"picture": b"x" * 100}).status_code == 401
    assert not read


def test_pictures_to_search_by_are_taken_from_nobody_else() -> None:
    assert all(isinstance(route, KnownRoute) for route in search.router.routes)
