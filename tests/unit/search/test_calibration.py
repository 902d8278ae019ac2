from __future__ import annotations

import numpy as np
import pytest

from heimdex.encoders.background import calibrate, on_scale
from heimdex.entities import Evidence, Space
from heimdex.search.calibration import QueryNull, expected_best
from heimdex.search.fusion import fuse
from heimdex.search.joining import join
from heimdex.store.calibrations import Calibration, Sample
from heimdex.store.places import Place

JOINT = Space(model="m", name="joint", dim=8)
LABELS = Space(model="m", name="labels", dim=8)


def sample(scores: list[float], rows: int = 0) -> Sample:
    """Rows whose standardised scores for the query (1, 0, …) are these."""
    values = np.zeros((len(scores), 8), np.float32)
    values[:, 0] = scores
    return Sample(
        values=values,
        means=np.zeros(len(scores), np.float32),
        deviations=np.ones(len(scores), np.float32),
        rows=rows or len(scores),
    )


def null(scores: list[float], rows: int = 0) -> QueryNull:
    query = np.eye(8, dtype=np.float32)[0]
    found = QueryNull.of(query, sample(scores, rows), JOINT)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("count", "expected"), [(1, 0.0), (2, 0.564), (10, 1.539), (100, 2.508), (1000, 3.241)]
)
def test_the_expected_best_of_n_normal_values(count: int, expected: float) -> None:
    # Tables of normal order statistics, Harter 1961.
    assert expected_best(count) == pytest.approx(expected, abs=0.03)


def test_what_has_to_be_reached_grows_with_the_library() -> None:
    assert null([0.0] * 9, rows=10_000).chance > null([0.0] * 9, rows=100).chance > null([0.0] * 9).chance


def test_half_a_library_may_answer_without_moving_the_line() -> None:
    assert null([0.0] * 6 + [9.0] * 5).chance == pytest.approx(null([0.0] * 11).chance)


def test_an_archive_that_answers_as_a_whole_moves_the_line_by_no_more_than_its_cap() -> None:
    assert null([9.0] * 11).chance - null([0.0] * 11).chance == pytest.approx(0.25)


def test_what_a_moved_query_gains_with_pictures_as_such_is_no_sign_of_an_answer() -> None:
    plain, moved = np.zeros((2, 8), np.float32)
    plain[0], moved[0] = 1.0, 3.0
    before = QueryNull.of(plain, sample([0.4] * 11), JOINT)
    after = QueryNull.of(moved, sample([0.4] * 11), JOINT, plain)
    assert before is not None
    assert after is not None
    assert after.chance - before.chance == pytest.approx(0.8), "in full, beyond the cap too"
    less = QueryNull.of(plain, sample([0.4] * 11), JOINT, moved)
    assert less is not None
    assert less.chance == pytest.approx(null([1.2] * 11).chance), "who loses gets nothing for it"


def test_a_hub_has_to_come_nearer_than_others() -> None:
    found = null([0.0] * 50)
    plain, hub = Calibration(mean=0.1, deviation=0.1), Calibration(mean=0.3, deviation=0.1)
    near, near_hub = found.strengths([0.5, 0.5], [plain, hub])
    assert near > 0.5 > near_hub
    far, very_near = found.strengths([-1.0, 1.0], [hub, plain])
    assert 0.0 < far < near_hub < near < very_near < 1.0
    assert found.strengths([0.5, 0.5], [None, plain])[0] == found.strengths([0.5], [found.typical])[0]


def test_without_calibrated_rows_there_is_no_null() -> None:
    assert QueryNull.of(np.ones(8, np.float32), sample([]), JOINT) is None


def test_probabilities_are_compared_by_orders_of_magnitude() -> None:
    cosines = np.array([0.0, 0.001, 0.01, 0.1, 1.0], np.float32)
    steps = np.diff(on_scale(cosines, LABELS))
    assert (steps > 0).all()
    assert steps[2] == pytest.approx(steps[3], rel=0.1)
    assert on_scale(cosines, JOINT) is cosines


def test_a_calibration_is_the_mean_and_deviation_of_the_background() -> None:
    rng = np.random.default_rng(0)
    rows, background = (rng.normal(size=(count, 8)).astype(np.float32) for count in (5, 300))
    means, deviations = calibrate(rows, background, JOINT)
    assert means == pytest.approx((background @ rows.T).mean(axis=0), abs=1e-5)
    assert deviations == pytest.approx((background @ rows.T).std(axis=0), abs=1e-5)
    assert (calibrate(rows * 0, background, JOINT)[1] > 0).all(), "nothing is divided by nothing"


def evidence(signal: str, strength: float) -> Evidence:
    return Evidence(signal=signal, contribution=strength, raw=0.5, model="m", strength=strength)


PLACES = {name: Place(asset_id=name[0], position=int(name[1])) for name in ("a0", "a1", "a2", "a4", "b2")}


@pytest.mark.parametrize(
    ("strengths", "runs"),
    [
        ({"a0": 0.9, "a1": 0.95, "a2": 0.8}, [("a0", "a1", "a2")]),
        ({"a0": 0.9, "a1": 0.6}, [("a0",), ("a1",)]),  # not alike
        ({"a1": 0.9, "a2": 0.9, "a4": 0.9}, [("a1", "a2"), ("a4",)]),  # one between is none
        ({"a1": 0.9, "b2": 0.9}, [("a1",), ("b2",)]),  # another file
    ],
)
def test_neighbours_are_joined_where_they_answer_alike(
    strengths: dict[str, float], runs: list[tuple[str, ...]]
) -> None:
    hits = fuse({name: [evidence("picture", value)] for name, value in strengths.items()})
    assert sorted(hit.scene_ids for hit in join(hits, PLACES)) == runs


def test_neighbours_that_answer_by_different_signals_or_by_their_path_stay_apart() -> None:
    hits = fuse({"a0": [evidence("picture", 0.9)], "a1": [evidence("speech", 0.9)]})
    assert len(join(hits, PLACES)) == 2
    hits = fuse({"a0": [evidence("path", 0.9)], "a1": [evidence("path", 0.9)]})
    assert len(join(hits, PLACES)) == 2


def test_a_joined_hit_keeps_the_place_score_and_evidence_of_the_best() -> None:
    hits = fuse(
        {
            "a0": [evidence("picture", 0.9)],
            "b2": [evidence("picture", 0.92)],
            "a1": [evidence("picture", 0.95)],
        }
    )
    assert [(hit.scene_id, hit.score) for hit in join(hits, PLACES)] == [("a1", 0.95), ("b2", 0.92)]
