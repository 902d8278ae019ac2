"""What `verify` looks at, what it leaves alone, and that it changes nothing. The long proof is acceptance."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import make_conninfo

from heimdex.app import Heimdex
from heimdex.pipeline import stages
from heimdex.pipeline.inspection import faults, whole
from heimdex.pipeline.inspection.inspectors import Inspectors
from heimdex.pipeline.ledger import Ledger, claim_key
from heimdex.store import nearest
from tests.planting import Library, fake_model, lasting_workers, make_media

FILM, RED, GREEN = "film.mp4", "red.jpg", "green.jpg"


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once; a test that changes a file copies it first."""
    return make_media(tmp_path_factory.mktemp("verify") / "media")


@pytest.fixture(scope="module", autouse=True)
def workers() -> Iterator[None]:
    """Worker processes shared by the tests of this file, with an encoder that needs no weights."""
    with lasting_workers(), fake_model():
        yield


@pytest.fixture
def library(database_url: str, media: Path, tmp_path: Path) -> Iterator[Library]:
    with Heimdex(
        home=tmp_path / "home", database_url=database_url, workers=2, picture_model="fake"
    ) as heimdex:
        assert heimdex.index(media).failed == ()
        made = Library(heimdex=heimdex, media=media, root=make_conninfo(database_url, user="postgres"))
        assert made.is_as_plants_need_it()
        yield made


def everything(library: Library) -> dict[str, Any]:
    """All rows and files there are."""
    tables = ("asset", "file", "path_word", "scene", "keyframe", "vector", "stage_run", "model", "space")
    rows = {table: sorted(map(str, library.sql(f"SELECT * FROM {table}"))) for table in tables}
    files = sorted(library.heimdex.settings.home.rglob("*"))
    return rows | {"files": [(path, path.stat().st_mtime_ns) for path in files]}


def test_a_good_index_has_no_fault_and_all_of_it_was_looked_at(library: Library) -> None:
    frames = library.sql("SELECT count(*) FROM keyframe")[0][0]
    found = library.heimdex.verify(sample=-1)
    assert found.faults == ()
    assert found.checked == {
        "assets": 7,
        "paths": 8,
        "ledger_entries": 6 * 7,
        "scenes": library.sql("SELECT count(*) FROM scene")[0][0],
        "kept_frames": frames,
        "vectors": 2 * frames,
        "kept_files": 2 * frames,
        "frames_encoded_again": frames,
        "originals_read_again": 8,
    }


def test_verify_changes_no_row_and_no_file(library: Library) -> None:
    library.kept(RED)[0].thumbnail.unlink()
    library.sql(
        "UPDATE stage_run SET state = 'pending' WHERE asset_id = %(id)s AND stage IN ('scenes', 'picture')",
        id=library.asset(FILM),
    )
    before = everything(library)
    assert len(library.heimdex.verify(sample=-1).faults) == 3
    assert everything(library) == before


def test_a_sample_is_as_large_as_asked_for(library: Library) -> None:
    checked = library.heimdex.verify(sample=2).checked
    assert checked["frames_encoded_again"] == 2
    assert checked["originals_read_again"] in (2, 3)  # one of the assets has two files
    assert checked["kept_files"] == 2 * checked["kept_frames"]
    checked = library.heimdex.verify(sample=0).checked
    assert "frames_encoded_again" not in checked
    assert "originals_read_again" not in checked


def test_without_a_sample_rows_files_and_altered_vectors_are_still_told(library: Library) -> None:
    library.kept(RED)[0].frame.write_bytes(b"")
    library.sql(
        "UPDATE vector v SET embedding = w.embedding FROM vector w WHERE w.space_id = v.space_id "
        "AND w.asset_id = %(other)s AND v.asset_id = %(id)s",
        id=library.asset(GREEN),
        other=library.asset(RED),
    )
    library.sql("UPDATE scene SET end_us = end_us + 5 WHERE asset_id = %(id)s", id=library.asset(FILM))
    assert sorted(library.faults(sample=0)) == sorted(
        [faults.FILE_ALTERED.what, faults.VECTOR_ALTERED.what, faults.SCENE_TORN.what, faults.SCENE_TORN.what]
    )


