"""After vectors were made: how each takes to texts as such, for the verdict of searches."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from heimdex.encoders.background import VERSION, Floats, background_vectors, calibrate
from heimdex.encoders.encoder import Encoder
from heimdex.errors import ModelError
from heimdex.pipeline import models
from heimdex.pipeline.tools import PictureModel, Tools
from heimdex.store import calibrations
from heimdex.store.calibrations import Calibration, FrameKey
from heimdex.store.vectors import StoredModel, StoredSpace

log = logging.getLogger(__name__)

BATCH = 1000  # vectors at a time: 4 MB of them and 4 MB of scores
FOLDER = "calibration"  # below the home: other models' vectors of the background texts


def calibrate_space(tools: Tools, model: StoredModel) -> int:
    """Calibrate every vector that is not yet where words meet pictures; how many. No words, none.

    A model is loaded only where its vectors of the texts are not known.
    """
    encoder = models.load(tools.model)
    if encoder.text_space is None:
        return 0
    stored = model.space(encoder.text_space.name)
    background: Floats | None = None
    after: FrameKey | None = None
    done = 0
    while True:
        keys, values = tools.database.run(
            tools.owner, partial(_next, tools.owner, stored, after), read_only=True
        )
        if not keys:
            return done
        if background is None:
            try:
                background = background_of(tools.model, tools.home, encoder)
            except ModelError as error:  # searches go without
                log.warning("Searches will say `weak` of what they find: %s", error)
                return done
        means, deviations = calibrate(values, background, stored.space)
        made = [
            Calibration(mean=float(mean), deviation=float(deviation))
            for mean, deviation in zip(means, deviations, strict=True)
        ]
        tools.database.run(tools.owner, partial(_write, tools.owner, stored, keys, made))
        done += len(keys)
        after = keys[-1]


def background_of(model: PictureModel, home: Path, encoder: Encoder) -> Floats:
    """A model's vectors of the background texts, (texts, dim); of a model without words none, (0, 1).

    Made where they are not kept yet. Raises ModelError where the model cannot be loaded.
    """
    if encoder.text_space is None:
        return np.zeros((0, 1), np.float32)
    return background_vectors(model.weights_sha256, encoder.text_space, lambda: encoder, home / FOLDER)


def _next(
    owner: str, stored: StoredSpace, after: FrameKey | None, connection: Any
) -> tuple[list[FrameKey], Floats]:
    return calibrations.uncalibrated(connection, owner, stored, version=VERSION, after=after, limit=BATCH)


def _write(
    owner: str, stored: StoredSpace, keys: list[FrameKey], made: list[Calibration], connection: Any
) -> None:
    calibrations.write_calibrations(connection, owner, stored, keys, made, version=VERSION)
