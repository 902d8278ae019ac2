"""The job of the worker process that encodes texts. Gets `report` first; calling it shows it lives."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from heimdex.encoders import catalog
from heimdex.encoders.encoder import Rows
from heimdex.encoders.row import LoadOptions
from heimdex.encoders.text_encoder import TextEncoder
from heimdex.pipeline.worker import Report


@lru_cache(maxsize=1)
def _encoder(model: str, options: LoadOptions) -> TextEncoder:
    return catalog.load_text(model, options)


def warm(report: Report, model: str, options: LoadOptions) -> None:
    """Load a model and run it once, so that no text pays for it."""
    encode(report, model, options, ["warm"])


def encode(report: Report, model: str, options: LoadOptions, texts: list[str]) -> Rows:
    """The vectors of texts that are to be found, in order: (n, dim), unit rows."""
    encoder = _encoder(model, options)
    report(None)
    rows: Rows = np.stack([vector.values for vector in encoder.encode(texts, "passage")])
    return rows
