"""Text vectors in the database: found, indexed, kept apart, and planned as they should be."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
import pytest
from numpy.typing import NDArray

from heimdex.entities import Filters, Space, TextChannel
from heimdex.errors import StoreError
from heimdex.search.fusion import MEANINGS, by_meaning
from heimdex.search.meaning import MeaningSignal, Meant
from heimdex.search.signals import Scope
from heimdex.store import text_vectors, vectors
from heimdex.store.database import Database
from heimdex.store.nearest import with_filters
from heimdex.store.sql import literal_int, queries
from heimdex.store.text_vectors import TextRow
from heimdex.store.vectors import StoredSpace, to_text
from tests.conftest import TEMPLATE, ServerUnderTest
from tests.library import MadeAsset, add_asset, make_model, unit

EXECUTIONS = 12  # after five a prepared statement may get a generic plan
DIM, ASSETS, SCENES = 32, 60, 12
SAID, TOLD = TextChannel.TRANSCRIPT, TextChannel.DESCRIPTION
Values = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """Two owners with some thousand text vectors between them, seen as one of them."""

    database: Database
    owner: str
    stored: StoredSpace
    assets: tuple[MadeAsset, ...]
    values: Values  # (scenes, DIM) of the transcripts, in the order of the assets' scenes
    root: str

    @property
    def scene_ids(self) -> list[str]:
        return [scene_id for asset in self.assets for scene_id in asset.scene_ids]

    def run(self, work: Any) -> Any:
        return self.database.run(self.owner, work, read_only=True)


def fill(database: Database, owner: str, stored: StoredSpace, asset: MadeAsset, values: Values) -> None:
    rows = [
        TextRow(
            scene_id=scene_id,
            channel=channel,
            text=f"{channel} {number}",
            at_us=number,
            values=value if channel == SAID else unit(-value),
            metadata={"error": None},
        )
        for number, (scene_id, value) in enumerate(zip(asset.scene_ids, values, strict=True))
        for channel in (SAID, TOLD)
    ]
    database.run(owner, lambda c: text_vectors.replace_texts(c, owner, asset.asset_id, stored.space_id, rows))


@pytest.fixture(scope="module")
def crowd(database_server: ServerUnderTest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    name = f"texts_{uuid.uuid4().hex}"
    database_server.admin(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    owner, other = str(uuid.uuid4()), str(uuid.uuid4())
    rng = np.random.default_rng(3)
    root = database_server.url(name, user="postgres")
    with Database.open(home=tmp_path_factory.mktemp("texts"), url=database_server.url(name)) as database:
        pictures = make_model(database, owner)
        space = Space(model="writer", name="text", dim=DIM)
        stored = database.run(owner, lambda c: vectors.register_model(c, [space], "int8", "1" * 64)).spaces[0]
        made: list[MadeAsset] = []
        held: list[Values] = []
        for tenant in (other, owner):
            for number in range(ASSETS):
                values = unit(rng.standard_normal((SCENES, DIM)))
                frames = [unit(rng.standard_normal((1, DIM))) for _ in range(SCENES)]
                asset = add_asset(database, tenant, pictures, f"/media/{tenant}/{number}.mp4", frames)
                fill(database, tenant, stored, asset, values)
                if tenant == owner:
                    made.append(asset)
                    held.append(values)
        built = database.run(
            owner, lambda c: text_vectors.build_large_indexes(c, owner, stored.space_id, exact_rows=500)
        )
        assert built == [SAID, TOLD]  # summaries there are none
        with psycopg.connect(root, autocommit=True) as connection:
            connection.execute("ANALYZE")
        yield Crowd(
            database=database,
            owner=owner,
            stored=stored,
            assets=tuple(made),
            values=np.concatenate(held),
            root=root,
        )
    database_server.admin(f"DROP DATABASE {name} WITH (FORCE)")


def query() -> Values:
    found: Values = unit(np.random.default_rng(9).standard_normal(DIM))
    return found


def nearest(crowd: Crowd, vector: Values, *, exact: bool, filters: Filters | None = None) -> list[str]:
    found: list[str] = crowd.run(
        lambda c: text_vectors.nearest_texts(
            c, crowd.owner, crowd.stored, vector, filters or Filters(), {SAID: exact}, limit=10
        )[SAID]
    )
    return found


def truly_nearest(crowd: Crowd, vector: Values) -> list[str]:
    order = np.argsort(-(crowd.values @ vector), kind="stable")[:10]
    return [crowd.scene_ids[int(place)] for place in order]


def test_a_scan_and_the_index_find_the_nearest_of_their_channel(crowd: Crowd) -> None:
    expected = truly_nearest(crowd, query())
    assert nearest(crowd, query(), exact=True) == expected
    assert nearest(crowd, query(), exact=False) == expected


def test_filters_and_owners_are_kept_apart_by_both_ways(crowd: Crowd) -> None:
    asset = crowd.assets[7]
    filters = Filters(asset_id=asset.asset_id)
    for exact in (True, False):
        assert set(nearest(crowd, query(), exact=exact, filters=filters)) <= set(asset.scene_ids)
        assert set(nearest(crowd, query(), exact=exact)) <= set(crowd.scene_ids)
    assert set(nearest(crowd, query(), exact=True, filters=filters)) <= set(asset.scene_ids)


def test_scores_are_exact_and_say_what_and_when(crowd: Crowd) -> None:
    asset = crowd.assets[0]
    found = crowd.run(
        lambda c: text_vectors.score_texts(c, crowd.owner, (crowd.stored, [TOLD]), query(), asset.scene_ids)
    )[TOLD]
    assert set(found) == set(asset.scene_ids)
    for number, scene_id in enumerate(asset.scene_ids):
        expected = -float(crowd.values[number] @ query())
        assert found[scene_id].cosine == pytest.approx(expected, abs=2e-3)
        assert (found[scene_id].text, found[scene_id].at_us) == (f"description {number}", number)


def test_the_way_is_chosen_by_counting(crowd: Crowd) -> None:
    def exact(channel: TextChannel, filters: Filters, rows: int) -> bool:
        found: bool = crowd.run(
            lambda c: text_vectors.choose_exact(
                c, crowd.owner, crowd.stored, channel, filters, exact_rows=rows
            )
        )
        return found

    assert exact(SAID, Filters(), 10_000)
    assert not exact(SAID, Filters(), 500)
    assert exact(SAID, Filters(asset_id=crowd.assets[0].asset_id), 500)
    assert exact(TextChannel.SUMMARY, Filters(), 0), "a channel without an index is scanned"


def test_a_signal_asks_once_whether_a_channel_is_small(crowd: Crowd) -> None:
    asked: list[TextChannel] = []

    def is_small(_: StoredSpace, channel: TextChannel) -> bool:
        asked.append(channel)
        return False

    meant = Meant(stored=crowd.stored, channels=[SAID], vector=query(), is_small=is_small)
    signal = MeaningSignal(meant, SAID)

    def work(connection: Any) -> Any:
        scope = Scope(
            connection=connection,
            owner=crowd.owner,
            filters=Filters(),
            is_small=lambda _: pytest.fail("that is of pictures"),
            count_assets=lambda: 1,
            count_words=lambda words: dict.fromkeys(words, 1),
        )
        return signal.score(scope, signal.propose(scope, 5))

    found = crowd.run(work)
    assert asked == [SAID]
    assert len(found) == 5
    for evidence in found.values():
        assert evidence.strength == by_meaning(evidence.raw)
        assert evidence.contribution == MEANINGS[SAID].weight * evidence.strength
        assert evidence.signal == "speech"


def test_only_channels_there_are_can_be_indexed(crowd: Crowd) -> None:
    with pytest.raises(StoreError, match="no channel"):
        crowd.database.run(
            crowd.owner, lambda c: c.execute("SELECT heimdex.build_text_index(1::smallint, 'x; DROP')")
        )


def test_a_vector_of_another_length_than_its_space_is_refused(crowd: Crowd) -> None:
    asset = crowd.assets[3]
    row = TextRow(
        scene_id=asset.scene_ids[0],
        channel=SAID,
        text="",
        at_us=None,
        values=unit(np.ones(DIM + 1)),
        metadata={"error": None},
    )
    with pytest.raises(StoreError):  # by the cast in the index
        crowd.database.run(
            crowd.owner,
            lambda c: text_vectors.replace_texts(
                c, crowd.owner, asset.asset_id, crowd.stored.space_id, [row]
            ),
        )


def test_a_row_without_a_vector_says_why(crowd: Crowd) -> None:
    asset = crowd.assets[3]
    row = TextRow(
        scene_id=asset.scene_ids[0], channel=SAID, text="", at_us=None, values=None, metadata={"error": None}
    )
    with pytest.raises(StoreError):
        crowd.database.run(
            crowd.owner,
            lambda c: text_vectors.replace_texts(
                c, crowd.owner, asset.asset_id, crowd.stored.space_id, [row]
            ),
        )


def plan(crowd: Crowd, statement: str, parameters: dict[str, Any]) -> str:
    with crowd.database.transaction(crowd.owner) as connection:
        connection.execute("SELECT set_config('max_parallel_workers_per_gather', '0', true)")
        connection.prepare_threshold = 1
        for _ in range(EXECUTIONS - 1):
            connection.execute(statement, parameters).fetchall()
        rows = connection.execute(f"EXPLAIN {statement}", parameters).fetchall()
    return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("nearest_texts_indexed", "text_space_{space}_transcript_hnsw"),
        ("count_text_space", "text_vector_pkey"),
        ("score_texts", "Index Scan using text_vector_"),  # by the key, or by the scenes
        ("texts_of_asset", "text_vector_asset"),
    ],
)
def test_a_hot_query_uses_its_index(crowd: Crowd, name: str, index: str) -> None:
    statement = with_filters(queries("text_vectors")[name], Filters()).replace("/* channel */", "transcript")
    slots = {"space_id": crowd.stored.space_id, "dim": DIM, "limit": 10}
    statement = literal_int(statement, **{k: v for k, v in slots.items() if "{" + k + "}" in statement})
    parameters = {
        "owner": crowd.owner,
        "vector": to_text(query()),
        "channels": ["transcript", "summary"],
        "most": 0.75,
        "scenes": list(crowd.assets[0].scene_ids),
        "asset": crowd.assets[0].asset_id,
    }
    found = plan(crowd, statement, parameters)
    assert index.format(space=crowd.stored.space_id) in found, found


def test_the_exact_scan_of_one_asset_reads_only_its_rows(crowd: Crowd) -> None:
    filters = Filters(asset_id=crowd.assets[0].asset_id)
    statement = with_filters(queries("text_vectors")["nearest_texts_exact"], filters)
    statement = literal_int(
        statement.replace("/* channel */", "transcript"), space_id=crowd.stored.space_id, dim=DIM, limit=10
    )
    found = plan(
        crowd,
        statement,
        {"owner": crowd.owner, "vector": to_text(query()), "asset": crowd.assets[0].asset_id},
    )
    assert "Seq Scan on text_vector" not in found, found
    assert "text_vector_asset" in found, found


def test_spaces_of_texts_are_counted_apart_from_those_of_pictures(crowd: Crowd) -> None:
    pictures = crowd.run(lambda c: vectors.count_vectors(c, crowd.owner))
    assert {row["model"] for row in pictures} == {"test"}
    counted = crowd.run(lambda c: text_vectors.count_texts(c, crowd.owner))
    scenes = ASSETS * SCENES
    assert [(row["model"], row["channel"], row["filled"], row["failed"]) for row in counted] == [
        ("writer", "description", scenes, 0),
        ("writer", "transcript", scenes, 0),
    ]


def test_texts_go_with_their_scenes_and_assets(database: Database, owner: str) -> None:
    pictures = make_model(database, owner)
    space = Space(model="writer", name="text", dim=DIM)
    stored = database.run(owner, lambda c: vectors.register_model(c, [space], "int8", "1" * 64)).spaces[0]
    values = unit(np.random.default_rng(1).standard_normal((3, DIM)))
    asset = add_asset(database, owner, pictures, "/media/a.mp4", [values[:1]] * 3)
    fill(database, owner, stored, asset, values)

    def count(connection: Any) -> int:
        return int(connection.execute("SELECT count(*) FROM heimdex.text_vector").fetchone()[0])

    assert database.run(owner, count) == 6
    database.run(owner, lambda c: c.execute("DELETE FROM heimdex.scene WHERE position = 0"))
    assert database.run(owner, count) == 4
    database.run(owner, lambda c: c.execute("DELETE FROM heimdex.asset"))
    assert database.run(owner, count) == 0
