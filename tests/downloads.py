"""The route that hands out originals, without the rest of the service around it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from fastapi import FastAPI, Request, Response
from fastapi.testclient import TestClient

from heimdex import Heimdex
from heimdex.server import problems
from heimdex.server.routes.assets import download_original


def download_client(heimdex: Heimdex, asset_id: str) -> TestClient:
    """Answers `/original` with the original of an asset."""
    app = FastAPI()
    problems.install(app)
    app.state.libraries = SimpleNamespace(of=lambda owner: heimdex)
    caller = cast("Any", SimpleNamespace(owner=heimdex.owner))

    @app.api_route("/original", methods=["GET", "HEAD"])
    def original(request: Request) -> Response:
        return download_original(request, caller, asset_id)

    return TestClient(app)
