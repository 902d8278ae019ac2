"""Pictures to vectors: our engine in batches beside open_clip one by one, preparing them included."""

from __future__ import annotations

import os

import numpy as np
from PIL import Image

from benchmarks.plan import Plan, photos
from benchmarks.reference_clip import OpenClip, PictureTower, prepared, tower
from benchmarks.rows import Row, at_most, interleaved, times_as_fast
from heimdex.encoders import catalog
from heimdex.entities import Picture
from heimdex.media.photo import read_photo

FASTER_BAR = 10.0
LEAST_COSINE = 0.999


def embedding_rows(plan: Plan) -> list[Row]:
    """The embedding line of the design's table."""
    ours_count, theirs_count = (32, 4) if plan.quick else (128, 16)
    pictures = [read(path) for path in photos(ours_count)]
    images = [Image.fromarray(picture) for picture in pictures[:theirs_count]]
    engine, peer = tower(plan.cache), OpenClip()
    engine32 = tower(plan.cache, "fp32")
    starter = catalog.load("starter")
    list(starter.encode_pictures(pictures[: starter.batch]))
    peer.embed(images[0])

    def batched(model: PictureTower) -> None:
        for start in range(0, len(pictures), model.batch):
            model.embed(pictures[start : start + model.batch])

    times = interleaved(
        {
            "ours": lambda: batched(engine),
            "peer": lambda: [peer.embed(image) for image in images],
            "ours fp32": lambda: batched(engine32),
            "starter": lambda: list(starter.encode_pictures(pictures)),
        },
        plan.runs(5),
    )
    ours, theirs, ours32, starters = (
        [time / count for time in times[name]]
        for name, count in (
            ("ours", ours_count),
            ("peer", theirs_count),
            ("ours fp32", ours_count),
            ("starter", ours_count),
        )
    )
    cosine = least_cosine(engine, peer, pictures[:theirs_count])
    precision = engine.session.precision
    return [
        times_as_fast(
            f"ViT-B/32 in batches, {precision}, beside open_clip fp32 one by one", ours, theirs, FASTER_BAR
        ),
        times_as_fast("… the same in fp32", ours32, theirs),
        Row(
            what=f"… least cosine of a vector in {precision} to open_clip's",
            figure=f"{cosine:.5f}",
            bar=f"≥ {LEAST_COSINE}",
            holds=cosine >= LEAST_COSINE,
        ),
        at_most("the starter encoder, pictures a second", 1 / sorted(starters)[len(starters) // 2], "/s"),
    ]


def read(path: os.PathLike[str]) -> Picture:
    """A photo as a kept frame has it."""
    return read_photo(os.fsencode(path), max_pixels=10**8, short_side=512)


def least_cosine(engine: PictureTower, peer: OpenClip, pictures: list[Picture]) -> float:
    """How far the engine's arithmetic strays, on the same prepared pictures."""
    squares = np.stack([prepared(picture) for picture in pictures])
    ours = engine.embed_prepared(squares)
    theirs = np.stack([peer.embed_square(square) for square in squares])
    return float((ours * theirs).sum(axis=1).min())
