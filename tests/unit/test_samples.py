"""The committed sample library is what its truth file says it is."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import pillow_heif
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "src/heimdex/samples"
TRUTH: dict[str, Any] = json.loads((SAMPLES / "truth.json").read_text(encoding="utf-8"))
ASSETS: dict[str, dict[str, Any]] = {asset["path"]: asset for asset in TRUTH["assets"]}
FREE = {"CC0-1.0", "public domain"}
LARGEST_BYTES = 6_000_000
CUT = 3.0  # a cut changes the picture this many times more than any frame nearby


def paths(kind: str) -> list[str]:
    return [path for path, asset in ASSETS.items() if asset["kind"] == kind]


pillow_heif.register_heif_opener()
videos = pytest.mark.parametrize("path", paths("video"))
photos = pytest.mark.parametrize("path", paths("photo"))


@cache
def small_frames(path: str) -> tuple[list[int], NDArray[np.float32]]:
    """When each frame begins (microseconds), and the frames in grey, 36 × 64."""
    times, frames = [], []
    with av.open(str(SAMPLES / path)) as container:
        for frame in container.decode(video=0):
            assert frame.time is not None
            times.append(round(frame.time * 1_000_000))
            frames.append(frame.reformat(width=64, height=36, format="gray").to_ndarray())
    return times, np.asarray(frames, np.float32)


def changes(path: str) -> dict[int, float]:
    """Mean absolute change at the beginning of each frame but the first."""
    times, frames = small_frames(path)
    return dict(zip(times[1:], np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2)).tolist(), strict=True))


def test_the_library_is_small_and_holds_nothing_the_truth_does_not_name() -> None:
    files = {file.relative_to(SAMPLES).as_posix(): file for file in SAMPLES.rglob("*") if file.is_file()}
    assert set(files) == {*ASSETS, "truth.json"}
    assert sum(file.stat().st_size for file in files.values()) <= LARGEST_BYTES


@pytest.mark.parametrize("path", ASSETS)
def test_every_file_is_the_one_the_truth_was_written_with(path: str) -> None:
    assert hashlib.sha256((SAMPLES / path).read_bytes()).hexdigest() == ASSETS[path]["sha256"]


def test_no_name_of_a_file_gives_its_content_away() -> None:
    words = {word for source in TRUTH["sources"] for word in source["subject"].split()}
    assert not [path for path in ASSETS for word in words if word in path]


def test_every_subject_is_drawn_or_free_and_named_in_the_notice_and_the_docs() -> None:
    sources = {source["subject"]: source for source in TRUTH["sources"]}
    shown = {scene["subject"] for asset in ASSETS.values() for scene in asset["scenes"]}
    assert shown == {*sources, "title card"}
    for page in (ROOT / "NOTICE", ROOT / "docs/reference/samples.md"):
        text = page.read_text(encoding="utf-8")
        for source in sources.values():
            assert source["licence"] in FREE
            for fact in ("title", "author", "origin"):
                assert source[fact] in text, f"{page.name} does not name {source[fact]}"


@videos
def test_scenes_follow_each_other_from_the_first_frame_to_the_end(path: str) -> None:
    asset, (times, _) = ASSETS[path], small_frames(path)
    scenes = asset["scenes"]
    assert scenes[0]["start_us"] == times[0]
    assert [scene["end_us"] for scene in scenes] == [*(s["start_us"] for s in scenes[1:]), asset["end_us"]]
    assert all(scene["start_us"] in times for scene in scenes)
    with av.open(str(SAMPLES / path)) as container:
        assert container.duration is not None
        assert abs(container.duration - asset["end_us"]) <= 1


@videos
def test_cuts_are_where_the_truth_says_and_nowhere_else(path: str) -> None:
    asset, change = ASSETS[path], changes(path)
    cuts = {scene["start_us"] for scene in asset["scenes"] if scene["enter"] == "cut"}
    flashes = {flash[edge] for flash in asset["flashes"] for edge in ("start_us", "end_us")}
    times = list(change)
    for jump in cuts | flashes:
        place = times.index(jump)
        near = times[max(place - 12, 0) : place + 13]
        assert change[jump] > CUT * max(change[time] for time in near if time not in cuts | flashes)
    quietest = min((change[jump] for jump in cuts | flashes), default=40.0)
    assert all(value < quietest / 2 for time, value in change.items() if time not in cuts | flashes)


@videos
def test_a_fade_reaches_its_colour_and_its_scene_begins_there(path: str) -> None:
    times, frames = small_frames(path)
    level = dict(zip(times, frames.mean(axis=(1, 2)).tolist(), strict=True))
    starts = {scene["start_us"] for scene in ASSETS[path]["scenes"] if scene["enter"] == "fade"}
    for fade in ASSETS[path]["fades"]:
        inside = {time: value for time, value in level.items() if fade["start_us"] <= time < fade["end_us"]}
        far, reach = (min, 24) if fade["through"] == "black" else (max, 231)
        extreme = far(inside.values())
        assert extreme == far(extreme, reach)
        for start in starts & set(inside):
            assert abs(level[start] - extreme) < 8
    assert all(any(f["start_us"] <= start < f["end_us"] for f in ASSETS[path]["fades"]) for start in starts)


@videos
def test_a_film_has_the_stated_size_turn_sound_date_and_place(path: str) -> None:
    asset = ASSETS[path]
    with av.open(str(SAMPLES / path)) as container:
        stream = container.streams.video[0]
        frame = next(container.decode(stream))
        assert stream.codec_context.name == "h264"
        assert -frame.rotation % 360 == asset["rotation"]
        size = (frame.width, frame.height) if asset["rotation"] % 180 == 0 else (frame.height, frame.width)
        assert size == (asset["width"], asset["height"])
        assert bool(container.streams.audio) == asset["has_sound"]
        assert " ".join(container.metadata.get(key, "") for key in ("make", "model")).strip() == asset.get(
            "camera", ""
        )
        check_date_and_place(container.metadata, asset)


def check_date_and_place(metadata: dict[str, str], asset: dict[str, Any]) -> None:
    made = metadata["creation_time"].replace("Z", "+00:00")
    assert datetime.fromisoformat(made) == datetime.fromisoformat(asset["captured_at"])
    place = metadata["location"].rstrip("/")  # ±DD.DDDD±DDD.DDDD
    assert (float(place[:8]), float(place[8:])) == (asset["latitude"], asset["longitude"])


@pytest.mark.parametrize("path", [path for path, asset in ASSETS.items() if asset.get("speech")])
def test_a_voice_is_heard_where_a_sentence_is_and_silence_elsewhere(path: str) -> None:
    samples, rate = heard(path)
    at_us = np.arange(len(samples)) * 1_000_000 / rate
    spoken = np.zeros(len(samples), bool)
    for sentence in ASSETS[path]["speech"]:
        inside = (at_us >= sentence["start_us"]) & (at_us < sentence["end_us"])
        loud = at_us[inside & (np.abs(samples) > 0.01)]
        assert loud[0] - sentence["start_us"] < 50_000
        assert sentence["end_us"] - loud[-1] < 150_000
        spoken |= (at_us > sentence["start_us"] - 60_000) & (at_us < sentence["end_us"] + 60_000)
    assert np.abs(samples[~spoken]).max() < 0.01


def heard(path: str) -> tuple[NDArray[np.float32], int]:
    """The whole sound, zero = its first sample, and its rate in hertz."""
    with av.open(str(SAMPLES / path)) as container:
        frames = list(container.decode(audio=0))
    assert frames[0].pts == 0
    return np.concatenate([frame.to_ndarray()[0] for frame in frames]), frames[0].sample_rate


@photos
def test_a_photo_opens_upright_in_the_stated_size_with_its_date_and_place(path: str) -> None:
    asset = ASSETS[path]
    with Image.open(SAMPLES / path) as picture:
        upright = ImageOps.exif_transpose(picture)
        exif = picture.getexif()
    assert upright.size == (asset["width"], asset["height"])
    assert np.asarray(upright.convert("L")).std() > 5
    assert exif.get(0x0112, 1) == asset["orientation"]
    details, place = exif.get_ifd(0x8769), exif.get_ifd(0x8825)
    if "captured_at" not in asset:
        assert not details
        assert not place
        return
    assert f"{exif[0x010F]} {exif[0x0110]}" == asset["camera"]
    taken = datetime.strptime(details[0x9003] + details[0x9011], "%Y:%m:%d %H:%M:%S%z")
    assert taken == datetime.fromisoformat(asset["captured_at"])
    for name, reference, value in (("latitude", 1, 2), ("longitude", 3, 4)):
        degrees = float(sum(part / 60**power for power, part in enumerate(place[value])))
        sign = -1 if place[reference] in "SW" else 1
        assert sign * degrees == pytest.approx(asset[name], abs=1e-5)


def test_the_library_has_the_hard_cases_it_is_meant_to_have() -> None:
    films = [ASSETS[path] for path in paths("video")]
    assert {fade["through"] for film in films for fade in film["fades"]} == {"black", "white"}
    assert any(film["flashes"] for film in films)
    assert any(not film["has_sound"] for film in films)
    assert any(film["rotation"] for film in films)
    assert any(film["scenes"][0]["start_us"] > 0 for film in films)
    assert any(len(set(np.diff(small_frames(film["path"])[0]).tolist())) > 2 for film in films)
    assert {"cut", "fade"} <= {scene["enter"] for film in films for scene in film["scenes"]}
    assert any(film["writing"] for film in films)
    assert len(paths("audio")) == 1
    assert any(ASSETS[path]["orientation"] != 1 for path in paths("photo"))
