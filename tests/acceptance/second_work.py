"""The worker's jobs, in a process that knows the second model too."""

from __future__ import annotations

from heimdex.pipeline.work import encode, examine, look, warm
from tests.acceptance import second_door

__all__ = ["encode", "examine", "look", "second_door", "warm"]
