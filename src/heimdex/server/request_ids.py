"""Every request has an id: the caller's, or ours. It stands in the answer, in problems and in the log."""

from __future__ import annotations

import re
import uuid
from contextvars import ContextVar

HEADER = "X-Request-ID"
_FORM = re.compile(r"[A-Za-z0-9._-]{1,64}")
_current: ContextVar[str | None] = ContextVar("heimdex_request_id", default=None)


def request_id() -> str | None:
    """The id of the request that is being answered; None outside of one."""
    return _current.get()


def take(given: str | None) -> str:
    """Begin a request: its own id where that is well formed, else a new one."""
    chosen = given if given is not None and _FORM.fullmatch(given) else uuid.uuid4().hex
    _current.set(chosen)
    return chosen
