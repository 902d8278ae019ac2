"""EXPLAIN of every hot query: as the application's role, policies on, at the twelfth execution."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import psycopg
import pytest

from heimdex.store import backlog, calibrations, nearest, vectors
from heimdex.store.calibrations import Calibration
from heimdex.store.database import Database
from heimdex.store.sql import literal_int, queries
from heimdex.store.vectors import StoredModel, StoredSpace, to_text
from tests.conftest import TEMPLATE, ServerUnderTest
from tests.library import DIM, add_asset, make_model, unit

EXECUTIONS = 12  # after five a prepared statement may get a generic plan
ASSETS, SCENES = 120, 8
VECTOR = to_text(unit(np.random.default_rng(2).standard_normal(DIM)))


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """Two owners with some thousand vectors between them, seen as one of them."""

    database: Database
    owner: str
    model: StoredModel
    asset_id: str
    path: str


@pytest.fixture(scope="module")
def crowd(database_server: ServerUnderTest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    name = f"plans_{uuid.uuid4().hex}"
    database_server.admin(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    owner, other = str(uuid.uuid4()), str(uuid.uuid4())
    rng = np.random.default_rng(1)
    with Database.open(home=tmp_path_factory.mktemp("plans"), url=database_server.url(name)) as database:
        model = make_model(database, owner)
        for tenant in (other, owner):
            for number in range(ASSETS):
                values = [unit(rng.standard_normal((3, DIM))) for _ in range(SCENES)]
                asset = add_asset(database, tenant, model, f"/media/{tenant}/holiday-{number}.mp4", values)
            database.run(tenant, partial(_calibrate, tenant, model.spaces[0]))
        database.run(owner, lambda c: vectors.build_index(c, model.spaces[0].space_id))
        with psycopg.connect(database_server.url(name, user="postgres"), autocommit=True) as connection:
            connection.execute("ANALYZE")
        yield Crowd(database=database, owner=owner, model=model, asset_id=asset.asset_id, path=asset.path)
    database_server.admin(f"DROP DATABASE {name} WITH (FORCE)")


def _calibrate(owner: str, stored: StoredSpace, connection: Any) -> None:
    keys, _ = calibrations.uncalibrated(connection, owner, stored, version=1, limit=10_000)
    made = [Calibration(mean=0.0, deviation=1.0)] * len(keys)
    calibrations.write_calibrations(connection, owner, stored, keys, made, version=1)


def plan(crowd: Crowd, statement: str, parameters: dict[str, Any]) -> str:
    with crowd.database.transaction(crowd.owner) as connection:
        connection.prepare_threshold = 1
        for _ in range(EXECUTIONS - 1):
            connection.execute(statement, parameters).fetchall()
        rows = connection.execute(f"EXPLAIN {statement}", parameters).fetchall()
    return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize(
    ("name", "frames"),
    [("nearest_indexed", ""), ("nearest_indexed", "AND v.rank = 0"), ("nearest_indexed_mean", "")],
)
def test_the_nearest_scenes_come_from_the_spaces_own_index(crowd: Crowd, name: str, frames: str) -> None:
    stored = crowd.model.spaces[0]
    statement = literal_int(
        queries("search")[name].replace("/* filters */", "").replace("/* frames */", frames),
        space_id=stored.space_id,
        dim=DIM,
        limit=30,
    )
    found = plan(crowd, statement, {"owner": crowd.owner, "vector": VECTOR})
    assert f"vector_space_{stored.space_id}_hnsw" in found, found


def test_the_exact_scan_reads_only_the_rows_the_filters_leave(crowd: Crowd) -> None:
    search = queries("search")
    statement = literal_int(
        search["nearest_exact"].replace("/* filters */", search["filter_asset"].strip()),
        space_id=crowd.model.spaces[0].space_id,
        dim=DIM,
        limit=30,
    )
    found = plan(crowd, statement, {"owner": crowd.owner, "vector": VECTOR, "asset": crowd.asset_id})
    assert "Seq Scan on vector" not in found, found
    assert "Index" in found


@pytest.mark.parametrize(
    ("name", "only"),
    [
        ("next_due", "only_after"),
        ("still_due", "only_assets"),
        ("lacking_frames", "only_assets"),
        ("count_backlog", "only_assets"),
    ],
)
def test_a_backfill_reads_vectors_and_frames_by_their_indexes(crowd: Crowd, name: str, only: str) -> None:
    statement = backlog.with_due(name, only).replace("{limit}", "50")
    wanted = backlog.Wanted(
        owner=crowd.owner,
        model_id=crowd.model.model_id,
        spaces=tuple(stored.space_id for stored in crowd.model.spaces),
        width=len(crowd.model.spaces),
        version=1,
        scenes_version=1,
    )
    parameters = wanted.parameters() | {"assets": [crowd.asset_id], "after": str(uuid.UUID(int=0))}
    found = plan(crowd, statement, parameters)
    assert "Seq Scan on vector" not in found, found
    if only == "only_assets":
        assert "Seq Scan on keyframe" not in found, found


@pytest.mark.parametrize(
    ("file", "name", "index"),
    [
        ("search", "score_scenes", "vector_owner_id_space_id_scene_id_rank_key"),
        ("search", "count_space", "vector_"),
        ("search", "assets_by_path", "path_word_pkey"),
        ("search", "path_words_of_assets", "path_word_pkey"),
        ("search", "word_frequencies", "path_word_pkey"),
        ("search", "scenes_of_assets", "scene_owner_id_asset_id_position_key"),
        ("search", "describe_scenes", "scene_pkey"),
        ("assets", "find_asset_by_hash", "asset_owner_id_content_hash_key"),
        ("files", "files_of_asset", "file_asset"),
        ("files", "asset_of_path", "file_pkey"),
        ("scenes", "scenes_of_asset", "scene_owner_id_asset_id_position_key"),
        ("scenes", "keyframes_of_assets", "keyframe_asset"),
        ("runs", "runs_of_assets", "stage_run_pkey"),
        ("runs", "fence_run", "stage_run_pkey"),
        ("vectors", "vectors_of_scene", "vector_owner_id_space_id_scene_id_rank_key"),
        ("search", "score_scenes", "calibration_pkey"),
        ("calibrations", "sample", "calibration_draw"),
        ("places", "places_of_scenes", "scene_pkey"),
        ("places", "paths_of_scenes", "file_asset"),
    ],
)
def test_a_hot_query_uses_its_index(crowd: Crowd, file: str, name: str, index: str) -> None:
    with crowd.database.transaction(crowd.owner) as connection:
        scenes = nearest.scenes_of_assets(connection, crowd.owner, [crowd.asset_id], each=3)
    statement = queries(file)[name].replace("/* filters */", "").replace("/* within */", "")
    statement = statement.replace("/* counted */", "distance")
    statement = statement.replace("/* calibrations */", queries("search")["with_calibrations"])
    slots = {"space_id": crowd.model.spaces[0].space_id, "dim": DIM, "limit": 100}
    statement = literal_int(statement, **{k: v for k, v in slots.items() if "{" + k + "}" in statement})
    parameters = {
        "owner": crowd.owner,
        "vector": VECTOR,
        "scenes": scenes,
        "scene": scenes[0],
        "asset": crowd.asset_id,
        "assets": [crowd.asset_id],
        "words": ["42"],
        "content_hash": b"\0" * 32,
        "path_bytes": crowd.path.encode(),
        "stage": "scenes",
        "model": 0,
    }
    found = plan(crowd, statement, parameters)
    assert index in found, found
