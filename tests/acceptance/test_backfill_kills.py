"""`kill -9`, power cuts and Ctrl-C at random points of a backfill: nothing lost, doubled or left behind."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from heimdex.app import Heimdex
from tests.acceptance.conftest import MakeHome
from tests.acceptance.homes import Home, faults, finish, kill, wait_until_empty
from tests.acceptance.media import counter_photo, make_small_library
from tests.acceptance.second_door import SECOND

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = 60
BACKFILL = ("backfill", "--model", SECOND.name, "--json")
SLOWLY = ("--batch-size", "5", "--checkpoint", "3", "--delay", "0.1")
SEED = 20
KILLS = 12

Vectors = dict[tuple[str, str], str]


@dataclass(frozen=True, kw_only=True)
class Original:
    """A home whose scenes are indexed, the second model's vectors of it, and how long those took."""

    path: Path
    vectors: Vectors
    seconds: float


def start(home: Home, *arguments: str) -> subprocess.Popen[str]:
    """Begin a command that knows the second model."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("HEIMDEX_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.acceptance.second_door", *arguments],
        env=ours | {"HEIMDEX_HOME": str(home.path)},
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    home.started.append(process)
    return process


def run(home: Home, *arguments: str) -> dict[str, Any]:
    ran = finish(start(home, *arguments))
    assert ran.code == 0, ran
    return ran.document


def vectors_of(library: Heimdex, model: str = SECOND.name) -> Vectors:
    """The vectors of a model by kept frame and space, as the database writes them."""
    rows = library.database.run(
        library.owner,
        lambda c: c.execute(
            "SELECT v.keyframe_id::text, p.name, v.embedding::text FROM heimdex.vector v "
            "JOIN heimdex.space p USING (space_id) JOIN heimdex.model m USING (model_id) WHERE m.name = %s",
            [model],
        ).fetchall(),
    )
    found = {(keyframe, space): values for keyframe, space, values in rows}
    assert len(found) == len(rows), "no vector is there twice"
    return found


def copy(original: Path, home: Home) -> None:
    """A home like another; with owners, see store/accounts.py."""
    subprocess.run(["cp", "-a", original, home.path], check=True)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Original]:
    folder = tmp_path_factory.mktemp("backfill")
    media = make_small_library(folder / "media")
    for number in range(PHOTOS):
        counter_photo(media / "photos", number)
    home = Home(path=folder / "indexed")
    home.index(media)
    home.stop()
    undisturbed = Home(path=folder / "undisturbed")
    copy(home.path, undisturbed)
    began = time.monotonic()
    report = run(undisturbed, *BACKFILL, *SLOWLY)
    seconds = time.monotonic() - began
    with undisturbed.open() as library:
        vectors = vectors_of(library)
        assert len(vectors) == 2 * library.status()["keyframes"] == report["vectors"]
        assert all(vectors.values())
    yield Original(path=home.path, vectors=vectors, seconds=seconds)
    undisturbed.stop()
    shutil.rmtree(folder)


def power_cut(home: Home, command: int) -> bool:
    found = kill(command)
    for pid in home.processes():
        kill(pid)
    return found


def kill_command(home: Home, command: int) -> bool:
    return kill(command)


def interrupt(home: Home, command: int) -> bool:
    return kill(command, signal.SIGINT)


WAYS: dict[str, Callable[[Home, int], bool]] = {
    "the command": kill_command,
    "everything": power_cut,
    "Ctrl-C": interrupt,
}


def disturbed(home: Home, how: str, at_s: float) -> bool:
    """A backfill that is hit after a time: whether that was before it was through."""
    process = start(home, *BACKFILL, *SLOWLY)
    deadline = time.monotonic() + at_s
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    hit = process.poll() is None and WAYS[how](home, process.pid)
    ran = finish(process)
    assert ran.code in ((0, 130, -signal.SIGINT) if how == "Ctrl-C" else (0, -signal.SIGKILL)), ran
    return hit and ran.code != 0


def test_a_backfill_killed_at_random_and_resumed_ends_like_an_undisturbed_one(
    make_home: MakeHome, original: Original
) -> None:
    rng = random.Random(SEED)
    kills, halfway = 0, 0
    while kills < KILLS:
        home = make_home()
        copy(original.path, home)
        told: list[tuple[str, float]] = []
        hit, before = True, 0
        while hit and kills < KILLS:
            how, at_s = rng.choice(list(WAYS)), rng.uniform(0.2, 1.0) * original.seconds
            told.append((how, round(at_s, 2)))
            hit = disturbed(home, how, at_s)
            kills += hit
            assert wait_until_empty(home.workers), (told, "workers outlive their command")
            with home.open() as library:
                found = vectors_of(library)
                done = library.status()["stages"].get(f"picture ({SECOND.name})", {}).get("done", 0)
            assert found.items() <= original.vectors.items(), (told, "what is there is as it should be")
            assert len(found) >= before, (told, "what was there is not lost")
            assert done <= len(found), told
            before = len(found)
            halfway += 0 < before < len(original.vectors)
        report = run(home, *BACKFILL)
        assert (report["failed"], report["skipped"], report["remaining"]) == ([], 0, 0), told
        assert report["vectors"] == len(original.vectors) - before, (told, "only what was lacking")
        with home.open() as library:
            assert vectors_of(library) == original.vectors, told
            assert [entry["share"] for entry in library.status()["coverage"]] == [1.0, 1.0]
        assert faults(home) == [], told
        assert not [path for path in (home.path / "derived").rglob("*") if path.suffix not in ("", ".jpg")]
        home.stop()
        shutil.rmtree(home.path)
    assert halfway >= KILLS // 4, "the kills have to come while vectors are made, or this proves little"


def test_a_backfill_beside_an_index_run_and_another_backfill(
    make_home: MakeHome, original: Original, tmp_path: Path
) -> None:
    home = make_home()
    copy(original.path, home)
    more = tmp_path / "more"
    more.mkdir()
    for number in range(PHOTOS, PHOTOS + 30):
        counter_photo(more, number)
    together = [
        start(home, *BACKFILL, *SLOWLY),
        start(home, "index", str(more), "--json"),
        start(home, *BACKFILL, *SLOWLY),
    ]
    ended = [finish(process) for process in together]
    assert [ran.code for ran in ended] == [0, 0, 0], ended
    assert ended[1].document["indexed"] == 30
    run(home, *BACKFILL)
    with home.open() as library:
        found = vectors_of(library)
        status = library.status()
        assert original.vectors.items() < found.items()
        assert len(found) == 2 * status["keyframes"]
        assert [entry["share"] for entry in status["coverage"]] == [1.0, 1.0]
    assert faults(home) == []


def test_what_backfill_says_as_json_and_to_people(make_home: MakeHome, original: Original) -> None:
    home = make_home()
    copy(original.path, home)
    planned = run(home, *BACKFILL, "--dry-run")
    assert set(planned) == {
        "model", "assets", "scenes", "vectors", "failed", "skipped", "remaining", "seconds", "dry_run",
    }  # fmt: skip
    assert (planned["model"], planned["dry_run"], planned["vectors"]) == (
        SECOND.name,
        True,
        len(original.vectors),
    )
    said = finish(start(home, "backfill", "--model", SECOND.name, "--max-scenes", "7"))
    assert said.code == 0
    assert " for 7 scenes in " in said.out
    assert f"{planned['scenes'] - 7} scenes are still to be done" in said.out
    assert finish(start(home, *BACKFILL, "--batch-size", "0")).code == 2
    assert finish(start(home, *BACKFILL, "--owner", "anna")).code == 2
    unknown = finish(start(home, "backfill", "--model", "nothing", "--json"))
    assert (unknown.code, unknown.document["error"]["type"]) == (1, "NotFound")
    stranger = "00000000-0000-7000-8000-000000000002"
    assert run(home, *BACKFILL, "--owner", stranger)["scenes"] == 0
