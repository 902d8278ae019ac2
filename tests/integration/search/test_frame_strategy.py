"""How a scene's frames make its score: the best picture alone, the nearest of three, or their mean."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from heimdex.entities import Filters, FrameStrategy, Kind, Query, Values
from heimdex.search.searcher import Searcher, SearchOptions
from heimdex.search.sight import OneModel
from heimdex.store import nearest, vectors
from heimdex.store.database import Database
from heimdex.store.vectors import StoredModel
from tests.conformance.fakes import FakeEncoder
from tests.library import DIM, MadeAsset, add_asset, make_model, unit

FRAMES = 3

Reduce = Callable[[NDArray[np.float32]], float]
SCORES: dict[FrameStrategy, Reduce] = {
    FrameStrategy.BEST_QUALITY: lambda cosines: float(cosines[0]),
    FrameStrategy.TOP3_MAX: lambda cosines: float(cosines.max()),
    FrameStrategy.TOP3_MEAN: lambda cosines: float(cosines.mean()),
}
STRATEGIES = tuple(FrameStrategy)


@pytest.fixture
def model(database: Database, owner: str) -> StoredModel:
    return make_model(database, owner)


@pytest.fixture
def library(database: Database, owner: str, model: StoredModel) -> list[MadeAsset]:
    """Sixty scenes of three frames, the frames of a scene unlike each other."""
    rng = np.random.default_rng(11)
    scenes = [[unit(rng.standard_normal((FRAMES, DIM))) for _ in range(6)] for _ in range(10)]
    return [
        add_asset(database, owner, model, f"/films/{number}.mp4", values)
        for number, values in enumerate(scenes)
    ]


def query_of(seed: int) -> Values:
    return unit(np.random.default_rng(100 + seed).standard_normal(DIM))


def truth(library: list[MadeAsset], query: Values, strategy: FrameStrategy) -> list[tuple[str, float]]:
    """Every scene with its score by brute force, the best first."""
    scored = [
        (scene_id, SCORES[strategy](values @ query / np.linalg.norm(values, axis=1) / np.linalg.norm(query)))
        for asset in library
        for scene_id, values in zip(asset.scene_ids, asset.values, strict=True)
    ]
    return sorted(scored, key=lambda pair: -pair[1])


@pytest.mark.parametrize("exact", [None, False])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_scenes_are_proposed_in_the_order_that_the_cosines_demand(
    database: Database,
    owner: str,
    model: StoredModel,
    library: list[MadeAsset],
    strategy: str,
    exact: bool | None,
) -> None:
    database.run(owner, lambda c: vectors.build_index(c, model.spaces[0].space_id))
    for seed in range(5):
        query = query_of(seed)
        found = database.run(
            owner,
            lambda c, query=query: nearest.nearest_scenes(  # type: ignore[misc]
                c,
                owner,
                model.spaces[0],
                query,
                Filters(kind=Kind.VIDEO),
                limit=20,
                exact=exact,
                strategy=FrameStrategy(strategy),
            ),
            read_only=True,
        )
        wanted = [scene_id for scene_id, _ in truth(library, query, FrameStrategy(strategy))]
        assert found == wanted[:20]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_candidates_are_scored_as_they_were_proposed_and_a_frame_is_named(
    database: Database, owner: str, model: StoredModel, library: list[MadeAsset], strategy: str
) -> None:
    query = query_of(0)
    wanted = dict(truth(library, query, FrameStrategy(strategy)))
    scored = database.run(
        owner,
        lambda c: nearest.score_scenes(
            c, owner, model.spaces[0], query, list(wanted), FrameStrategy(strategy)
        ),
    )
    assert scored.keys() == wanted.keys()
    for asset in library:
        for scene_id, values in zip(asset.scene_ids, asset.values, strict=True):
            assert scored[scene_id].cosine == pytest.approx(wanted[scene_id], abs=1e-5)
            nearest_frame = 0 if strategy == FrameStrategy.BEST_QUALITY else int(np.argmax(values @ query))
            assert scored[scene_id].rank == nearest_frame


def test_the_three_strategies_disagree_here() -> None:
    """Or the tests above would prove nothing."""
    rng = np.random.default_rng(11)
    cosines = np.stack([unit(rng.standard_normal((FRAMES, DIM))) @ query_of(0) for _ in range(60)])
    orders = {
        strategy: tuple(np.argsort([-score(row) for row in cosines])) for strategy, score in SCORES.items()
    }
    assert len(set(orders.values())) == len(STRATEGIES)


@pytest.mark.parametrize(
    ("strategy", "order"),
    [
        (FrameStrategy.BEST_QUALITY, ["first", "even", "last"]),
        (FrameStrategy.TOP3_MAX, ["last", "first", "even"]),
        (FrameStrategy.TOP3_MEAN, ["even", "first", "last"]),
    ],
)
def test_a_search_orders_scenes_by_the_strategy_and_contributions_add_up(
    database: Database, owner: str, tmp_path: Path, strategy: FrameStrategy, order: list[str]
) -> None:
    encoder = FakeEncoder()
    model = database.run(owner, lambda c: vectors.register_model(c, encoder.picture_spaces, "fp32", "0" * 64))
    red = next(iter(encoder.encode_words(["red"]))).values
    away = np.roll(red, 5)

    def scene(*cosines: float) -> NDArray[np.float32]:
        return unit(np.stack([cosine * red + np.sqrt(1 - cosine**2) * away for cosine in cosines]))

    made = {
        "first": scene(0.8, 0.1, 0.1),
        "even": scene(0.6, 0.6, 0.6),
        "last": scene(0.05, 0.05, 0.85),
    }
    names = {
        add_asset(database, owner, model, f"/films/{name}.mp4", [values]).scene_ids[0]: name
        for name, values in made.items()
    }
    options = SearchOptions(exact_rows=nearest.EXACT_ROWS, max_pixels=10**8, strategy=strategy)
    searcher = Searcher(database, owner, tmp_path, OneModel(lambda: encoder, lambda _: model), options)
    hits = searcher.search(Query(text="red")).hits
    assert [names[hit.scene_id] for hit in hits] == order
    for hit in hits:
        assert hit.score == pytest.approx(sum(item.contribution for item in hit.evidence))
        (evidence,) = [item for item in hit.evidence if item.signal == "picture"]
        assert evidence.contribution == pytest.approx(evidence.raw)
        assert evidence.at_us is not None


def test_a_scene_whose_best_picture_has_no_vector_has_none_to_show_by_it(
    database: Database, owner: str, model: StoredModel, library: list[MadeAsset]
) -> None:
    scene_id = library[0].scene_ids[0]
    database.run(
        owner,
        lambda c: c.execute("DELETE FROM heimdex.vector WHERE scene_id = %s AND rank = 0", [scene_id]),
    )

    def score(strategy: FrameStrategy) -> dict[str, nearest.FrameScore]:
        return database.run(
            owner,
            lambda c: nearest.score_scenes(c, owner, model.spaces[0], query_of(0), [scene_id], strategy),
        )

    assert score(FrameStrategy.BEST_QUALITY) == {}
    cosines = library[0].values[0][1:] @ query_of(0)
    assert score(FrameStrategy.TOP3_MEAN)[scene_id].cosine == pytest.approx(float(cosines.mean()), abs=1e-3)


def test_without_pictures_words_still_find_paths_and_it_is_said_why(
    database: Database, owner: str, tmp_path: Path, model: StoredModel, library: list[MadeAsset]
) -> None:
    def load() -> FakeEncoder:
        raise AssertionError("nobody asks for the encoder")

    options = SearchOptions(
        exact_rows=nearest.EXACT_ROWS, max_pixels=10**8, pictures_off="they are switched off"
    )
    searcher = Searcher(database, owner, tmp_path, OneModel(load, lambda _: model), options)
    add_asset(database, owner, model, "/films/lighthouse.mp4", [unit(np.ones((1, DIM)))])
    answer = searcher.search(Query(text="lighthouse"))
    assert [item.signal for hit in answer.hits for item in hit.evidence] == ["path"]
    assert (answer.models, answer.unavailable[0].signal) == ({}, "picture")
    assert answer.unavailable[0].reason == "they are switched off"
    assert searcher.search(Query(similar=library[0].scene_ids[0])).hits == ()
