"""The worker's jobs with an encoder that needs no weights: a test names this module in place of the real."""

from __future__ import annotations

from heimdex.encoders.encoder import Encoder
from heimdex.encoders.row import LoadOptions
from heimdex.pipeline import work
from heimdex.pipeline.work import encode, examine, look, warm
from tests.conformance.fakes import FakeEncoder

__all__ = ["encode", "examine", "look", "warm"]


def _fake(model: str, options: LoadOptions, ttl_s: float) -> Encoder:
    return FakeEncoder()


work.warm_encoder = _fake  # type: ignore[attr-defined, assignment]  # this process is a worker of a test
