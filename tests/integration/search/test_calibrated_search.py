"""Searches over calibrated rows: verdicts, joined neighbours, and what is stored for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heimdex.encoders.background import VERSION
from heimdex.entities import Query, Strictness, Values, Verdict
from heimdex.search.searcher import Searcher, SearchOptions
from heimdex.search.sight import OneModel
from heimdex.store import assets, calibrations, nearest, vectors
from heimdex.store.calibrations import Calibration, Sample
from heimdex.store.database import Database
from heimdex.store.vectors import StoredModel, StoredSpace
from tests.conformance.fakes import COLOURS, FakeEncoder
from tests.library import MadeAsset, add_asset, calibrate_rows, unit

THERE = ("red", "blue", "brown", "pink")


@pytest.fixture
def model(database: Database, owner: str) -> StoredModel:
    spaces = FakeEncoder().picture_spaces
    return database.run(owner, lambda c: vectors.register_model(c, spaces, "fp32", "0" * 64))


@pytest.fixture
def searcher(database: Database, owner: str, tmp_path: Path, model: StoredModel) -> Searcher:
    options = SearchOptions(exact_rows=nearest.EXACT_ROWS, max_pixels=10**8)
    return Searcher(database, owner, tmp_path, OneModel(FakeEncoder, lambda _: model), options)


def words_vector(words: str) -> Values:
    return next(iter(FakeEncoder().encode_words([words]))).values


def film(database: Database, owner: str, model: StoredModel, name: str, colours: list[str]) -> MadeAsset:
    """A film with a scene per colour: mostly that colour, a little of all."""
    rng = np.random.default_rng(len(name))
    scenes = []
    for colour in colours:
        noise = np.exp(rng.normal(-4.5, 1.0, (1, len(words_vector(colour)))))
        scenes.append(unit(words_vector(colour) + noise))
    return add_asset(database, owner, model, f"/films/{name}.mp4", scenes)


def calibrate_all(database: Database, owner: str, model: StoredModel) -> StoredSpace:
    """What an index run does at its end, with the fake's colours as background."""
    stored = model.space("labels")
    texts = [*COLOURS, *["black", "grey", "white", "orange"] * 6]  # a text is seldom on any one thing
    background = np.stack([vector.values for vector in FakeEncoder().encode_words(texts)])
    calibrate_rows(database, owner, stored, background)
    return stored


def draw(database: Database, owner: str, stored: StoredSpace, limit: int = 100) -> Sample:
    return database.run(owner, lambda c: calibrations.sample(c, owner, stored, limit=limit))


def test_what_is_there_matches_and_what_is_not_there_is_none(
    searcher: Searcher, database: Database, owner: str, model: StoredModel
) -> None:
    for number in range(8):
        film(database, owner, model, f"holiday-{number}", [THERE[number % 4], THERE[(number + 1) % 4]])
    calibrate_all(database, owner, model)
    assert searcher.search(Query(text="brown")).verdict == Verdict.MATCH
    nothing = searcher.search(Query(text="cyan"))
    assert (nothing.verdict, nothing.hits, nothing.more) == (Verdict.NONE, (), False)
    assert len(searcher.search(Query(text="cyan", nearest=True)).hits) == 10
    # Who draws a line is shown what lies above it; it is still called nothing.
    near = searcher.search(Query(text="cyan", nearest=True, limit=100))
    line = sorted(hit.evidence[0].raw for hit in near.hits)[-3]
    above = searcher.search(Query(text="cyan", match_threshold=line, limit=100))
    assert above.verdict == Verdict.NONE
    assert 3 <= len(above.hits) < len(near.hits)
    assert all(hit.evidence[0].raw >= line for hit in above.hits)
    loose = searcher.search(Query(text="cyan", strictness=Strictness.LOOSE))
    assert (loose.verdict, len(loose.hits)) == (Verdict.WEAK, 10)


