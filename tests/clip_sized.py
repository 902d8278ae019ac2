"""A model without weights whose vectors are as long as those of CLIP ViT-B: 512 numbers, one space."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from heimdex.encoders import catalog
from heimdex.encoders.encoder import Rows
from heimdex.encoders.text_rows import STARTER_SENTENCES
from heimdex.entities import Space
from heimdex.pipeline import stages, warmth
from tests.conformance.fakes import FAKE, FakeEncoder

DIM = 512
DEADLY = (255, 0, 255)  # a picture of nothing but this ends the process that looks at it
CLIP_SIZED = replace(FAKE, name="clip-sized", pretrained="colours, spread out")


class ClipSizedEncoder(FakeEncoder):
    """Sees and says what the fake encoder does, turned into 512 dimensions: angles stay as they are."""

    def __init__(self) -> None:
        super().__init__(CLIP_SIZED)
        assert self.text_space is not None
        narrow = self.text_space.dim
        self._turn = np.linalg.qr(np.random.default_rng(7).standard_normal((DIM, narrow)))[0].T
        self.text_space = self.similar_space = Space(model=CLIP_SIZED.name, name="joint", dim=DIM)
        self.picture_spaces = (self.text_space,)

    def embed_pictures(self, prepared: NDArray[np.uint8]) -> tuple[Rows, ...]:
        colours = prepared.reshape(len(prepared), -1, 3)
        if bool((np.abs(colours - np.array(DEADLY)).max(axis=(1, 2)) < 8).any()):
            os._exit(3)
        labels, _ = super().embed_pictures(prepared)
        return (self._turned(labels),)

    def embed_words(self, texts: Sequence[str]) -> tuple[Rows, NDArray[np.float32]]:
        rows, certainties = super().embed_words(texts)
        return self._turned(rows), certainties

    def _turned(self, rows: Rows) -> Rows:
        turned: Rows = np.ascontiguousarray(rows @ self._turn, dtype=np.float32)
        return turned


@contextmanager
def clip_sized_model() -> Iterator[None]:
    """The catalog holds one picture model, `clip-sized`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages, "WORK", "tests.clip_sized_work")
        patch.setattr(catalog, "ROWS", (CLIP_SIZED, STARTER_SENTENCES))
        patch.setattr(catalog, "load", lambda name, options=None: ClipSizedEncoder())
        _forget()
        try:
            yield
        finally:
            _forget()


def _forget() -> None:
    """What is warm was loaded by another catalog."""
    warmth.warm_encoder.cache_clear()
    warmth.cache.cache_clear()
