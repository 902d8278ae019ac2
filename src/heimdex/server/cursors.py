"""Cursors: what a next page needs to know, as one opaque word.

A cursor holds nothing but the caller's own request, and is checked like one when it comes back; it gives
nobody rights. The list it leafs through is kept by the searcher for a while, and made again where it is gone.
"""

from __future__ import annotations

import base64
import zlib
from typing import TypeVar

from pydantic import BaseModel

from heimdex.errors import QueryError

LARGEST_BYTES = 100_000

Content = TypeVar("Content", bound=BaseModel)


def pack(content: BaseModel) -> str:
    """The cursor of a content."""
    packed = zlib.compress(content.model_dump_json(by_alias=True, exclude_defaults=True).encode())
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def unpack(cursor: str, kind: type[Content]) -> Content:
    """The content of a cursor. Raises QueryError where it is none of ours."""
    try:
        packed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return kind.model_validate_json(zlib.decompressobj().decompress(packed, LARGEST_BYTES))
    except (ValueError, zlib.error) as error:  # pydantic's and base64's errors are ValueErrors
        raise QueryError("the cursor is none of ours; begin again without one") from error
