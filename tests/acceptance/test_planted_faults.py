"""Faults planted in a good index: `verify` names each and no other, `index --repair` mends each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from heimdex.app import Heimdex
from heimdex.entities import Fault
from heimdex.pipeline.inspection import faults
from heimdex.pipeline.inspection.faults import KINDS
from heimdex.pipeline.inspection.words import TERM_KINDS, TEXT_KINDS
from tests.acceptance.plants import FILM, GREEN, PLANTS, RED, SOUND, Plant
from tests.conftest import TEMPLATE, ServerUnderTest
from tests.planting import Library, lasting_workers, make_media

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module")
def library(database_server: ServerUnderTest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """One index for all of these; every case leaves it as it was."""
    folder = tmp_path_factory.mktemp("planted")
    name = f"planted_{uuid.uuid4().hex}"
    database_server.admin(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    home, url = folder / "home", database_server.url(name)
    with lasting_workers(), Heimdex(home=home, database_url=url, workers=2) as heimdex:
        media = make_media(folder / "media")
        assert heimdex.index(media).failed == ()
        library = Library(heimdex=heimdex, media=media, root=database_server.url(name, user="postgres"))
        assert library.is_as_plants_need_it()
        yield library
    database_server.admin(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def good(library: Library, request: pytest.FixtureRequest) -> Iterator[Library]:
    """The library without a fault; a test that fails leaves none to the next."""
    failed = request.session.testsfailed
    yield library
    if request.session.testsfailed > failed:
        library.start_over()


@pytest.mark.parametrize("case", PLANTS, ids=lambda case: case.title)
def test_a_planted_fault_is_named_alone_and_mended(good: Library, case: Plant) -> None:
    asset = None if case.name is None else good.asset(case.name)
    answers = ask(good)
    case.plant(good)
    found = good.heimdex.verify(sample=-1).faults
    assert [fault.what for fault in found] == [case.kind.what], [fault.where for fault in found]
    assert asset is None or found[0].asset_id == asset
    mend(good, found)
    left = good.heimdex.verify(sample=-1).faults
    assert left == (), [f"{fault.what}: {fault.where}" for fault in left]
    assert ask(good) == answers


def ask(lib: Library) -> list[tuple[str, int, float]]:
    """What a search answers: file, start and score."""
    hits = lib.heimdex.search("red rings", limit=20).hits
    return [(Path(hit.path).name, hit.start_us, round(hit.score, 3)) for hit in hits]


def mend(lib: Library, found: Sequence[Fault]) -> None:
    """Do what each fault says mends it."""
    for fault in found:
        told, _, statements = fault.mend.partition("administrator: ")
        if statements:
            for statement in filter(None, map(str.strip, statements.split(";"))):
                lib.sql(statement)
        else:
            assert "--repair" in told
    lib.heimdex.index(lib.media, repair=True)


def test_every_kind_of_fault_is_planted_here() -> None:
    planted = {case.kind.what for case in PLANTS}
    planted.add(faults.PATH_GONE.what)  # by a test of its own, below
    elsewhere = {faults.SPACE_UNINDEXED.what, faults.MODEL_UNLOADABLE.what}  # tests/integration/pipeline
    elsewhere |= {kind.what for kind in (*TEXT_KINDS.values(), *TERM_KINDS.values())}  # there too
    elsewhere |= {faults.UPLOAD_GONE.what, faults.UPLOAD_UNKNOWN.what}  # test_uploads.py there
    assert {kind.what for kind in KINDS} - planted == elsewhere
    assert len(planted) >= 30


def test_a_file_that_goes_and_comes_back_is_named_both_times(good: Library, tmp_path: Path) -> None:
    answers = ask(good)
    (good.media / GREEN).rename(tmp_path / GREEN)
    assert good.faults() == [faults.PATH_GONE.what]
    good.heimdex.index(good.media, repair=True)
    assert good.faults() == []
    assert GREEN not in {name for name, _, _ in ask(good)}
    (tmp_path / GREEN).rename(good.media / GREEN)
    assert good.faults() == [faults.PATH_BACK.what]
    good.heimdex.index(good.media, repair=True)
    assert good.faults() == []
    assert ask(good) == answers


def test_ten_faults_at_once_are_all_named_and_all_mended(good: Library) -> None:
    """In five assets, three of them with several."""
    answers = ask(good)
    several = {
        (faults.OTHER_VERSION, ""): FILM,
        (faults.SCENE_RESTLESS, ""): FILM,
        (faults.FILE_MISSING, "a frame"): FILM,
        (faults.VECTOR_ALTERED, "that of another scene"): FILM,
        (faults.FILE_MISSING, "a thumbnail"): RED,
        (faults.SCENE_IMPOSSIBLE, "a photo that lasts"): RED,
        (faults.PATH_TEXT, ""): GREEN,
        (faults.SIZE, ""): GREEN,
        (faults.NO_ROWS, "of sound"): SOUND,
        (faults.FOLDER_UNKNOWN, ""): None,
    }
    chosen = [case for case in PLANTS if (case.kind, case.note) in several]
    assert len(chosen) == 10
    for case in chosen:
        case.plant(good)
    found = good.heimdex.verify(sample=-1).faults
    assert sorted(fault.what for fault in found) == sorted(kind.what for kind, _ in several)
    good.heimdex.index(good.media, repair=True)
    assert good.faults() == []
    assert ask(good) == answers


def test_what_lies_below_other_folders_is_mended_as_well(good: Library, tmp_path: Path) -> None:
    good.kept(FILM)[0].frame.unlink()
    (tmp_path / "empty").mkdir()
    report = good.heimdex.index(tmp_path / "empty", repair=True)
    assert (report.indexed, report.failed) == (1, ())
    assert good.faults() == []


def test_an_asset_whose_file_is_away_is_mended_when_it_is_back(good: Library, tmp_path: Path) -> None:
    answers = ask(good)
    (good.media / FILM).rename(tmp_path / FILM)
    good.heimdex.index(good.media)
    good.kept(FILM)[0].frame.unlink()
    assert good.faults() == [faults.FILE_MISSING.what]
    good.heimdex.index(good.media, repair=True)
    assert good.faults() == []  # nothing can be done about it now, and nobody is shown it
    (tmp_path / FILM).rename(good.media / FILM)
    good.heimdex.index(good.media)
    assert good.faults() == []
    assert ask(good) == answers


def test_the_command_names_a_fault_and_its_mend_and_exits_one(good: Library) -> None:
    good.kept(FILM)[0].thumbnail.unlink()
    code, document = command(good, "verify")
    assert (code, document["ok"]) == (1, False)
    assert [set(fault) for fault in document["faults"]] == [{"what", "where", "mend"}]
    assert FILM in document["faults"][0]["where"]
    assert "--repair" in document["faults"][0]["mend"]
    assert command(good, "index", str(good.media), "--repair")[0] == 0
    code, document = command(good, "verify", "--sample", "-1")
    assert (code, document["ok"], document["faults"]) == (0, True, [])
    assert document["checked"]["frames_encoded_again"] == good.sql("SELECT count(*) FROM keyframe")[0][0]


def command(lib: Library, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run `heimdex` with --json; its exit code and document."""
    settings = lib.heimdex.settings
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HEIMDEX_")}
    ran = subprocess.run(
        [Path(sys.executable).with_name("heimdex"), *arguments, "--json"],
        env=environment
        | {"HEIMDEX_HOME": str(settings.home), "HEIMDEX_DATABASE_URL": str(settings.database_url)},
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.returncode, json.loads(ran.stdout)
