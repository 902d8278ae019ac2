"""Two models without weights, so that one can be in use and the other be filled in beside it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from heimdex.encoders import catalog
from heimdex.encoders.encoder import Encoder, Rows
from heimdex.encoders.row import LoadOptions
from heimdex.encoders.text_rows import STARTER_SENTENCES
from heimdex.pipeline import stages, warmth
from tests.conformance.fakes import FAKE, FakeEncoder

SECOND = replace(FAKE, name="second", aliases=("next/best",), pretrained="colours, the other way round")
SLOW = (255, 0, 255)  # a picture of nothing but this keeps the second model busy
SLOW_S = 60.0


class SecondEncoder(FakeEncoder):
    """Sees what the first one sees, and writes it down in another order: no vector of one fits the other."""

    def __init__(self) -> None:
        super().__init__(SECOND)

    def embed_pictures(self, prepared: NDArray[np.uint8]) -> tuple[Rows, ...]:
        colours = prepared.reshape(len(prepared), -1, 3)
        if bool((np.abs(colours - np.array(SLOW)).max(axis=(1, 2)) < 8).any()):
            time.sleep(SLOW_S)
        return tuple(np.ascontiguousarray(rows[:, ::-1]) for rows in super().embed_pictures(prepared))


def load(name: str, options: LoadOptions | None = None) -> Encoder:
    """The encoder of that name."""
    return SecondEncoder() if catalog_row(name) is SECOND else FakeEncoder()


def catalog_row(name: str) -> object:
    return SECOND if name in (SECOND.name, *SECOND.aliases) else FAKE


@contextmanager
def two_models() -> Iterator[None]:
    """The catalog holds `fake` and `second`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages, "WORK", "tests.two_models_work")
        patch.setattr(catalog, "ROWS", (FAKE, SECOND, STARTER_SENTENCES))
        patch.setattr(catalog, "load", load)
        _forget()
        try:
            yield
        finally:
            _forget()


def _forget() -> None:
    """What is warm was loaded by another catalog."""
    warmth.warm_encoder.cache_clear()
    warmth.cache.cache_clear()
