"""What the client raises."""

from __future__ import annotations

from typing import Any

from heimdex.errors import HeimdexError


class ServiceError(HeimdexError):
    """The service refused, or cannot be reached. `status` is None where it gave no answer."""

    def __init__(self, message: str, *, status: int | None = None, problem: dict[str, Any] | None = None):
        super().__init__(message)
        self.status = status
        self.problem = problem or {}
