"""Routes with large bodies: who asks is known before a byte of the body is read."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import anyio
from fastapi import Request, Response
from fastapi.routing import APIRoute

from heimdex.server.auth.caller import caller


class KnownRoute(APIRoute):
    """A route that takes nothing from strangers: FastAPI reads a body before it asks its dependencies."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own handler, after a look at who asks."""
        handle = super().get_route_handler()

        async def handle_known(request: Request) -> Response:
            await anyio.to_thread.run_sync(caller, request)
            return await handle(request)

        return handle_known
