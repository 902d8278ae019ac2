"""How near rows are found: exactly over few rows, by HNSW over many.

A filtered HNSW scan can return almost nothing, so the choice is made by counting the rows that pass the
filters, not by hope. Space ids and dimensions are literals in the SQL: with bind parameters the generic plan
falls to a sequential scan.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from heimdex.entities import Filters, FrameStrategy, Values
from heimdex.store.calibrations import Calibration
from heimdex.store.halves import Half
from heimdex.store.sql import literal_int, queries, uuid_array
from heimdex.store.vectors import StoredSpace, has_index

SQL = queries("search")

EXACT_ROWS = 10_000  # rows; up to here an exact scan is as quick as the index, and always right
EF_SEARCH = 400  # candidates HNSW keeps; fewer lose tight groups of vectors, see schema/0003_space_index.sql
MOST_EF_SEARCH = 1000  # what pgvector takes
MAX_SCAN_TUPLES = 40_000  # rows an iterative HNSW scan may visit before it gives up
FRAMES_PER_SCENE = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class SceneFacts:
    """What a hit shows of a scene."""

    scene_id: str
    asset_id: str
    kind: str
    start_us: int
    end_us: int
    thumbnail_key: str | None
    path: str
    times_us: dict[int, int]  # of its kept frames, by rank


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameScore:
    """A scene for a vector: which of its frames says most, and the cosine by the strategy."""

    rank: int
    cosine: float
    calibration: Calibration | None = None  # of that frame


def set_up_search(connection: Connection[Any], *, limit: int = 0) -> None:
    """Set how far the index looks for `limit` rows, for the rest of the transaction."""
    ef = min(MOST_EF_SEARCH, max(EF_SEARCH, limit))
    connection.execute(SQL["set_up_search"], {"ef": ef, "tuples": MAX_SCAN_TUPLES})


def nearest_scenes(
    connection: Connection[Any],
    owner: str,
    stored: StoredSpace,
    vector: Values,
    filters: Filters,
    *,
    limit: int,
    exact: bool | None = None,
    strategy: FrameStrategy = FrameStrategy.TOP3_MAX,
    set_up: bool = True,
) -> list[str]:
    """Ids of the scenes nearest to a vector by the strategy, the nearest first.

    `exact` is what `choose_exact` said; None asks it. `set_up=False`: the transaction has been set up.
    """
    if set_up:
        set_up_search(connection, limit=limit)
    literals = {"space_id": stored.space_id, "dim": stored.space.dim}
    parameters = filter_parameters(filters) | {"owner": owner, "vector": Half(vector)}
    # A frame may be one of several of its scene, so more frames are asked for than scenes, but none beyond
    # what the index looks at anyway. Who is near on average may have no frame among the very nearest.
    frames = EF_SEARCH if strategy == FrameStrategy.TOP3_MEAN else limit * FRAMES_PER_SCENE
    wanted = max(limit, min(frames, EF_SEARCH))
    if exact is None:
        exact = choose_exact(connection, owner, stored, filters)
    if exact:
        query = literal_int(_of_frames("nearest_exact", strategy, filters), **literals, limit=limit)
    else:
        query = literal_int(_of_frames("nearest_indexed", strategy, filters), **literals, limit=wanted)
    return [row[0] for row in connection.execute(query, parameters).fetchall()[:limit]]


def choose_exact(
    connection: Connection[Any],
    owner: str,
    stored: StoredSpace,
    filters: Filters,
    *,
    exact_rows: int = EXACT_ROWS,
) -> bool:
    """Whether so few rows pass the filters that scanning them all is the better way."""
    name = "count_space" if filters == Filters() else "count_rows"
    query = literal_int(with_filters(SQL[name], filters), space_id=stored.space_id, limit=exact_rows + 1)
    row = connection.execute(query, filter_parameters(filters) | {"owner": owner}).fetchone()
    assert row is not None
    return row[0] <= exact_rows or not has_index(connection, stored.space_id)


def score_scenes(
    connection: Connection[Any],
    owner: str,
    stored: StoredSpace,
    vector: Values,
    scenes: Sequence[str],
    strategy: FrameStrategy = FrameStrategy.TOP3_MAX,
    *,
    calibrated: bool = False,
) -> dict[str, FrameScore]:
    """Each scene's cosine to a vector by the strategy. Scenes without a vector that counts are left out.

    `calibrated`: with what is known of the hubness of their nearest frames.
    """
    counted = "counted_mean" if strategy == FrameStrategy.TOP3_MEAN else "counted_nearest"
    statement = _with_frames(SQL["score_scenes"], strategy).replace("/* counted */", SQL[counted].strip())
    joined = SQL["with_calibrations" if calibrated else "without_calibrations"].strip()
    query = literal_int(
        statement.replace("/* calibrations */", joined), space_id=stored.space_id, dim=stored.space.dim
    )
    parameters = {"owner": owner, "scenes": uuid_array(scenes), "vector": Half(vector)}
    return {
        scene_id: FrameScore(
            rank=rank,
            cosine=1.0 - distance,
            calibration=None if mean is None else Calibration(mean=mean, deviation=deviation),
        )
        for scene_id, rank, distance, mean, deviation in connection.execute(query, parameters).fetchall()
    }


def assets_by_path(
    connection: Connection[Any], owner: str, words: Sequence[str], filters: Filters, *, each: int
) -> dict[str, list[str]]:
    """Assets whose paths hold some of the words, at least `each` for every word, with the words they hold."""
    query = literal_int(with_filters(SQL["assets_by_path"], filters), limit=each)
    rows = connection.execute(query, filter_parameters(filters) | {"owner": owner, "words": list(words)})
    return dict(rows.fetchall())


def path_words_of_assets(
    connection: Connection[Any], owner: str, words: Sequence[str], assets: Iterable[str]
) -> dict[str, list[str]]:
    """Which of the words stand in each asset's paths; assets with none are left out."""
    parameters = {"owner": owner, "words": list(words), "assets": uuid_array(assets)}
    return dict(connection.execute(SQL["path_words_of_assets"], parameters).fetchall())


