"""Documents with an entity tag: who has one already is told so (RFC 9110, 13.1.2)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from fastapi import Request, Response


def tag(digest: str) -> str:
    """A strong tag of a content, by its SHA-256, hex."""
    return f'"{digest[:32]}"'


def is_known(request: Request, mark: str) -> bool:
    """Whether the caller has what bears this tag; proxies that packed it may have made the tag a weak one."""
    given = [part.strip() for part in request.headers.get("if-none-match", "").split(",")]
    return "*" in given or mark in [part.removeprefix("W/") for part in given]


def answer(request: Request, document: Any) -> Response:
    """The document as JSON, or 304 where the caller has it."""
    content = json.dumps(document, ensure_ascii=False, default=str, separators=(",", ":")).encode(
        "utf-8", "backslashreplace"
    )
    mark = tag(hashlib.sha256(content).hexdigest())
    headers = {"ETag": mark, "Cache-Control": "private, no-cache"}
    if is_known(request, mark):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type="application/json", headers=headers)
