"""The library that evaluation/queries.jsonl is about, made from the test data.

    python scripts/evaluation_library.py DEST [--dogs]
    heimdex --home … index DEST && heimdex eval evaluation/queries.jsonl

It holds every second of the 400 photos (the other 200 are what the verdict's constants were fitted on), the
sample library, clips of photos with subtitles beside them, photos with writing on them, and the recording of
1961 in a film. evaluation/talks.json says what is said and written. --dogs: the 45 photos of dogs alone, for
evaluation/dogs.jsonl. Needs ../shared/data.
"""

from __future__ import annotations

import argparse
import json
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"
SAMPLES = ROOT / "src" / "heimdex" / "samples"
SIZE = (640, 360)
RATE = 10  # frames per second
PHOTO_S = 3  # how long a clip shows a photo
QUALITY = 90
DOGS = range(56, 101)  # of the photos


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("dest", type=Path)
    parser.add_argument("--dogs", action="store_true")
    given = parser.parse_args()
    if not DATA.is_dir():
        raise SystemExit(f"The test data is not at {DATA}.")
    if given.dogs:
        given.dest.mkdir(parents=True, exist_ok=True)
        for number in DOGS:
            shutil.copy(photo(number), given.dest)
    else:
        build(given.dest)


def build(dest: Path) -> None:
    """Write the library below a folder that is made."""
    plan = json.loads((ROOT / "evaluation" / "talks.json").read_text())
    for folder in ("photos", "talks", "signs"):
        (dest / folder).mkdir(parents=True, exist_ok=True)
    shutil.copytree(SAMPLES, dest / "samples", dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.json"))
    for number in range(1, 400, 2):
        shutil.copy(photo(number), dest / "photos")
    for talk in plan["talks"]:
        film(dest / "talks" / talk["name"], talk["photos"])
        subtitles(dest / "talks" / talk["name"], talk["says"])
    for sign in plan["signs"]:
        written(sign).save(dest / "signs" / sign["name"], quality=QUALITY)
    film(dest / "talks" / plan["jfk"]["name"], [plan["jfk"]["photo"]] * 4, sound=DATA / "jfk.flac")


def photo(number: int) -> Path:
    return DATA / "photos" / f"{number:03}.jpg"


def film(path: Path, photos: list[int], sound: Path | None = None) -> None:
    """Each photo for PHOTO_S seconds, moving a little as a hand would hold it."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "20", "threads": "1"})
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        voice = container.add_stream("aac", rate=16_000, layout="mono") if sound else None
        for number in photos:
            with Image.open(photo(number)) as opened:
                wide = ImageOps.fit(opened.convert("RGB"), (SIZE[0] + 32, SIZE[1] + 18))
            for step in range(PHOTO_S * RATE):
                shift = step * 32 // (PHOTO_S * RATE)
                shown = wide.crop((shift, shift // 2, shift + SIZE[0], shift // 2 + SIZE[1]))
                container.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(shown), format="rgb24")))
        container.mux(stream.encode(None))
        if voice is not None and sound is not None:
            speak(container, voice, sound)


def speak(container: Any, voice: Any, sound: Path) -> None:
    """Put a recording into an open film."""
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=16_000)
    with av.open(str(sound)) as source:
        frames = [made for frame in source.decode(audio=0) for made in resampler.resample(frame)]
    at = 0
    for frame in frames:
        frame.pts, frame.time_base = at, Fraction(1, 16_000)
        at += frame.samples
        container.mux(voice.encode(frame))
    container.mux(voice.encode(None))


def subtitles(clip: Path, says: list[tuple[float, float, str]]) -> None:
    lines = [
        f"{number}\n{stamp(start)} --> {stamp(end)}\n{text}\n"
        for number, (start, end, text) in enumerate(says, 1)
    ]
    clip.with_suffix(".en.srt").write_text("\n".join(lines), encoding="utf-8")


def stamp(seconds: float) -> str:
    whole = round(seconds * 1000)
    return f"{whole // 3_600_000:02}:{whole // 60_000 % 60:02}:{whole // 1000 % 60:02},{whole % 1000:03}"


def written(sign: dict[str, Any]) -> Image.Image:
    """A photo with a plate across its lower third."""
    with Image.open(photo(sign["photo"])) as opened:
        picture = ImageOps.fit(opened.convert("RGB"), (960, 640))
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=56)
    left, top, right, bottom = draw.textbbox((0, 0), sign["writing"], font=font)
    width, height = right - left, bottom - top
    place = ((960 - width) // 2, 480)
    draw.rectangle((place[0] - 24, place[1] - 16, place[0] + width + 24, place[1] + height + 32), "#f4f1e6")
    draw.text((place[0] - left, place[1] - top + 8), sign["writing"], "#18202c", font=font)
    return picture


if __name__ == "__main__":
    main()
