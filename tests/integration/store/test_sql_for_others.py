"""The view and the search that others may use in SQL: as the application's role and as a reader's."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from numpy.typing import NDArray
from psycopg.errors import Error, InvalidParameterValue

from heimdex.entities import Space
from heimdex.store import vectors
from heimdex.store.database import Database
from heimdex.store.vectors import StoredModel, to_text
from tests.conftest import ServerUnderTest
from tests.library import MadeAsset, add_asset, make_model, unit

HOW_TO = Path(__file__).parents[3] / "docs" / "howto" / "sql.md"
REFERENCE = HOW_TO.parents[1] / "reference" / "sql.md"
DIM = 512
SEARCH = "SELECT id::text, similarity FROM search_scenes_by_visual_clip_embedding(%s::vector, %s, %s, %s)"

Rows = list[tuple[Any, ...]]
Ask = Callable[..., Rows]


def register(database: Database, owner: str, name: str = "clip", dim: int = DIM) -> StoredModel:
    space = Space(model=name, name="joint", dim=dim)
    return database.run(owner, lambda c: vectors.register_model(c, [space], "float", "0" * 64))


def use(database: Database, owner: str, model: StoredModel) -> None:
    statement = (
        "INSERT INTO model_choice (owner_id, model_id) VALUES (%s, %s) "
        "ON CONFLICT (owner_id) DO UPDATE SET model_id = EXCLUDED.model_id"
    )
    database.run(owner, lambda c: c.execute(statement, [owner, model.model_id]))


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """An owner with a film of four scenes, three frames each."""

    owner: str
    model: StoredModel
    asset: MadeAsset

    def query(self, seed: int = 5) -> NDArray[np.float32]:
        near: NDArray[np.float32] = self.asset.values[2][1]
        return unit(near + 0.03 * np.random.default_rng(seed).standard_normal(DIM))


def tenant(database: Database, seed: int) -> Tenant:
    owner = str(uuid.uuid4())
    model = register(database, owner)
    use(database, owner, model)
    rng = np.random.default_rng(seed)
    values = [unit(rng.standard_normal((3, DIM)) + 1.5 * rng.standard_normal(DIM)) for _ in range(4)]
    return Tenant(
        owner=owner, model=model, asset=add_asset(database, owner, model, f"/media/{owner}.mp4", values)
    )


@pytest.fixture
def anna(database: Database) -> Tenant:
    return tenant(database, 1)


@pytest.fixture
def ask(database_url: str) -> Iterator[Ask]:
    """A psql of somebody who named an owner, or none: no Heimdex in between."""
    with psycopg.connect(
        database_url, options="-c search_path=public,heimdex", autocommit=True
    ) as connection:

        def run(owner: str | None, statement: str, *parameters: object) -> Rows:
            connection.execute("SELECT set_config('heimdex.owner', %s, false)", [owner or ""])
            return connection.execute(statement, parameters).fetchall()

        yield run


def test_the_columns_are_those_of_the_reference(ask: Ask) -> None:
    found = ask(
        None,
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
        "WHERE attrelid = 'video_scenes'::regclass AND attnum > 0",
    )
    text = REFERENCE.read_text(encoding="utf-8").split("## `heimdex.search", maxsplit=1)[0]
    table = text.split("`visual_clip_metadata`:", maxsplit=1)[0]
    told = {
        name: kind.replace("float", "double precision").replace("timestamptz", "timestamp with time zone")
        for line in re.findall(r"^\| (`.*?) \| (.*?) \|", table, re.MULTILINE)
        for name, kind in [(name, line[1]) for name in re.findall(r"`(\w+)`", line[0])]
    }
    assert dict(found) == told


def test_a_scene_is_one_row_with_its_best_frame(ask: Ask, anna: Tenant) -> None:
    rows = ask(
        anna.owner,
        "SELECT id::text, video_id::text, owner_id::text, user_id::text, index, start_s, end_s, "
        "thumbnail_url, embedding_visual_clip::text, present, now() - created_at < '1 hour', "
        "now() >= created_at FROM video_scenes ORDER BY index",
    )
    assert [row[0] for row in rows] == list(anna.asset.scene_ids)
    assert {row[1:4] for row in rows} == {(anna.asset.asset_id, anna.owner, anna.owner)}
    assert [row[4:7] for row in rows] == [(n, float(n), float(n + 1)) for n in range(4)]
    assert [row[7] for row in rows] == [f"/api/v1/scenes/{row[0]}/thumbnail" for row in rows]
    for row, values in zip(rows, anna.asset.values, strict=True):
        assert vectors.from_text(row[8]) == pytest.approx(values[0], abs=1e-6)
    assert {row[9:] for row in rows} == {(True, True, True)}


def test_a_picture_is_named_as_the_service_answers_it(ask: Ask, anna: Tenant) -> None:
    nearest = (
        "SELECT thumbnail_url, (SELECT keyframe_id::text FROM keyframe k JOIN vector v USING (keyframe_id) "
        " WHERE k.scene_id = id AND v.embedding::vector(512) = embedding_visual_clip) "
        "FROM search_scenes_by_visual_clip_embedding(%s::vector, -1, 1)"
    )
    ((path, keyframe_id),) = ask(anna.owner, nearest, to_text(anna.query()))
    assert path == f"/api/v1/keyframes/{keyframe_id}/thumbnail"
    ask(None, "SELECT set_config('heimdex.public_url', 'https://heimdex.example/', false)")
    whole = [f"https://heimdex.example/api/v1/scenes/{one}/thumbnail" for one in anna.asset.scene_ids]
    assert [
        row[0] for row in ask(anna.owner, "SELECT thumbnail_url FROM video_scenes ORDER BY index")
    ] == whole
    assert ask(anna.owner, nearest, to_text(anna.query()))[0][0] == f"https://heimdex.example{path}"
    ask(anna.owner, "DELETE FROM vector RETURNING 1")
    ask(anna.owner, "DELETE FROM keyframe RETURNING 1")
    assert ask(anna.owner, "SELECT count(thumbnail_url), count(*) FROM video_scenes") == [(0, 4)]


def test_nobody_sees_a_row_without_an_owner_or_of_another(ask: Ask, database: Database, anna: Tenant) -> None:
    bert = tenant(database, 2)
    assert ask(None, "SELECT * FROM video_scenes") == []
    assert ask(str(uuid.uuid4()), "SELECT * FROM video_scenes") == []
    assert {str(row[0]) for row in ask(bert.owner, "SELECT owner_id FROM video_scenes")} == {bert.owner}
    query = to_text(anna.query())
    assert ask(None, SEARCH, query, -1, 10, None) == []
    assert ask(None, SEARCH, query, -1, 10, anna.owner) == []
    assert ask(bert.owner, SEARCH, query, -1, 10, anna.owner) == []
    found = {row[0] for row in ask(bert.owner, SEARCH, query, -1, 10, bert.owner)}
    assert found == set(bert.asset.scene_ids)


def test_similarity_is_one_minus_the_cosine_distance_of_the_nearest_frame(ask: Ask, anna: Tenant) -> None:
    query = anna.query()
    found = ask(anna.owner, SEARCH, to_text(7 * query), -1, 10, anna.owner)  # of any length
    expected = {
        scene: float((values @ query).max())
        for scene, values in zip(anna.asset.scene_ids, anna.asset.values, strict=True)
    }
    assert [row[0] for row in found] == sorted(expected, key=lambda scene: -expected[scene])
    assert dict(found) == pytest.approx(expected, abs=2e-5)
    assert found[0][0] == anna.asset.scene_ids[2]
    frames = ask(
        anna.owner,
        "SELECT 1 - (embedding_visual_clip <=> %s::vector), similarity "
        "FROM search_scenes_by_visual_clip_embedding(%s::vector, -1)",
        to_text(query),
        to_text(query),
    )
    assert [row[0] for row in frames] == pytest.approx([row[1] for row in frames], abs=1e-6)


def test_the_threshold_is_inclusive_and_the_count_is_bounded(ask: Ask, anna: Tenant) -> None:
    query = to_text(anna.query())
    everything = ask(anna.owner, SEARCH, query, -1, 10, None)
    second = everything[1][1]
    assert ask(anna.owner, SEARCH, query, second, 10, None) == everything[:2]
    assert ask(anna.owner, SEARCH, query, np.nextafter(second, 2).item(), 10, None) == everything[:1]
    assert ask(anna.owner, SEARCH, query, None, 10, None) == everything
    assert ask(anna.owner, SEARCH, query, -1, 2, None) == everything[:2]
    assert ask(anna.owner, SEARCH, query, -1, 2**31 - 1, None) == everything
    assert ask(anna.owner, SEARCH, query, -1, 0, None) == ask(anna.owner, SEARCH, query, -1, -3, None) == []


def test_a_search_may_stay_within_one_asset(ask: Ask, database: Database, anna: Tenant) -> None:
    other = add_asset(database, anna.owner, anna.model, "/media/other.mp4", [anna.query()[np.newaxis]])
    statement = (
        "SELECT video_id::text FROM search_scenes_by_visual_clip_embedding"
        "(%s::vector, match_threshold := -1, filter_video_id := %s)"
    )
    query = to_text(anna.query())
    assert ask(anna.owner, statement, query, other.asset_id) == [(other.asset_id,)]
    assert len(ask(anna.owner, statement, query, anna.asset.asset_id)) == 4


def test_vectors_that_are_none_find_nothing_or_say_so(ask: Ask, anna: Tenant) -> None:
    assert ask(anna.owner, SEARCH, None, -1, 10, None) == []
    with pytest.raises(InvalidParameterValue, match="zeros"):
        ask(anna.owner, SEARCH, to_text(np.zeros(DIM, np.float32)), -1, 10, None)
    with pytest.raises(Error, match="3 numbers, not 512"):
        ask(anna.owner, SEARCH, "[1,2,3]", -1, 10, None)
    with pytest.raises(Error, match="NaN not allowed"):
        ask(anna.owner, SEARCH, to_text(np.full(DIM, np.nan, np.float32)), -1, 10, None)
    tiny = anna.query() * np.float32(1e-20)  # far below what half floats hold
    assert len(ask(anna.owner, SEARCH, "[" + ",".join(map(str, tiny.tolist())) + "]", -1, 10, None)) == 4


def test_without_a_model_of_that_length_the_error_says_what_to_do(ask: Ask, database: Database) -> None:
    owner = str(uuid.uuid4())
    query = to_text(unit(np.ones(DIM)))
    for model in (None, make_model(database, owner)):  # none in use; one of another length
        if model is not None:
            use(database, owner, model)
            add_asset(database, owner, model, "/media/a.mp4", [unit(np.ones((1, 32)))])
        with pytest.raises(Error, match="no_active_clip_model") as caught:
            ask(owner, SEARCH, query, 0.5, 10, owner)
        assert caught.value.sqlstate == "HX001"
        assert "heimdex models use" in (caught.value.diag.message_hint or "")
    assert ask(owner, "SELECT count(*), count(embedding_visual_clip) FROM video_scenes") == [(1, 0)]


def test_another_model_in_use_is_another_column(ask: Ask, database: Database, anna: Tenant) -> None:
    second = register(database, anna.owner, "clip-two")
    use(database, anna.owner, second)
    assert ask(anna.owner, "SELECT count(*), count(embedding_visual_clip) FROM video_scenes") == [(4, 0)]
    assert ask(anna.owner, SEARCH, to_text(anna.query()), -1, 10, None) == []
    use(database, anna.owner, anna.model)
    assert ask(anna.owner, "SELECT count(embedding_visual_clip) FROM video_scenes") == [(4,)]


def test_scenes_of_missing_files_are_shown_but_not_found(ask: Ask, anna: Tenant) -> None:
    ask(anna.owner, "UPDATE asset SET present = false RETURNING 1")
    assert ask(anna.owner, "SELECT DISTINCT present FROM video_scenes") == [(False,)]
    assert ask(anna.owner, SEARCH, to_text(anna.query()), -1, 10, None) == []


def test_a_search_leaves_the_settings_of_the_session_alone(ask: Ask, anna: Tenant) -> None:
    settings = "SELECT current_setting('hnsw.ef_search'), current_setting('hnsw.iterative_scan')"
    query = f"WITH found AS MATERIALIZED ({SEARCH}) {settings} FROM found LIMIT 1"
    found = ask(anna.owner, query, to_text(anna.query()), -1, 10, None)
    assert found == ask(anna.owner, settings) == [("40", "off")]


def _as_admin(server: ServerUnderTest, database_url: str) -> str:
    return server.url(str(psycopg.conninfo.conninfo_to_dict(database_url)["dbname"]), user="postgres")


def fill(server: ServerUnderTest, database_url: str, owner: str, model: StoredModel, scenes: int) -> None:
    """Scenes of one asset with a random vector each, made by the server itself."""
    with psycopg.connect(_as_admin(server, database_url), autocommit=True) as connection:
        connection.execute("SET search_path = heimdex, public; SELECT setseed(0.5)")
        connection.execute(
            "CREATE TEMP TABLE made AS "
            "SELECT n, gen_random_uuid() AS id FROM generate_series(1, %(n)s::int) n",
            {"n": scenes},
        )
        asset = connection.execute("SELECT asset_id FROM asset WHERE owner_id = %s", [owner]).fetchone()
        assert asset is not None
        key = {"owner": owner, "asset": asset[0], "space": model.spaces[0].space_id}
        connection.execute(
            "INSERT INTO scene SELECT %(owner)s, id, %(asset)s, 100 + n, n, n + 1, 0, 0, 0, 0, 0 FROM made",
            key,
        )
        connection.execute(
            "INSERT INTO keyframe SELECT %(owner)s, id, id, %(asset)s, 0, n, 64, 36, NULL, id::text, '', 1, "
            "id::text, '', 1 FROM made",
            key,
        )
        connection.execute(
            "INSERT INTO vector SELECT %(owner)s, %(space)s, id, id, %(asset)s, 0, "
            "(SELECT array_agg(random() - 0.5 + 0 * (n + x)) FROM generate_series(1, 512) x)"
            "::float4[]::public.vector::halfvec, "
            "'{\"error\": null}' FROM made",
            key,
        )
        connection.execute("ANALYZE")


def test_many_rows_are_searched_by_the_index_of_the_space(
    database_server: ServerUnderTest, database_url: str, database: Database, anna: Tenant, ask: Ask
) -> None:
    bert = tenant(database, 3)
    for one in (anna, bert):
        fill(database_server, database_url, one.owner, one.model, 4000)
    space_id = anna.model.spaces[0].space_id
    with psycopg.connect(_as_admin(database_server, database_url), autocommit=True) as connection:
        connection.execute(  # as heimdex.build_space_index, but built in a hurry
            f"CREATE INDEX vector_space_{space_id}_hnsw ON heimdex.vector "
            "USING hnsw ((embedding::halfvec(512)) halfvec_cosine_ops) WITH (m = 16, ef_construction = 32) "
            f"WHERE space_id = {space_id} AND embedding IS NOT NULL"
        )
    ask(None, "SELECT set_config('heimdex.exact_rows', '1000', false)")
    name = f"vector_space_{space_id}_hnsw"
    query = to_text(anna.query())

    def scans() -> int:
        ask(None, "SELECT pg_stat_force_next_flush()")
        ask(None, "SELECT pg_stat_clear_snapshot()")
        return int(ask(None, "SELECT idx_scan FROM pg_stat_all_indexes WHERE indexrelname = %s", name)[0][0])

    before = scans()
    by_index = [ask(anna.owner, SEARCH, query, -1, 20, anna.owner) for _ in range(12)]
    assert scans() == before + 12
    ask(None, "SELECT set_config('heimdex.exact_rows', '', false)")
    exact = ask(anna.owner, SEARCH, query, -1, 20, anna.owner)
    assert scans() == before + 12
    assert all(found == by_index[0] for found in by_index)
    # Random vectors in 512 dimensions are all equally far: only the first is anything like the query.
    assert (len(by_index[0]), by_index[0][0]) == (20, exact[0])
    assert len(set(by_index[0]) & set(exact)) >= 10
    statement = f"SELECT video_id::text FROM ({SEARCH.replace('id::text, similarity', '*')}) found"
    assert {row[0] for row in ask(bert.owner, statement, query, -1, 50, None)} == {bert.asset.asset_id}


def sql_blocks() -> list[str]:
    return re.findall(r"```sql\n(.*?)```", HOW_TO.read_text(encoding="utf-8"), re.DOTALL)


def test_a_reader_made_by_the_how_to_reads_its_owners_rows_and_changes_none(
    database_server: ServerUnderTest, database_url: str, anna: Tenant
) -> None:
    roles, settings, *usual = sql_blocks()
    name = str(psycopg.conninfo.conninfo_to_dict(database_url)["dbname"])
    with psycopg.connect(_as_admin(database_server, database_url), autocommit=True) as admin:
        admin.execute(roles)  # type: ignore[call-overload,unused-ignore]
        try:
            with psycopg.connect(database_server.url(name, "heimdex_reader"), autocommit=True) as reader:
                assert reader.execute("SELECT count(*) FROM heimdex.video_scenes").fetchone() == (0,)
                reader.execute(re.sub(r"'[0-9a-f-]{36}'", f"'{anna.owner}'", settings))  # type: ignore[call-overload,unused-ignore]
                answers = [reader.execute(query).fetchall() for query in usual]  # type: ignore[call-overload,unused-ignore]
                assert [len(rows) for rows in answers[:1]] == [1]
                assert (answers[0][0][:2], len(answers[-1])) == ((4, 4), 1)
                for table in ("video_scenes", "scene", "vector"):
                    with pytest.raises(Error, match=r"permission denied|cannot delete"):
                        reader.execute(f"DELETE FROM {table}")  # type: ignore[arg-type,unused-ignore]
                with pytest.raises(Error, match="permission denied"):
                    reader.execute("SELECT * FROM transcript")
        finally:
            admin.execute("DROP OWNED BY heimdex_reader; DROP ROLE heimdex_reader")