def test_an_archive_of_one_theme_still_matches_its_theme(
    searcher: Searcher, database: Database, owner: str, model: StoredModel
) -> None:
    for number in range(20):
        film(database, owner, model, f"beach-{number:02}", ["yellow", "yellow"])
    calibrate_all(database, owner, model)
    assert searcher.search(Query(text="yellow")).verdict == Verdict.MATCH
    assert searcher.search(Query(text="purple")).verdict == Verdict.NONE


def test_neighbours_that_answer_alike_are_one_hit_with_the_range_of_both(
    searcher: Searcher, database: Database, owner: str, model: StoredModel
) -> None:
    made = film(database, owner, model, "long", ["red", "brown", "brown", "pink", "brown", "red"])
    film(database, owner, model, "other", list(THERE))
    calibrate_all(database, owner, model)
    hits = [hit for hit in searcher.search(Query(text="brown")).hits if hit.asset_id == made.asset_id]
    ranges = {hit.scene_ids: (hit.start_us, hit.end_us) for hit in hits}
    assert ranges[made.scene_ids[1:3]] == (1_000_000, 3_000_000)
    assert ranges[made.scene_ids[4:5]] == (4_000_000, 5_000_000)
    assert {hit.scene_id for hit in hits[:2]} < set(made.scene_ids[1:3] + made.scene_ids[4:5])
    shown = [scene_id for hit in hits for scene_id in hit.scene_ids]
    assert len(shown) == len(set(shown)), "a scene is in one hit alone"


@pytest.mark.parametrize("seed", range(5))
def test_over_random_queries_scores_are_sums_and_ranges_lie_inside_their_files(
    searcher: Searcher, database: Database, owner: str, model: StoredModel, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    names = list(COLOURS)
    for number in range(6):
        colours = [names[place] for place in rng.integers(0, 5, size=4)]
        film(database, owner, model, f"{names[number]}-{number}", colours)
    calibrate_all(database, owner, model)
    for _ in range(8):
        text = " ".join(rng.choice(names, size=rng.integers(1, 4)))
        for hit in searcher.search(Query(text=text, nearest=True, limit=100)).hits:
            assert hit.score == pytest.approx(sum(item.contribution for item in hit.evidence))
            assert 0 <= hit.start_us < hit.end_us <= 10_000_000


def test_calibrations_go_with_their_vectors_and_are_made_again(
    database: Database, owner: str, model: StoredModel
) -> None:
    kept, gone = (film(database, owner, model, name, ["red"]) for name in ("kept", "gone"))
    stored = calibrate_all(database, owner, model)
    assert draw(database, owner, stored).rows == 2
    database.run(owner, lambda c: assets.delete_assets(c, owner, [gone.asset_id]))
    assert draw(database, owner, stored).rows == 1
    keys, _ = database.run(
        owner, lambda c: calibrations.uncalibrated(c, owner, stored, version=VERSION + 1, limit=9)
    )
    assert [key.scene_id for key in keys] == list(kept.scene_ids), "other texts, other calibrations"


def test_what_was_removed_before_its_calibration_came_is_passed_over(
    database: Database, owner: str, model: StoredModel
) -> None:
    gone = film(database, owner, model, "gone", ["red"])
    stored = model.space("labels")

    def work(connection: Any) -> None:
        keys, _ = calibrations.uncalibrated(connection, owner, stored, version=VERSION, limit=9)
        assets.delete_assets(connection, owner, [gone.asset_id])
        made = [Calibration(mean=0.0, deviation=1.0)] * len(keys)
        calibrations.write_calibrations(connection, owner, stored, keys, made, version=VERSION)

    database.run(owner, work)
    assert draw(database, owner, stored).rows == 0


def test_a_sample_gives_vectors_as_they_were_stored_and_the_size_of_the_whole(
    database: Database, owner: str, model: StoredModel
) -> None:
    made = [film(database, owner, model, f"film-{number}", ["red", "blue"] * 5) for number in range(20)]
    stored = calibrate_all(database, owner, model)
    found = draw(database, owner, stored, limit=60)
    assert found.values.shape == (60, stored.space.dim)
    known = {tuple(row.tolist()) for asset in made for rows in asset.values for row in rows}
    assert {tuple(row.tolist()) for row in found.values} <= known
    assert 120 < found.rows < 340, "about 200"
