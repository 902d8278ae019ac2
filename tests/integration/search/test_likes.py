"""Scenes added to a query, or taken from it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from heimdex.entities import Query
from heimdex.errors import NotFound, QueryError
from heimdex.search.searcher import Searcher, SearchOptions
from heimdex.search.sight import OneModel
from heimdex.store import vectors
from heimdex.store.database import Database
from heimdex.store.vectors import StoredModel
from tests.conformance.fakes import FakeEncoder
from tests.library import MadeAsset, add_asset, unit


@pytest.fixture
def model(database: Database, owner: str) -> StoredModel:
    spaces = FakeEncoder().picture_spaces
    return database.run(owner, lambda c: vectors.register_model(c, spaces, "fp32", "0" * 64))


@pytest.fixture
def three(database: Database, owner: str, model: StoredModel) -> list[MadeAsset]:
    """Scenes along one axis, along another, and between the two."""
    similar = FakeEncoder().similar_space
    one, other = np.eye(similar.dim)[:2]
    alone = replace(model, spaces=(model.space(similar.name),))
    return [
        add_asset(database, owner, alone, f"/{number}.mp4", [unit(row[np.newaxis])])
        for number, row in enumerate((one, other, one + other))
    ]


@pytest.fixture
def searcher(database: Database, owner: str, tmp_path: Path, model: StoredModel) -> Searcher:
    options = SearchOptions(exact_rows=100, max_pixels=10**8)
    return Searcher(database, owner, tmp_path, OneModel(FakeEncoder, lambda _: model), options)


def test_likes_add_up_and_are_no_answers_themselves(searcher: Searcher, three: list[MadeAsset]) -> None:
    one, other, between = (asset.scene_ids[0] for asset in three)
    found = searcher.search(Query(likes=((one, 1.0), (other, 0.5)))).hits
    assert [hit.scene_id for hit in found] == [between]
    assert found[0].score == pytest.approx(1.5 * 0.5**0.5, abs=1e-2)
    assert found[0].score == pytest.approx(sum(item.contribution for item in found[0].evidence))


def test_what_is_taken_from_a_query_lowers_what_is_like_it(
    searcher: Searcher, three: list[MadeAsset]
) -> None:
    one, other, between = (asset.scene_ids[0] for asset in three)
    plain = searcher.search(Query(likes=((between, 1.0),))).hits
    less = searcher.search(Query(likes=((between, 1.0), (other, -0.5)))).hits
    assert {hit.scene_id for hit in plain} == {one, other}
    assert [hit.scene_id for hit in less] == [one], "the other is what was taken away"


def test_a_scene_that_is_not_there_and_no_query_at_all_are_errors(
    searcher: Searcher, three: list[MadeAsset]
) -> None:
    with pytest.raises(NotFound, match="no scene"):
        searcher.search(Query(likes=(("nowhere", 1.0),)))
    with pytest.raises(QueryError, match="nothing to look for"):
        searcher.search(Query())
