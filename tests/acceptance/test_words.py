"""What is said and written, from the file to the hit, as people do it: on the command line."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import MakeHome
from tests.acceptance.homes import Home, kill
from tests.media.talks import Card, make_talk

JFK = Path(__file__).parents[3] / "shared/data/jfk.flac"
CARDS = (
    Card(seconds=3, line="PLATFORM 9", ground=(120, 30, 30)),
    Card(seconds=5, ground=(30, 110, 40)),
    Card(seconds=4, line="KL 4071 EX", ground=(30, 40, 120)),
    Card(seconds=3, ground=(150, 140, 60)),
)
LATE_S = 2.0
HEARS = {"HEIMDEX_SPEECH": "auto", "HEIMDEX_WRITING": "true"}
COUNTRY_S = 7.9, 10.2  # "what you can do for your country" in the recording
SUBTITLES = """1
00:00:01,000 --> 00:00:04,000
The lighthouse keeper sleeps.

2
00:00:06,500 --> 00:00:09,000
His marmalade is gone.
"""

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.skipif(not JFK.exists(), reason=f"{JFK} is not there"),
]


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_talk(tmp_path_factory.mktemp("talk") / "talk.mp4", CARDS, JFK, LATE_S)


def best(home: Home, *query: str) -> dict[str, Any]:
    found = home.run("search", *query)
    assert found["hits"], found
    hit: dict[str, Any] = found["hits"][0] | {"verdict": found["verdict"]}
    assert hit["score"] == pytest.approx(sum(item["contribution"] for item in hit["evidence"]))
    return hit


def evidence(hit: dict[str, Any], signal: str) -> dict[str, Any]:
    own = [item for item in hit["evidence"] if item["signal"] == signal]
    assert own, hit["evidence"]
    return max(own, key=lambda item: float(item["contribution"]))


def test_what_is_said_and_written_is_found_where_it_is(make_home: MakeHome, talk: Path) -> None:
    home = make_home(**HEARS)
    report = home.index(talk)
    assert report["failed"] == []

    said = best(home, "says:country")
    heard = evidence(said, "speech")
    assert abs(heard["at"] - (LATE_S + 4.0)) < 8, "somewhere in the sentence"
    assert said["start"] <= heard["at"] <= said["end"]
    assert (said["path"], heard["model"]) == (str(talk), "starter-speech")

    for words, card in (("shows:4071", 2), ('shows:"PLATFORM 9"', 0), ("shows:KL4O7l", 2)):
        hit = best(home, words)
        begins = sum(shot.seconds for shot in CARDS[:card])
        read = evidence(hit, "writing")
        assert begins - 0.2 <= hit["start"] <= begins + CARDS[card].seconds, words
        assert read["box"] is not None, read
        x, y, width, height = read["box"]
        assert 0 <= x < x + width <= 1
        assert 0.3 < y < y + height < 0.7, "in the middle of the card"
    assert home.run("search", "shows:zebra", "--kind", "video")["verdict"] == "none"
    assert home.run("verify")["faults"] == []


def test_subtitles_go_before_what_is_heard_and_new_ones_are_noticed(
    make_home: MakeHome, talk: Path, tmp_path: Path
) -> None:
    home, folder = make_home(**HEARS), tmp_path / "films"
    folder.mkdir()
    film = shutil.copy(talk, folder / "film.mp4")
    home.index(folder)
    assert evidence(best(home, "says:country"), "speech")["model"] == "starter-speech"

    (folder / "film.en.srt").write_text(SUBTITLES, encoding="utf-16")
    assert home.index(folder)["failed"] == []
    hit = best(home, 'says:"his marmalade"')
    assert (hit["verdict"], evidence(hit, "speech")["model"]) == ("match", "subtitles")
    assert 6.5 <= evidence(hit, "speech")["at"] <= 9.0
    assert home.run("search", "says:country")["verdict"] == "none", "what was heard is replaced"
    exported = home.run("export", str(film), "--as", "srt")
    assert exported["format"] == "srt"
    assert cues(exported["text"]) == cues(SUBTITLES)


def cues(srt: str) -> list[tuple[str, str]]:
    """The times and words of a subtitle file, without its numbers."""
    found = []
    for block in srt.strip().split("\n\n"):
        _, times, *lines = block.splitlines()
        found.append((times, " ".join(lines)))
    return found


def test_killed_while_it_listens_and_reads_it_ends_like_an_undisturbed_run(
    make_home: MakeHome, talk: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    for number in range(3):
        make_talk(folder / f"{number}.mp4", [*CARDS, Card(seconds=1 + number)], JFK, LATE_S)
    whole = make_home(**HEARS)
    whole.index(folder)
    home, rng, killed = make_home(**HEARS), random.Random(4), 0
    for _ in range(8):
        process = home.start("index", str(folder))
        time.sleep(rng.uniform(1.0, 6.0))
        for pid in [process.pid, *home.workers()]:
            kill(pid)
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
    assert killed
    assert home.index(folder)["failed"] == []
    assert words(home, folder) == words(whole, folder)
    assert home.run("verify")["faults"] == []


def words(home: Home, folder: Path) -> list[Any]:
    found = []
    for path in sorted(folder.iterdir()):
        sidecar = home.run("export", os.fspath(path))
        found.append(
            (
                [(one["start"], one["text"]) for one in sidecar["transcript"]["utterances"]],
                [(one["start"], one["text"]) for one in sidecar["text_lines"]],
            )
        )
    return found
