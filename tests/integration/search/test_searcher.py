"""Searches over a library of rows: candidates, evidence, pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heimdex.entities import Answer, Filters, Query, Values, Verdict
from heimdex.search.searcher import Searcher, SearchOptions
from heimdex.search.sight import OneModel
from heimdex.store import assets, nearest, vectors
from heimdex.store.database import Database
from heimdex.store.vectors import StoredModel
from tests.conformance.fakes import COLOURS, FakeEncoder
from tests.library import MadeAsset, add_asset, unit

PATHS = ("red/first.mp4", "blue/second.mp4", "blue/red.mp4", "green/fourth.mp4")


@pytest.fixture
def model(database: Database, owner: str) -> StoredModel:
    spaces = FakeEncoder().picture_spaces
    return database.run(owner, lambda c: vectors.register_model(c, spaces, "fp32", "0" * 64))


@pytest.fixture
def searcher(database: Database, owner: str, tmp_path: Path, model: StoredModel) -> Searcher:
    options = SearchOptions(exact_rows=nearest.EXACT_ROWS, max_pixels=10**8)
    return Searcher(database, owner, tmp_path, OneModel(FakeEncoder, lambda _: model), options)


@pytest.fixture
def library(database: Database, owner: str, model: StoredModel) -> list[MadeAsset]:
    """Four films of two scenes; the first shows something red, the second something blue, and so on."""
    rng = np.random.default_rng(3)
    made = []
    for number, path in enumerate(PATHS):
        shown = words_vector(list(COLOURS)[number])
        scenes = [unit(shown + 0.02 * rng.standard_normal((1, len(shown)))) for _ in range(2)]
        made.append(add_asset(database, owner, model, f"/films/{path}", scenes))
    return made


def words_vector(words: str) -> Values:
    return next(iter(FakeEncoder().encode_words([words]))).values


def shown(answer: Answer) -> dict[str, dict[str, float]]:
    """The raw evidence of each hit, by scene."""
    return {hit.scene_id: {item.signal: item.raw for item in hit.evidence} for hit in answer.hits}


def test_every_candidate_is_scored_on_every_signal(searcher: Searcher, library: list[MadeAsset]) -> None:
    found = shown(searcher.search(Query(text="red", limit=100)))
    by_path = {scene_id for asset in library if "red" in asset.path for scene_id in asset.scene_ids}
    assert by_path < found.keys(), "others are found by what they show alone"
    for scene_id, signals in found.items():
        assert ("path" in signals) == (scene_id in by_path)
        assert "picture" in signals


def test_a_score_is_the_sum_of_its_contributions_and_the_best_comes_first(
    searcher: Searcher, library: list[MadeAsset]
) -> None:
    hits = searcher.search(Query(text="red", limit=100)).hits
    for hit in hits:
        assert hit.score == pytest.approx(sum(item.contribution for item in hit.evidence))
        contributions = [item.contribution for item in hit.evidence]
        assert contributions == sorted(contributions, reverse=True)
    assert {hit.scene_id for hit in hits[:2]} == set(library[0].scene_ids)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_pages_join_without_a_gap_and_without_a_double(searcher: Searcher, library: list[MadeAsset]) -> None:
    whole = [hit.scene_id for hit in searcher.search(Query(text="red", limit=100)).hits]
    pages = [searcher.search(Query(text="red", limit=3, page=number)) for number in (1, 2, 3)]
    assert [hit.scene_id for page in pages for hit in page.hits] == whole
    assert [page.more for page in pages] == [True, True, False]


def test_what_was_removed_meanwhile_is_missing_from_the_next_page(
    searcher: Searcher, library: list[MadeAsset], database: Database, owner: str
) -> None:
    whole = list(shown(searcher.search(Query(text="red", limit=100))))
    searcher.search(Query(text="red", limit=2))
    gone = next(asset for asset in library if whole[2] in asset.scene_ids)
    database.run(owner, lambda c: assets.delete_assets(c, owner, [gone.asset_id]))
    second = searcher.search(Query(text="red", limit=2, page=2))
    assert list(shown(second)) == [scene_id for scene_id in whole[2:4] if scene_id not in gone.scene_ids]


def test_a_common_word_still_finds_the_path_that_has_a_rare_one_too(
    searcher: Searcher, database: Database, owner: str, model: StoredModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heimdex.search.signals.ASSETS_PER_WORD", 3)
    nothing: list[Any] = [unit(np.ones((1, len(words_vector("white")))))]
    for number in range(40):
        word = "beach" if number % 3 == 0 else "town"
        add_asset(database, owner, model, f"/films/{word}/{number}.mp4", nothing)
    wanted = add_asset(database, owner, model, "/films/beach/lighthouse.mp4", nothing)
    answer = searcher.search(Query(text="lighthouse beach", limit=1))
    assert [hit.scene_id for hit in answer.hits] == list(wanted.scene_ids)
    assert answer.hits[0].evidence[0].text == "lighthouse beach"


def test_a_filter_holds_for_paths_too(
    searcher: Searcher, library: list[MadeAsset], database: Database, owner: str
) -> None:
    answer = searcher.search(Query(text="red", filters=Filters(within="/films/blue"), limit=100))
    assert {hit.path for hit in answer.hits} == {"/films/blue/second.mp4", "/films/blue/red.mp4"}
    assert answer.hits[0].path == "/films/blue/red.mp4"


def test_words_never_match_for_certain_by_pictures_that_were_not_calibrated(
    searcher: Searcher, library: list[MadeAsset]
) -> None:
    found = searcher.search(Query(text="yellow"))  # stands in no path
    assert (found.verdict, len(found.hits) > 0) == (Verdict.WEAK, True)


def test_what_is_not_covered_is_told(
    searcher: Searcher, library: list[MadeAsset], database: Database, owner: str, model: StoredModel
) -> None:
    assert [item.signal for item in searcher.search(Query(text="red")).unavailable if item.coverage] == []
    other = Searcher(
        database, owner, searcher.home, OneModel(FakeEncoder, lambda _: None), searcher.options
    )  # nothing indexed with this one
    answer = other.search(Query(text="red"))
    assert answer.unavailable[0].signal == "picture"
    assert {item.signal for hit in answer.hits for item in hit.evidence} == {"path"}
