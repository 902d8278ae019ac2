"""Routes whose bodies hold secrets: what is wrong with a body is told without repeating it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

ECHOES = ("input", "ctx", "url")  # parts of pydantic's errors that repeat what was sent


class QuietRoute(APIRoute):
    """A route whose validation errors name the field and the fault only."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own handler, with its validation errors shortened."""
        handle = super().get_route_handler()

        async def handle_quietly(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                told = [
                    {name: value for name, value in fault.items() if name not in ECHOES}
                    for fault in error.errors()
                ]
            # Not from the original, which holds the whole body and would stand in a traceback.
            raise RequestValidationError(told) from None

        return handle_quietly
