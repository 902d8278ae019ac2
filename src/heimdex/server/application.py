"""The application: routes, guards, problems and what they share, put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from heimdex import __version__
from heimdex.app import Heimdex
from heimdex.server import problems
from heimdex.server.asked_pictures import AskedPictures
from heimdex.server.auth.limits import RateLimitHeaders
from heimdex.server.auth.options import auth_options
from heimdex.server.default_model import DefaultModel
from heimdex.server.guards import Guards
from heimdex.server.libraries import Libraries
from heimdex.server.metrics import ServerMetrics
from heimdex.server.options import ServerOptions
from heimdex.server.routes import (
    assets,
    description,
    health,
    ingest,
    jobs,
    keys,
    library,
    metrics,
    models,
    search,
    sign_in,
    uploads,
    users,
)
from heimdex.server.shapes.problems import Problem
from heimdex.server.turns import Turns
from heimdex.server.watching import LOOKS_AT_ONCE, Watchers

TITLE = "Heimdex"
SUMMARY = "Find any moment in your own videos and photos."
UPLOADS, ASSETS = "/api/v1/uploads", "/api/v1/assets"  # bodies of any length


def create_app(heimdex: Heimdex, options: ServerOptions | None = None) -> FastAPI:
    """The service over an open library, whose closing stays with the caller."""
    options = options or ServerOptions()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.search_limiter = anyio.CapacityLimiter(options.searches_at_once)
        app.state.watch_limiter = anyio.CapacityLimiter(LOOKS_AT_ONCE)
        incoming = await anyio.to_thread.run_sync(lambda: heimdex.incoming)
        incoming.finisher.begin_sweeping()
        yield

    app = FastAPI(
        title=TITLE,
        summary=SUMMARY,
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.state.heimdex = heimdex
    app.state.options = options
    app.state.auth = options.auth or auth_options(heimdex.settings)
    app.state.libraries = Libraries(heimdex, most=options.libraries)
    app.state.asked_pictures = AskedPictures(heimdex.settings.home)
    app.state.metrics = ServerMetrics(heimdex)
    app.state.default_model = DefaultModel(heimdex)
    app.state.watchers = Watchers()
    app.state.verifying = Turns(options.verifications_at_once, "verification")
    app.state.clipping = Turns(options.clips_at_once, "cutting clips")
    app.state.checking = Turns(options.checks_at_once, "checking files")
    problems.install(app)
    for module in (search, assets, library, models, jobs, uploads, ingest, sign_in, users, keys):
        app.include_router(module.router)
    app.include_router(health.router)
    app.include_router(health.router, prefix="/api/v1", include_in_schema=False)
    app.include_router(metrics.router)
    app.include_router(description.router)
    app.add_middleware(RateLimitHeaders)
    app.add_middleware(
        Guards, options=options, body_limit=_body_limit(options), answered=app.state.metrics.answered
    )
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]
    return app


def _body_limit(options: ServerOptions) -> Any:
    def limit(method: str, path: str) -> int | None:
        if method != "GET" and (path.startswith(UPLOADS) or path == ASSETS):
            return None
        return options.picture_bytes if path == "/api/v1/search/picture" else options.body_bytes

    return limit


def _described(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document; errors are problems, not FastAPI's own form."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schemas["Problem"].pop("$defs", {})
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        app.openapi_schema = document
    return app.openapi_schema
