"""Labelled queries held against a library: which moments it holds, and how they look to its model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from psycopg import Connection

from heimdex.encoders.background import PROBABILITIES, Floats
from heimdex.encoders.encoder import Encoder
from heimdex.entities import Query, Values
from heimdex.errors import QueryError
from heimdex.search.adapting.splits import usual_cosine
from heimdex.search.adapting.training import Ground, Mark
from heimdex.search.figures import SAMPLE_ROWS
from heimdex.search.labels import Labelled, Moment
from heimdex.search.request import Reading, encode, take_apart
from heimdex.store import adapters, calibrations, nearest, vectors
from heimdex.store.vectors import StoredSpace


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Marks:
    """Marks that can be used, moments that the library does not hold, and the ground they stand on."""

    marks: tuple[Mark, ...]
    missing: tuple[Moment, ...]
    ground: Ground


def vectors_of(labels: Sequence[Labelled], encoder: Encoder, reading: Reading) -> list[Values | None]:
    """What the encoder makes of each query's words. Raises QueryError for one that cannot be asked."""
    found: list[Values | None] = []
    for labelled in labels:
        query = Query(text=labelled.query)
        try:
            words = encode(encoder, query, take_apart(query, reading), reading).words
        except QueryError as error:
            raise QueryError(f"The marked query {labelled.query!r} cannot be asked: {error}") from error
        found.append(None if words is None else words.vector)
    return found


def read_marks(
    connection: Connection[Any],
    owner: str,
    stored: StoredSpace | None,
    labels: Sequence[Labelled],
    words: Sequence[Values | None],
    background: Floats,
) -> Marks:
    """Marks from labelled queries and their vectors; `stored` is the space in which words meet pictures.

    `background` are texts on everything in that space, (texts, dim).
    A query none of whose moments is held is left out: it would pass for one that nothing answers.
    """
    asked = [
        (labelled, vector, moment)
        for labelled, vector in zip(labels, words, strict=True)
        for moment in labelled.moments
    ]
    moments = [(moment.path, moment.start_us, moment.end_us) for _, _, moment in asked]
    held: dict[str, list[Moment]] = {labelled.query: [] for labelled in labels}
    frames: dict[str, list[Values]] = {labelled.query: [] for labelled in labels}
    missing: list[Moment] = []
    places = adapters.scenes_of_moments(connection, owner, moments)
    for (labelled, vector, moment), scenes in zip(asked, places, strict=True):
        if not scenes:
            missing.append(moment)
            continue
        held[labelled.query].append(moment)
        if vector is not None and stored is not None:
            frames[labelled.query] += _nearest_frame(connection, owner, stored, vector, scenes)
    marks = [
        Mark(
            labelled=replace(labelled, moments=tuple(held[labelled.query])),
            vector=vector,
            frames=tuple(frames[labelled.query]),
        )
        for labelled, vector in zip(labels, words, strict=True)
        if held[labelled.query] or not labelled.moments
    ]
    ground = _ground(connection, owner, stored, usual_cosine(words, background))
    return Marks(marks=tuple(marks), missing=tuple(missing), ground=ground)


def _nearest_frame(
    connection: Connection[Any], owner: str, stored: StoredSpace, vector: Values, scenes: Sequence[str]
) -> list[Values]:
    """The one frame of some scenes that is nearest to a vector: of a whole film not all was meant."""
    scored = nearest.score_scenes(connection, owner, stored, vector, scenes)
    if not scored:
        return []
    best = max(scored, key=lambda scene_id: scored[scene_id].cosine)
    own = vectors.vectors_of_scene(connection, owner, stored, best)
    return [max(own, key=lambda values: float(values @ vector))]


def _ground(connection: Connection[Any], owner: str, stored: StoredSpace | None, usual: float) -> Ground:
    if stored is None:
        return Ground(centre=None, nonnegative=False, usual=usual)
    sample = calibrations.sample(connection, owner, stored, limit=SAMPLE_ROWS)
    middle = sample.values.mean(axis=0) if len(sample.values) else np.zeros(0, np.float32)
    length = float(np.linalg.norm(middle))
    return Ground(
        centre=None if length == 0.0 else np.asarray(middle / length, dtype=np.float32),
        nonnegative=stored.space.name in PROBABILITIES,
        usual=usual,
    )
