"""The model is changed under a steady stream of searches, of several processes; and amid a `kill -9`."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from heimdex.app import Heimdex
from heimdex.config import SINGLE_OWNER, read_settings
from heimdex.encoders import catalog
from tests import random_weights
from tests.acceptance.homes import Home, faults, finish, kill, wait_for
from tests.acceptance.media import counter_photo
from tests.acceptance.search_stream import Stream

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
NEW = "clip-vit-b-32-openai"  # with random weights, and small
OLD = "starter"
OTHER = "00000000-0000-7000-8000-0000000000f2"
PHOTOS = 24
PAUSE_S = 0.2  # four streams of five a second


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with two owners' libraries, indexed with the starter, and a second model installed."""
    folder = tmp_path_factory.mktemp("changed")
    media = folder / "media"
    media.mkdir()
    for number in range(PHOTOS):
        counter_photo(media, number)
    home = Home(path=folder / "home")
    with home.open() as library:
        library.index(media)
        library.for_owner(OTHER).index(media)
    row = catalog.find(NEW)
    place = home.path / "models" / NEW
    place.mkdir(parents=True)
    random_weights.write(row, place, small=True)
    home.stop()
    yield home.path
    home.stop()


@pytest.fixture
def home(original: Path, tmp_path: Path) -> Iterator[Home]:
    copied = Home(path=tmp_path / "home")
    subprocess.run(["cp", "-a", original, copied.path], check=True)
    yield copied
    copied.stop()


class Elsewhere:
    """Streams of another process."""

    def __init__(self, home: Home) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HEIMDEX_")}
        ours = {"HEIMDEX_HOME": str(home.path), "OWNERS": f"{SINGLE_OWNER},{OTHER}"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.acceptance.search_stream", str(PAUSE_S)],
            env=environment | ours | {"HEIMDEX_SPEECH": "off", "HEIMDEX_WRITING": "false"},
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        home.started.append(self.process)

    def latest(self) -> dict[str, str]:
        """The model each owner's last search used."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("?\n")
        self.process.stdin.flush()
        found: dict[str, str] = json.loads(self.process.stdout.readline())
        return found

    def stop(self) -> dict[str, list[dict[str, Any]]]:
        """All that was asked there, by owner."""
        out, _ = self.process.communicate(timeout=60)
        found: dict[str, list[dict[str, Any]]] = json.loads(out.splitlines()[-1])
        return found


def test_a_model_is_changed_and_changed_back_and_no_search_fails_or_comes_back_empty(home: Home) -> None:
    with home.open() as library:
        here = [Stream(library, PAUSE_S).start() for _ in range(2)]
        elsewhere = Elsewhere(home)

        def all_use(mine: str, other: str) -> Callable[[], bool]:
            def look() -> bool:
                found = elsewhere.latest()
                ours = {(stream.asked or [{}])[-1].get("model") for stream in here}
                return ours == {mine} and found == {SINGLE_OWNER: mine, OTHER: other}

            return look

        try:
            assert wait_for(all_use(OLD, OLD))
            changed = home.run("models", "use", NEW, "--sample", "8")
            assert {one["state"] for one in changed["changes"]} == {"switched"}
            assert {one["owner"] for one in changed["changes"]} == {SINGLE_OWNER, OTHER}
            report = changed["changes"][0]["report"]
            assert report["comparison"]["queries"], "the searches that run here are what it is judged by"
            assert report["checked"]["frames_encoded_again"] == 8
            assert wait_for(all_use(NEW, NEW)), "both processes, without being told or started again"
            home.run("models", "rollback")
            assert wait_for(all_use(OLD, OLD))
            home.run("models", "use", NEW, "--owners", OTHER, "--sample", "0")
            assert wait_for(all_use(OLD, NEW)), "one owner only"
            assert library.for_owner(OTHER).model_change.state()["source"] == "choice"
        finally:
            ours = [stream.stop() for stream in here]
            theirs = elsewhere.stop()
    asked = [one for stream in (*ours, *theirs.values()) for one in stream]
    assert [one for one in asked if one.get("error")] == []
    assert [one for one in asked if not one["hits"]] == []
    assert [one for one in asked if one["by"] != [one["model"]]] == [], "never by two models at once"
    assert [one for one in asked if one["unavailable"]] == []
    assert {one["model"] for one in asked} == {OLD, NEW}
    times = [one["took_ms"] for one in asked]
    cuts = statistics.quantiles(times, n=100)
    print(f"{len(asked)} searches: p50 {cuts[49]:.1f} ms, p99 {cuts[98]:.1f} ms, most {max(times):.1f} ms")
    assert faults(home) == []


def test_a_change_that_was_killed_goes_on_and_searches_never_noticed(home: Home) -> None:
    process = home.start("models", "use", NEW, "--json")
    with home.open() as library:
        assert wait_for(lambda: vectors(library) > 0)
        kill(process.pid)
        finish(process)
        made = vectors(library)
        state = library.model_change.state()
        assert (state["model"], state["changes"][0]["state"]) == (OLD, "building")
        answer = library.search("red rings", nearest=True)
        assert answer.hits
        assert answer.models == {"picture": OLD}
        changed = home.run("models", "use", NEW)
        assert changed["changes"][0]["report"]["vectors"] <= vectors(library) - made, "only what was lacking"
        again = library.model_change.state()
        assert (again["model"], again["previous"]) == (NEW, OLD)
        assert [one["change_id"] for one in again["changes"]] == [state["changes"][0]["change_id"]]
        assert library.verify().faults == ()
        assert wait_for(lambda: library.search("red", nearest=True).models == {"picture": NEW})
    with Heimdex(read_settings(home=home.path, picture_model=OLD)) as other:
        (notice,) = other.status()["notices"]
        assert f"{NEW} is in use and counts" in notice
    doctor = home.run("doctor")
    assert NEW in next(check for check in doctor["checks"] if check["name"] == "models")["detail"]
    listed = {one["name"]: one["in_use"] for one in home.run("models", "list")["models"]}
    assert (listed[NEW], listed[OLD]) == (True, True), "the one before may still come back"
    assert "is in use" in home.run("models", "remove", NEW, code=2)["error"]["message"]


def vectors(library: Heimdex) -> int:
    """How many there are of the new model."""
    spaces = library.status()["spaces"]
    return next((space["filled"] for space in spaces if space["model"] == NEW), 0)
