"""The worker's jobs with an encoder of 512 dimensions and no weights, for tests."""

from __future__ import annotations

from heimdex.encoders.encoder import Encoder
from heimdex.encoders.row import LoadOptions
from heimdex.pipeline import work
from heimdex.pipeline.work import encode, examine, look, warm
from tests.clip_sized import ClipSizedEncoder

__all__ = ["encode", "examine", "look", "warm"]


def _fake(model: str, options: LoadOptions, ttl_s: float) -> Encoder:
    return ClipSizedEncoder()


work.warm_encoder = _fake  # type: ignore[attr-defined, assignment]  # this process is a worker of a test
