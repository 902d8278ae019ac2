"""EXPLAIN of the lexical look-ups: as the application's role, policies on, at the twelfth execution."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
import pytest

from heimdex.store.database import Database
from heimdex.store.sql import literal_int, queries
from tests.conftest import TEMPLATE, ServerUnderTest
from tests.worded import Worded, add_worded

EXECUTIONS = 12  # after five a prepared statement may get a generic plan
ASSETS, SCENES = 60, 6
VOCABULARY = [f"word{number}" for number in range(400)]
SLOTS = {"limit": 100, "depth": 5000, "longest_us": 60_000_000}


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """Two owners with some thousand terms between them, seen as one of them."""

    database: Database
    owner: str
    asset_id: str
    scenes: tuple[str, ...]


@pytest.fixture(scope="module")
def crowd(database_server: ServerUnderTest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    name = f"terms_{uuid.uuid4().hex}"
    database_server.admin(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    owner, other = str(uuid.uuid4()), str(uuid.uuid4())
    rng = np.random.default_rng(1)

    def sentence(count: int) -> str:
        return " ".join(rng.choice(VOCABULARY, count))

    with Database.open(home=tmp_path_factory.mktemp("terms"), url=database_server.url(name)) as database:
        for tenant in (other, owner):
            for number in range(ASSETS):
                scenes = [
                    Worded(said=(sentence(8),), written=(sentence(2),), described=sentence(8))
                    for _ in range(SCENES)
                ]
                asset = add_worded(database, tenant, f"/media/{tenant}/film-{number}.mp4", scenes)
        with psycopg.connect(database_server.url(name, user="postgres"), autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
        yield Crowd(database=database, owner=owner, asset_id=asset.asset_id, scenes=asset.scene_ids)
    database_server.admin(f"DROP DATABASE {name} WITH (FORCE)")


def plan(crowd: Crowd, statement: str, parameters: dict[str, Any]) -> str:
    with crowd.database.transaction(crowd.owner) as connection:
        connection.prepare_threshold = 1
        for _ in range(EXECUTIONS - 1):
            connection.execute(statement, parameters).fetchall()
        rows = connection.execute(f"EXPLAIN {statement}", parameters).fetchall()
    return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize(
    ("name", "index", "table"),
    [
        ("find_scenes", "posting_pkey", "posting"),
        ("find_by_beginning", "posting_pkey", "posting"),
        ("count_terms", "posting_pkey", "posting"),
        ("words_of_scenes", "scene_words_pkey", "scene_words"),
        ("sentences_of_scenes", "utterance_time", "utterance"),
        ("lines_of_scenes", "text_line_scene", "text_line"),
        ("descriptions_of_scenes", "description_pkey", "description"),
    ],
)
def test_a_look_up_of_words_uses_its_index(crowd: Crowd, name: str, index: str, table: str) -> None:
    statement = queries("lexicon")[name]
    slots = {slot: value for slot, value in SLOTS.items() if "{" + slot + "}" in statement}
    several = name in ("find_scenes", "count_terms")
    parameters = {
        "owner": crowd.owner,
        "channels": [1, 3],
        "channel": 2,
        "terms": ["word1", "word2"],
        "last": 1,
        "look_ups": [0, 1],
        "weights": [1.0, 2.0],
        "depths": [500, 500],
        "first": "wo",
        "after": "wp",
        "scenes": list(crowd.scenes),
    }
    assert several == ("channels" in statement)
    found = plan(crowd, literal_int(statement, **slots), parameters)
    assert index in found, found
    assert f"Seq Scan on {table}" not in found, found


def test_terms_are_dropped_by_the_asset_they_belong_to(crowd: Crowd) -> None:
    found = plan(
        crowd,
        "SELECT FROM heimdex.posting WHERE owner_id = %(owner)s AND asset_id = %(asset)s",
        {"owner": crowd.owner, "asset": crowd.asset_id},
    )
    assert "posting_asset" in found, found


def test_comparisons_of_terms_may_look_through_a_policy(crowd: Crowd) -> None:
    with crowd.database.transaction(crowd.owner) as connection:
        rows = connection.execute(
            "SELECT proname, proleakproof FROM pg_proc WHERE proname IN ('texteq', 'text_ge', 'text_lt',"
            " 'int2eq', 'uuid_eq')"
        ).fetchall()
    assert dict(rows) == dict.fromkeys(("texteq", "text_ge", "text_lt", "int2eq", "uuid_eq"), True)
