"""The worker's jobs with two encoders that need no weights: a test names this module in place of the real."""

from __future__ import annotations

from heimdex.encoders.encoder import Encoder
from heimdex.encoders.row import LoadOptions
from heimdex.pipeline import work
from heimdex.pipeline.work import encode, examine, look, warm
from tests.two_models import load

__all__ = ["encode", "examine", "look", "warm"]


def _load(model: str, options: LoadOptions, ttl_s: float) -> Encoder:
    return load(model, options)


work.warm_encoder = _load  # type: ignore[attr-defined, assignment]  # this process is a worker of a test