def word_frequencies(
    connection: Connection[Any], owner: str, words: Sequence[str], *, limit: int
) -> dict[str, int]:
    """In how many assets' paths each word stands, counted up to the limit."""
    query = literal_int(SQL["word_frequencies"], limit=limit)
    return dict(connection.execute(query, {"owner": owner, "words": list(words)}).fetchall())


def count_assets(connection: Connection[Any], owner: str, *, limit: int) -> int:
    """How many assets there are, counted up to the limit."""
    row = connection.execute(literal_int(SQL["count_assets"], limit=limit), {"owner": owner}).fetchone()
    assert row is not None
    return int(row[0])


def scenes_of_assets(
    connection: Connection[Any], owner: str, assets: Sequence[str], *, each: int
) -> list[str]:
    """The first scenes of some assets."""
    query = literal_int(SQL["scenes_of_assets"], limit=each)
    rows = connection.execute(query, {"owner": owner, "assets": uuid_array(assets)}).fetchall()
    return [row[0] for row in rows]


def describe_scenes(
    connection: Connection[Any], owner: str, scenes: Sequence[str], filters: Filters
) -> dict[str, SceneFacts]:
    """What a hit shows of each scene; scenes whose files are all missing are left out."""
    within = SQL["path_within"].strip() if filters.within is not None else ""
    query = SQL["describe_scenes"].replace("/* within */", within)
    parameters = filter_parameters(filters) | {"owner": owner, "scenes": uuid_array(scenes)}
    names = ("scene_id", "asset_id", "kind", "start_us", "end_us", "thumbnail_key", "path")
    return {
        row[0]: SceneFacts(
            **dict(zip(names, row[:-1], strict=True)),
            times_us={int(rank): at_us for rank, at_us in (row[-1] or {}).items()},
        )
        for row in connection.execute(query, parameters)
    }


def coverage(connection: Connection[Any], owner: str, model_id: int) -> tuple[int, int]:
    """(assets that should have pictures, those whose picture stage is done for the model)."""
    row = connection.execute(SQL["coverage"], {"owner": owner, "model": model_id}).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def filter_parameters(filters: Filters) -> dict[str, Any]:
    """The filters as query parameters."""
    parameters: dict[str, Any] = {}
    if filters.kind is not None:
        parameters["kind"] = str(filters.kind)
    if filters.since is not None:
        parameters["since"] = filters.since
    if filters.until is not None:
        parameters["until"] = filters.until
    if filters.asset_id is not None:
        parameters["asset"] = filters.asset_id
    if filters.within is not None:
        within = filters.within.encode("utf-8", "surrogateescape").rstrip(b"/") or b"/"
        folder = within.rstrip(b"/")
        # Everything below a folder sorts from "folder/" up to "folder0" ("0" follows "/" in ASCII).
        parameters |= {"within": within, "within_from": folder + b"/", "within_to": folder + b"0"}
    if filters.language is not None:
        parameters["language"] = filters.language
    if filters.longer_us is not None:
        parameters["longer"] = filters.longer_us
    return parameters


def with_filters(statement: str, filters: Filters, *, scene: str = "v") -> str:
    """A statement with the filters in its places; `scene` is the alias there that has a scene_id."""
    clauses = [
        SQL[f"filter_{clause}"].strip()
        for clause, value in (
            ("kind", filters.kind),
            ("since", filters.since),
            ("until", filters.until),
            ("asset", filters.asset_id),
            ("within", filters.within),
            ("language", filters.language),
        )
        if value is not None
    ]
    wanted = [SQL["scene_longer"].strip()] if filters.longer_us is not None else []
    wanted += [] if filters.motion is None else [SQL[f"scene_{filters.motion}"].strip()]
    of_scene = ""
    if wanted:
        of_scene = SQL["filter_scene"].strip().replace("/* wanted */", " ".join(wanted))
        of_scene = of_scene.replace("/* scene */", scene)
    return statement.replace("/* filters */", " ".join(clauses)).replace("/* scene filters */", of_scene)


def _of_frames(name: str, strategy: FrameStrategy, filters: Filters) -> str:
    if strategy == FrameStrategy.TOP3_MEAN:
        name += "_mean"
    return _with_frames(with_filters(SQL[name], filters), strategy)


def _with_frames(statement: str, strategy: FrameStrategy) -> str:
    only = SQL["frames_best"].strip() if strategy == FrameStrategy.BEST_QUALITY else ""
    return statement.replace("/* frames */", only)
