from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from heimdex.entities import Filters, Kind, Values
from heimdex.store import assets, nearest, vectors
from heimdex.store.database import Database
from heimdex.store.vectors import StoredModel
from tests.library import DIM, FACTS, MadeAsset, add_asset, make_model, moment, photo, unit

FRAMES = 3
ALL = Filters()


@pytest.fixture
def model(database: Database, owner: str) -> StoredModel:
    return make_model(database, owner)


@pytest.fixture
def library(database: Database, owner: str, model: StoredModel) -> list[MadeAsset]:
    rng = np.random.default_rng(7)
    return [
        add_asset(
            database,
            owner,
            model,
            f"/media/{2020 + number % 3}/{'photo' if number % 2 else 'clip'}-{number}.bin",
            [unit(rng.standard_normal((FRAMES, DIM))) for _ in range(4)],
            replace(photo() if number % 2 else FACTS, captured_at=moment(2020 + number % 3)),
        )
        for number in range(12)
    ]


def ranking(library: list[MadeAsset], query: Values) -> list[str]:
    """The truth: scenes by their best frame."""
    scored = [
        (float((values @ query / np.linalg.norm(values, axis=1)).max()), scene_id)
        for asset in library
        for scene_id, values in zip(asset.scene_ids, asset.values, strict=True)
    ]
    return [scene_id for _, scene_id in sorted(scored, reverse=True)]


def find(
    database: Database,
    owner: str,
    model: StoredModel,
    query: Values,
    filters: Filters = ALL,
    **how: Any,
) -> list[str]:
    options = {"limit": 10, "exact": None} | how
    return database.run(
        owner,
        lambda c: nearest.nearest_scenes(c, owner, model.spaces[0], query, filters, **options),
        read_only=True,
    )


def query_of(seed: int) -> NDArray[np.float32]:
    return unit(np.random.default_rng(seed).standard_normal(DIM))


@pytest.mark.parametrize("seed", range(5))
def test_the_exact_scan_agrees_with_brute_force(
    database: Database, owner: str, model: StoredModel, library: list[MadeAsset], seed: int
) -> None:
    query = query_of(seed)
    assert find(database, owner, model, query) == ranking(library, query)[:10]


@pytest.mark.parametrize("seed", range(5))
def test_the_index_agrees_with_brute_force_on_a_small_library(
    database: Database, owner: str, model: StoredModel, library: list[MadeAsset], seed: int
) -> None:
    database.run(owner, lambda c: vectors.build_index(c, model.spaces[0].space_id))
    query = query_of(seed)
    assert find(database, owner, model, query, exact=False) == ranking(library, query)[:10]


def test_a_large_space_without_an_index_is_still_searched_exactly(
    database: Database, owner: str, model: StoredModel, library: list[MadeAsset]
) -> None:
    query, space = query_of(1), model.spaces[0]
    assert database.run(owner, lambda c: nearest.choose_exact(c, owner, space, ALL, exact_rows=0))
    assert find(database, owner, model, query, exact=True) == ranking(library, query)[:10]


def test_few_rows_through_a_filter_are_scanned_though_the_space_is_large(
    database: Database, owner: str, model: StoredModel, library: list[MadeAsset]
) -> None:
    database.run(owner, lambda c: vectors.build_index(c, model.spaces[0].space_id))
    one = Filters(asset_id=library[0].asset_id)
    choose = nearest.choose_exact
    space = model.spaces[0]
    rows = len(library) * 4 * FRAMES
    assert database.run(owner, lambda c: choose(c, owner, space, one, exact_rows=rows // 2))
    assert not database.run(owner, lambda c: choose(c, owner, space, Filters(), exact_rows=rows // 2))


@pytest.mark.parametrize("indexed", [False, True])
@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        (Filters(kind=Kind.PHOTO), lambda a: "photo" in a.path),
        (Filters(since=moment(2021)), lambda a: "/2020/" not in a.path),
        (Filters(until=moment(2021)), lambda a: "/2020/" in a.path),
        (Filters(within="/media/2022"), lambda a: "/2022/" in a.path),
        (Filters(within="/media/2022/"), lambda a: "/2022/" in a.path),
        (Filters(within="/media/20"), lambda a: False),
        (Filters(within="/media/2020/clip-0.bin"), lambda a: a.path.endswith("/clip-0.bin")),
        (
            Filters(kind=Kind.VIDEO, within="/media/2020", since=moment(2020)),
            lambda a: "/2020/clip" in a.path,
        ),
    ],
)
def test_a_filter_narrows_before_anything_is_ranked(
    database: Database,
    owner: str,
    model: StoredModel,
    library: list[MadeAsset],
    filters: Filters,
    wanted: Any,
    indexed: bool,
) -> None:
    if indexed:
        database.run(owner, lambda c: vectors.build_index(c, model.spaces[0].space_id))
    query = query_of(3)
    expected = ranking([asset for asset in library if wanted(asset)], query)[:10]
    found = find(database, owner, model, query, filters, exact=False if indexed else None)
    assert found == expected


def test_a_scene_is_scored_by_its_best_frame(
    database: Database, owner: str, model: StoredModel, library: list[MadeAsset]
) -> None:
    query = query_of(4)
    asset = library[5]
    scored = database.run(
        owner, lambda c: nearest.score_scenes(c, owner, model.spaces[0], query, asset.scene_ids)
    )
    for scene_id, values in zip(asset.scene_ids, asset.values, strict=True):
        cosines = values @ query
        assert scored[scene_id].cosine == pytest.approx(float(cosines.max()), abs=2e-3)
        assert scored[scene_id].rank == int(cosines.argmax())


def test_another_owner_sees_nothing(
    database: Database, owner: str, model: StoredModel, library: list[MadeAsset]
) -> None:
    stranger = str(uuid.uuid4())
    assert find(database, stranger, model, query_of(1)) == []
    scenes = library[0].scene_ids
    as_if = database.run(
        stranger, lambda c: nearest.score_scenes(c, owner, model.spaces[0], query_of(1), scenes)
    )
    assert as_if == {}, "even with the victim's id in the query the policy hides the rows"
    assert database.run(stranger, lambda c: nearest.describe_scenes(c, owner, scenes, Filters())) == {}


def test_missing_files_are_not_shown_and_come_back(
    database: Database, owner: str, model: StoredModel, library: list[MadeAsset]
) -> None:
    query = query_of(2)
    gone = library[0]
    mark = [gone.path.encode()], [gone.asset_id]
    database.run(owner, lambda c: assets.mark_missing(c, owner, *mark))
    assert set(find(database, owner, model, query, limit=48)).isdisjoint(gone.scene_ids)
    database.run(owner, lambda c: assets.mark_present(c, owner, *mark))
    assert set(gone.scene_ids) <= set(find(database, owner, model, query, limit=48))


def test_text_form_of_a_vector_survives_the_database(
    database: Database, owner: str, model: StoredModel, library: list[MadeAsset]
) -> None:
    asset = library[1]
    stored = database.run(
        owner, lambda c: vectors.vectors_of_scene(c, owner, model.spaces[0], asset.scene_ids[2])
    )
    assert np.allclose(np.stack(stored), asset.values[2], atol=1e-3)
