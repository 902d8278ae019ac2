"""The log of the picture model's loading and of every vector, in the words of the systems before this one.

Below the level of everything else, so that it is silent unless somebody asks for it (HEIMDEX_LOG_VECTORS).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from heimdex.encoders import catalog
from heimdex.entities import Keyframe
from heimdex.errors import ModelError
from heimdex.inference import devices
from heimdex.pipeline.tools import PictureModel
from heimdex.pipeline.work import Encoded

log = logging.getLogger("heimdex.vectors")


def loading(model: PictureModel) -> None:
    """The model begins to be loaded."""
    log.debug("Loading CLIP model: %s", model.row.name)


def loaded(model: PictureModel, load_s: float) -> None:
    """It is loaded, `load_s` seconds later."""
    log.debug(
        "CLIP model loaded successfully: %s (embed_dim=%s, device=%s, load_time=%.2fs, cache_dir=%s)",
        model.row.name,
        "+".join(str(space.dim) for space in model.spaces),
        devices.choose(model.options.device),
        load_s,
        _weights(model),
    )


def created(frames: Iterable[Keyframe], encoded: Iterable[Encoded]) -> None:
    """Vectors were made; those that failed are left out."""
    if not log.isEnabledFor(logging.DEBUG):
        return
    for frame, result in zip(frames, encoded, strict=True):
        for values in result.vectors:
            log.debug(
                "CLIP embedding created: %s, dim=%d, time=%.1fms, norm=%.3f",
                frame.frame.key,
                len(values),
                result.inference_time_ms,
                np.linalg.norm(values.astype(np.float32)),
            )


def _weights(model: PictureModel) -> Path | None:
    try:
        return catalog.folder(model.row, model.options)
    except ModelError:
        return None
