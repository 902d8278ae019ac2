"""Models made here: an int8 one from an installed one, ranges learnt from the library's own kept frames."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np

from heimdex.encoders import catalog
from heimdex.encoders.encoder import Encoder
from heimdex.encoders.files import ModelFiles
from heimdex.encoders.row import LoadOptions, ModelRow
from heimdex.entities import Picture
from heimdex.errors import MediaError, UsageError
from heimdex.inference.export import write_manifest
from heimdex.inference.quantise import (
    CALIBRATION,
    CHECKED,
    Loss,
    Rows,
    divide,
    int8_row,
    measure_loss,
    quantise_graph,
)
from heimdex.inference.staging import STAGING
from heimdex.inference.transforms import normalise
from heimdex.media.pictures import read_picture
from heimdex.pipeline.tools import Tools
from heimdex.store import assets, scenes

GRAPH = "pictures-int8.xml"
SEED = 7  # of the choice of frames: the same library gives the same model
ASSETS_AT_ONCE = 64

OnStep = Callable[[str], None]


def quantise(
    tools: Tools, name: str, *, again: bool = False, on_step: OnStep = lambda _: None
) -> tuple[str, Loss]:
    """Make NAME-int8 of an installed model; its name and what it costs.

    Raises NotFound, ModelUnavailable where the model or NNCF is not installed, UsageError for a model
    that has no pictures, is int8 or is there already, or too few kept frames; ModelError where NNCF fails.
    """
    options = replace(tools.model.options, device="cpu", precision="fp32")
    row = catalog.find(name, options.models_dir)
    if row.picture_file is None or row.family == "starter" or row.precision == "int8":
        raise UsageError(f"There is nothing to make int8 of {row.name}: choose a picture model in fp32.")
    if options.models_dir is None:
        raise UsageError("No folder for models was named; set HEIMDEX_MODELS_DIR.")
    final = options.models_dir / f"{row.name}-int8"
    if final.exists() and not again:
        raise UsageError(f"There is a model {final.name} already; say --again to make it anew.")
    encoder = catalog.load(row.name, options)
    on_step("reading kept frames")
    learnt, others = divide([encoder.prepare(picture) for picture in _frames(tools)])
    _install(row, options, learnt, final, on_step)
    on_step(f"measuring the loss on {len(others)} other pictures")
    small = catalog.load(final.name, options)
    return final.name, measure_loss(_vectors(encoder, others), _vectors(small, others))


def _install(
    row: ModelRow, options: LoadOptions, learnt: list[Picture], final: Path, on_step: OnStep
) -> None:
    """Put the int8 model together beside the others, and move it to its place when it is whole."""
    files = ModelFiles(row, options)
    whole = files.graph(row.picture_file)
    made = int8_row(asdict(row), GRAPH, files.beside(str(row.picture_file)))
    base = final.parent / STAGING
    base.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(dir=base, prefix="int8-"))
    try:
        quantise_graph(
            whole,
            learnt,
            lambda square: normalise(square[np.newaxis], row.mean, row.std),
            place / GRAPH,
            on_step=on_step,
        )
        for kept in made["files"][2:]:
            (place / kept).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(files.open(kept).path, place / kept)
        source = f"{row.name}, made int8 on {len(learnt)} kept frames; SHA-256 {whole.sha256}"
        write_manifest(place, made, licence=row.licence, source=source)
        place.chmod(0o755)
        shutil.rmtree(final, ignore_errors=True)
        place.rename(final)
    except BaseException:  # Ctrl-C leaves nothing behind either
        shutil.rmtree(place, ignore_errors=True)
        raise


def _frames(tools: Tools) -> list[Picture]:
    """Kept frames chosen by lot over all assets, as many as are of use."""
    ids = sorted(tools.database.run(tools.owner, lambda c: assets.list_ids(c, tools.owner), read_only=True))
    random.Random(SEED).shuffle(ids)
    found: list[Picture] = []
    for paths in _paths(tools, ids):
        for path in paths:
            try:
                found.append(read_picture(path))
            except MediaError:
                continue  # `heimdex verify` says so; here another will do
        if len(found) >= CALIBRATION + CHECKED:
            break
    return found[: CALIBRATION + CHECKED]


def _paths(tools: Tools, ids: list[str]) -> Iterator[list[Path]]:
    for start in range(0, len(ids), ASSETS_AT_ONCE):
        some = ids[start : start + ASSETS_AT_ONCE]
        kept = tools.database.run(
            tools.owner, partial(scenes.keyframes_of, owner=tools.owner, asset_ids=some), read_only=True
        )
        firsts = [keyframe for asset_id in some for keyframe in kept[asset_id] if keyframe.rank == 0]
        yield tools.derived.at_hand([keyframe.frame for keyframe in firsts])


def _vectors(encoder: Encoder, prepared: list[Picture]) -> Rows:
    """Their vectors in the space where pictures meet pictures."""
    place = encoder.picture_spaces.index(encoder.similar_space)
    parts = [
        encoder.embed_pictures(np.stack(prepared[start : start + encoder.batch]))[place]
        for start in range(0, len(prepared), encoder.batch)
    ]
    return np.concatenate(parts)