def test_pages_and_groups_of_any_size_tell_the_same(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (FILM, RED, GREEN):
        library.kept(name)[0].thumbnail.unlink()
    at_once = library.heimdex.verify(sample=-1)
    monkeypatch.setattr(whole, "PAGE_ASSETS", 2)
    monkeypatch.setattr(whole, "PAGE_FRAMES", 1)
    in_pages = library.heimdex.verify(sample=-1)
    assert len(at_once.faults) == 3
    assert set(in_pages.faults) == set(at_once.faults)
    assert in_pages.checked == at_once.checked


def test_an_asset_somebody_works_on_is_left_out(library: Library) -> None:
    library.kept(RED)[0].thumbnail.unlink()
    library.sql(
        "UPDATE stage_run SET state = 'running' WHERE asset_id = %(id)s AND stage IN ('scenes', 'picture')",
        id=library.asset(RED),
    )
    claims = library.heimdex.database.claims()
    assert claims.try_claim(claim_key(library.heimdex.owner, library.asset(RED)))
    try:
        found = library.heimdex.verify(sample=-1)
        assert (found.faults, found.checked["busy"]) == ((), 1)
        library.heimdex.index(library.media / GREEN, repair=True)
        assert not library.kept(RED)[0].thumbnail.exists()  # it is not ours to mend
    finally:
        claims.close()
    assert len(library.faults()) == 3  # both stages say they run


def test_an_asset_that_changes_while_it_is_looked_at_is_left_out(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.kept(RED)[0].thumbnail.unlink()
    library.kept(GREEN)[0].thumbnail.unlink()
    look = Inspectors.look_at_kept

    def meanwhile(self: Inspectors, pairs: Any) -> Any:
        library.sql(
            "UPDATE stage_run SET attempt = attempt + 1 WHERE asset_id = %(id)s", id=library.asset(RED)
        )
        return look(self, pairs)

    monkeypatch.setattr(Inspectors, "look_at_kept", meanwhile)
    found = library.heimdex.verify(sample=0)
    assert [fault.asset_id for fault in found.faults] == [library.asset(GREEN)]
    assert found.checked["busy"] == 1


def test_an_index_run_going_on_is_no_fault(library: Library, tmp_path: Path) -> None:
    more = make_media(tmp_path / "more")
    for path in sorted(more.rglob("*.jpg")):  # other contents than those there are
        path.write_bytes(path.read_bytes().replace(b"aaaaaaaa", b"cccccccc"))
    run = threading.Thread(target=library.heimdex.index, args=(more,))
    run.start()
    looks = []
    while run.is_alive():
        looks.append(library.faults(sample=0))
    run.join()  # before anything fails: it works on the database of this test
    assert len(looks) >= 2
    assert [found for found in looks if found] == []
    assert library.faults() == []


def test_a_stage_that_never_ran_is_a_fault_once_no_run_goes_on(library: Library) -> None:
    heimdex, asset_id = library.heimdex, library.asset(RED)
    library.sql("DELETE FROM stage_run WHERE asset_id = %(id)s AND stage = 'text'", id=asset_id)
    library.sql("UPDATE stage_run SET state = 'pending' WHERE stage = 'speech'")
    one, another = heimdex.database.claims(), heimdex.database.claims()
    try:
        for claims in (one, another):  # two runs at a time
            Ledger(heimdex.database, heimdex.owner, claims).attend()
        assert library.faults(sample=0) == []
        one.close()
        assert library.faults(sample=0) == []
        library.kept(GREEN)[0].thumbnail.unlink()
        assert library.faults(sample=0) == [faults.FILE_MISSING.what], "a run explains nothing else"
    finally:
        one.close()
        another.close()
    found = sorted(library.faults(sample=0))
    assert found == sorted([faults.FILE_MISSING.what, faults.NO_ENTRY.what, *[faults.PENDING.what] * 7])


def test_failures_and_refusals_on_record_are_no_faults(library: Library, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not much of a picture")
    assert len(library.heimdex.index(tmp_path / "broken.jpg").failed) == 1
    library.sql(
        "UPDATE stage_run SET state = 'failed', error = 'Timeout after 2.0s' "
        "WHERE asset_id = %(id)s AND stage = 'picture'",
        id=library.asset(RED),
    )
    assert library.faults() == []


def test_what_a_failed_stage_left_of_an_earlier_success_is_not_judged(library: Library) -> None:
    library.kept(RED)[0].thumbnail.unlink()
    library.sql(
        "UPDATE stage_run SET state = 'failed', error = 'is damaged' "
        "WHERE asset_id = %(id)s AND stage = 'scenes'",
        id=library.asset(RED),
    )
    assert library.faults() == []
    library.heimdex.index(library.media, repair=True)
    assert library.kept(RED)[0].thumbnail.is_file()
    assert library.faults() == []


def test_another_owners_library_is_not_looked_at(library: Library) -> None:
    library.kept(RED)[0].thumbnail.unlink()
    settings = library.heimdex.settings
    with Heimdex(
        home=settings.home,
        database_url=settings.database_url,
        owner=str(uuid.uuid4()),
        workers=2,
        picture_model="fake",
    ) as other:
        found = other.verify(sample=-1)
    assert (found.faults, found.checked) == ((), {})


def test_what_is_missing_in_one_scene_is_told_once_and_in_detail(library: Library) -> None:
    library.sql("DELETE FROM vector WHERE asset_id = %(id)s AND rank = 0", id=library.asset(FILM))
    found = library.heimdex.verify(sample=0).faults
    assert [fault.what for fault in found] == [faults.VECTOR_MISSING.what] * 3
    assert found[0].where.endswith("film.mp4 · scene 0 (0:00.000): frame 0 in labels, frame 0 in features")
    assert found[0].mend == "`heimdex index PATH --repair` computes its vectors again"


def test_a_library_of_another_model_is_one_fault(library: Library) -> None:
    library.sql("UPDATE model SET weights_sha256 = 'older'")
    (fault,) = library.heimdex.verify(sample=0).faults
    assert fault.what == faults.OTHER_WEIGHTS.what
    assert fault.where == "fake · 7 assets"


def test_a_model_that_cannot_be_loaded_is_one_fault(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "WORK", "tests.lost_work")
    (fault,) = library.heimdex.verify(sample=-1).faults
    assert fault.what == faults.MODEL_UNLOADABLE.what
    assert "differ from their manifest" in fault.mend


def test_a_large_space_without_an_index_is_told_and_gets_one(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nearest, "EXACT_ROWS", 5)
    assert library.faults(sample=0) == [faults.SPACE_UNINDEXED.what] * 2
    library.heimdex.index(library.media, repair=True)
    assert library.faults(sample=0) == []


def test_a_path_that_is_no_text_is_no_fault(library: Library, tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/caf\xe9 \xff.jpg"
    with open(name, "wb") as file:  # noqa: PTH123  (bytes)
        file.write((library.media / RED).read_bytes() + b"\0")
    assert library.heimdex.index(name).indexed == 1
    assert library.faults() == []


def test_repair_of_a_good_index_runs_nothing_again(library: Library) -> None:
    before = library.sql("SELECT asset_id, stage, attempt, finished_at FROM stage_run ORDER BY 1, 2")
    report = library.heimdex.index(library.media, repair=True)
    assert (report.indexed, report.unchanged) == (0, 8)
    assert library.sql("SELECT asset_id, stage, attempt, finished_at FROM stage_run ORDER BY 1, 2") == before


def test_a_fault_is_mended_and_nothing_else_is_run_again(library: Library) -> None:
    library.kept(RED)[0].thumbnail.unlink()
    others = "SELECT asset_id, stage, attempt FROM stage_run WHERE asset_id <> %(id)s ORDER BY 1, 2"
    before = library.sql(others, id=library.asset(RED))
    report = library.heimdex.index(library.media, repair=True)
    assert (report.indexed, report.unchanged) == (1, 7)
    assert library.sql(others, id=library.asset(RED)) == before
    assert library.faults() == []
