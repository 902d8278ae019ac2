"""Lines of writing in the database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from heimdex.entities import TextLine, new_id
from heimdex.store import text_lines
from heimdex.store.database import Database
from tests.library import DIM, MadeAsset, add_asset, make_model, photo, unit

SECOND = 1_000_000


@pytest.fixture
def film(database: Database, owner: str) -> MadeAsset:
    """Three scenes of a second each."""
    model = make_model(database, owner)
    return add_asset(database, owner, model, "/films/a.mp4", [unit(np.ones((1, DIM)))] * 3)


def line(scene_id: str, start_us: int, end_us: int, text: str = "OPEN") -> TextLine:
    return TextLine(
        scene_id=scene_id,
        at_us=(start_us + end_us) // 2,
        start_us=start_us,
        end_us=end_us,
        text=text,
        box=(0.25, 0.5, 0.125, 0.0625),
        confidence=0.5,
        script="Latn",
    )


def of(database: Database, owner: str, asset_id: str) -> list[TextLine]:
    return database.run(owner, lambda c: text_lines.lines_of(c, owner, asset_id), read_only=True)


def of_scenes(database: Database, owner: str, scenes: Any) -> dict[str, list[str]]:
    found = database.run(owner, lambda c: text_lines.lines_of_scenes(c, owner, list(scenes)), read_only=True)
    return {scene_id: [one.text for one in lines] for scene_id, lines in found.items()}


def write(database: Database, owner: str, asset_id: str, lines: list[TextLine]) -> None:
    database.run(owner, lambda c: text_lines.replace_lines(c, owner, asset_id, lines))


def test_lines_come_back_as_they_were_by_the_time_they_appear(
    database: Database, owner: str, film: MadeAsset
) -> None:
    later, first = line(film.scene_ids[1], SECOND, 2 * SECOND), line(film.scene_ids[0], 0, SECOND, "Straße 8")
    write(database, owner, film.asset_id, [later, first])
    assert of(database, owner, film.asset_id) == [first, later]


def test_a_new_run_replaces_and_never_mixes(database: Database, owner: str, film: MadeAsset) -> None:
    write(database, owner, film.asset_id, [line(film.scene_ids[0], 0, SECOND)])
    write(database, owner, film.asset_id, [line(film.scene_ids[0], 0, SECOND, "CLOSED")])
    assert [one.text for one in of(database, owner, film.asset_id)] == ["CLOSED"]
    write(database, owner, film.asset_id, [])
    assert of(database, owner, film.asset_id) == []


def test_a_scene_has_the_lines_that_stand_in_it_wherever_they_were_read_best(
    database: Database, owner: str, film: MadeAsset
) -> None:
    one, two, three = film.scene_ids
    lines = [
        line(one, 0, 3 * SECOND, "logo"),
        line(two, SECOND, 2 * SECOND, "second"),
        line(three, 2 * SECOND, 3 * SECOND, "third"),
    ]
    write(database, owner, film.asset_id, lines)
    found = of_scenes(database, owner, film.scene_ids)
    assert found == {one: ["logo"], two: ["logo", "second"], three: ["logo", "third"]}
    assert of_scenes(database, owner, [two]) == {two: ["logo", "second"]}
    assert of_scenes(database, owner, [new_id()]) != {}, "a scene without lines is there, and empty"


def test_the_scene_of_a_photo_has_its_lines(database: Database, owner: str) -> None:
    model = make_model(database, owner)
    still = add_asset(database, owner, model, "/photos/a.jpg", [unit(np.ones((1, DIM)))], facts=photo())
    write(database, owner, still.asset_id, [replace(line(still.scene_ids[0], 0, 0), text="K7")])
    assert of_scenes(database, owner, still.scene_ids) == {still.scene_ids[0]: ["K7"]}


def test_lines_of_one_owner_are_not_another_owners(database: Database, owner: str, film: MadeAsset) -> None:
    write(database, owner, film.asset_id, [line(film.scene_ids[0], 0, SECOND)])
    stranger = new_id()
    assert of(database, stranger, film.asset_id) == []
    assert of_scenes(database, stranger, film.scene_ids) == {scene_id: [] for scene_id in film.scene_ids}
