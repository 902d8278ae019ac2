"""Problem documents, for the OpenAPI description."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from heimdex.server.problems import MEDIA_TYPE


class Fault(BaseModel):
    """What is wrong with one part of a request."""

    at: str
    message: str


class Problem(BaseModel):
    """An error (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:heimdex:problem:not-found",
                    "title": "Not found",
                    "status": 404,
                    "detail": "no asset 0199c1e0-0000-7000-8000-000000000000",
                    "request_id": "5b0c4c8e2f4b4b0d8a54b5a2f7f0c8e1",
                }
            ]
        }
    )

    type: str = Field(description="A URN that names the kind of problem.")
    title: str
    status: int
    detail: str | None = None
    request_id: str | None = None
    errors: list[Fault] | None = None


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route, for its `responses`. 422 and 503 can always be."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        status: {"description": "A problem (RFC 9457).", "content": {MEDIA_TYPE: schema}}
        for status in (*statuses, 400, 401, 403, 413, 422, 429, 503)
    }
