"""Where a large picture is looked at."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from heimdex.extractors.views import MOST_TILES, SHAPES, Quads, bounds, united, views

SIZES = [
    (1, 1), (40, 2000), (448, 336), (1280, 720), (720, 1280), (1920, 1080), (3840, 2160), (6000, 4000),
    (1080, 12_000), (20_000, 900), (8000, 8000),
]  # fmt: skip


def box(left: float, top: float, right: float, bottom: float) -> Quads:
    return np.array([[(left, top), (right, top), (right, bottom), (left, bottom)]], np.float32)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_views_fit_their_shapes_and_leave_nothing_out(width: int, height: int) -> None:
    found = views(width, height)
    assert len(found) <= MOST_TILES + 1
    for view in found:
        assert view.shape in SHAPES
        assert 0 <= view.left < view.right <= width
        assert 0 <= view.top < view.bottom <= height
        assert round((view.right - view.left) * view.scale) <= view.shape[1]
        assert round((view.bottom - view.top) * view.scale) <= view.shape[0]
    assert (found[-1].right - found[-1].left, found[-1].bottom - found[-1].top) == (width, height)
    for first, last, length in (("left", "right", width), ("top", "bottom", height)):
        stretches = sorted({(getattr(view, first), getattr(view, last)) for view in found[:-1] or found})
        assert (stretches[0][0], stretches[-1][1]) == (0, length)
        assert all(one[1] > other[0] for one, other in pairwise(stretches))


def test_a_frame_of_1080p_is_looked_at_once_and_larger_ones_more_closely() -> None:
    assert len(views(1920, 1080)) == 1
    assert len(views(3840, 2160)) == 5


def test_a_long_screenshot_is_not_made_illegible() -> None:
    assert views(1080, 12_000)[0].scale > 0.6


def test_a_small_picture_is_enlarged_but_not_without_limit() -> None:
    assert views(320, 240)[0].scale == 3.0
    assert views(1280, 720)[0].scale == 1.0


def test_a_place_in_a_view_is_found_again_in_the_picture() -> None:
    for view in views(3840, 2160):
        corner = view.back(box(10, 20, 110, 50))
        assert np.allclose(corner[0, 0], (view.left + 10 / view.scale, view.top + 20 / view.scale))


def test_a_line_that_an_inner_edge_cuts_is_left_to_the_view_that_has_it_whole() -> None:
    first, *_, whole = views(3840, 2160)
    assert first.right < 3840
    cut = box(first.right - 300, 50, first.right, 90)
    assert not first.whole(cut, 3840, 2160)[0]
    assert whole.whole(cut, 3840, 2160)[0]
    assert first.whole(box(0, 0, 200, 40), 3840, 2160)[0], "an edge of the picture cuts nothing"


def test_what_a_closer_view_found_is_not_found_again() -> None:
    closer = np.concatenate([box(100, 100, 300, 120), box(100, 130, 300, 150)])
    again = np.concatenate([box(98, 99, 303, 121), box(900, 100, 1200, 200)])
    found = bounds(united([closer, again]))
    assert found[:, 0].tolist() == [100, 100, 900]
    assert united([]).shape == (0, 4, 2)
