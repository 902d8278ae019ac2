"""Writing in pictures, beside RapidOCR used plainly: how fast, how much is right, in what memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks.films import cached_film
from benchmarks.long_memory import GB, PEAK_BAR_GB, workers
from benchmarks.memory import watch
from benchmarks.plan import CORES, Plan, fresh_home, heimdex, photos, run
from benchmarks.rows import Row, interleaved, table, times_as_fast
from heimdex.entities import Picture
from heimdex.extractors.lines import folded
from heimdex.extractors.rapid_ocr import RapidReader, ReaderOptions
from tests.media.plates import CLEAR, HARD, WORN, Conditions, plate_texts, scenery, with_plate

WORDS = "the price of every ticket to harbour street is shown below and again at gate K7 in 2024".split()
CONDITIONS = {"clear": CLEAR, "blur 1 px, noise 8, tilted": WORN, "blur 1.8 px, noise 16, tilted more": HARD}
Read = Callable[[Picture], list[str]]


@dataclass(frozen=True, kw_only=True)
class Tried:
    """How one reader did on plates."""

    exact: float  # shares of all plates
    folded: float
    characters: float


def writing_text(plan: Plan) -> str:
    """Speed and memory as a table, then the plates."""
    ours = ours_plainly()
    readers: dict[str, Read] = {"ours": ours, **{engine: plainly(engine) for engine in engines()}}
    return (
        table([*speed_rows(plan, readers), *memory_rows(plan)])
        + "\nPlates and serials of two to twelve characters on real photos, letters 32 px high; read "
        "exactly, found when 0/O, 1/I, 5/S, 8/B and 2/Z count as one, and characters right:\n\n"
        + plates_text(plan, readers)
    )


def ours_plainly() -> Read:
    """Our reader, in this process."""
    reader = RapidReader(ReaderOptions(threads=CORES))
    return lambda picture: [line.text for line in reader.read(picture)]


def engines() -> list[str]:
    """RapidOCR's engines that are compared with: its default, and the one ours runs on."""
    return ["onnxruntime", "openvino"]


def plainly(engine: str) -> Read:
    """RapidOCR as its manual has it, on so many threads."""
    from rapidocr import EngineType, RapidOCR

    params: dict[str, Any] = {f"{part}.engine_type": EngineType(engine) for part in ("Det", "Cls", "Rec")}
    params |= {
        "Global.log_level": "error",
        "EngineConfig.onnxruntime.intra_op_num_threads": CORES,
        "EngineConfig.openvino.inference_num_threads": CORES,
    }
    peer = RapidOCR(params=params)
    return lambda picture: list(peer(np.ascontiguousarray(picture[:, :, ::-1])).txts or ())


def speed_rows(plan: Plan, readers: dict[str, Read]) -> list[Row]:
    """Pictures of three sorts, by every reader in turn."""
    count = 4 if plan.quick else 20
    sets = {
        "photos of 448 px": [np.array(Image.open(path).convert("RGB")) for path in photos(2 * count)],
        "frames of 720p with a plate": list(frames(count)),
        "screenshots of 1080p, 24 lines": [screenshot(seed) for seed in range(count // 2)],
    }
    rows = []
    for name, pictures in sets.items():
        for read in readers.values():
            read(pictures[0])
        work = {reader: _all(read, pictures) for reader, read in readers.items()}
        times = interleaved(work, plan.runs(5))
        each = {reader: [time / len(pictures) for time in taken] for reader, taken in times.items()}
        rows += [
            times_as_fast(f"{name}, beside RapidOCR on {engine}", each["ours"], each[engine], least)
            for engine, least in zip(engines(), (1.0, None), strict=True)
        ]
    return rows


def memory_rows(plan: Plan) -> list[Row]:
    """The largest worker while a film and a large screenshot are read."""
    film = cached_film(
        plan.cache, seconds=10 if plan.quick else 60, width=1920, height=1080, bframes=True
    ).path
    with fresh_home() as home, fresh_home() as folder:
        large = folder / "large.png"
        Image.fromarray(screenshot(1, (3840, 2160))).save(large)
        run(heimdex("status", home=home))
        found = [peak_gb(film, home), peak_gb(large, home)]
    return [
        Row(what=what, figure=f"{peak:.2f} GB", bar=f"≤ {PEAK_BAR_GB} GB", holds=peak <= PEAK_BAR_GB)
        for what, peak in zip(
            ("largest worker while a minute of 1080p is read", "… while a screenshot of 4K is read"),
            found,
            strict=True,
        )
    ]


def peak_gb(path: Path, home: Path) -> float:
    """The most memory a worker took."""
    command = heimdex("index", path, "--stages", "scenes,writing", home=home)
    found = watch(command, every_s=0.1)
    if found.returncode != 0:
        raise SystemExit(f"indexing {path} ended with {found.returncode}")
    return max(taken.peak_bytes for taken in workers(found)) / GB


def plates_text(plan: Plan, readers: dict[str, Read]) -> str:
    """How each reader does under each condition, as a Markdown table."""
    count = 10 if plan.quick else 100
    lines = ["| conditions | reader | exact | found | characters |", "|---|---|---|---|---|"]
    for name, conditions in CONDITIONS.items():
        for reader, read in readers.items():
            shown = "Heimdex" if reader == "ours" else f"RapidOCR on {reader}"
            tried = try_plates(read, conditions, count)
            lines.append(
                f"| {name} | {shown} | {tried.exact:.2f} | {tried.folded:.2f} | {tried.characters:.3f} |"
            )
    return "\n".join(lines) + "\n"


def try_plates(read: Read, conditions: Conditions, count: int) -> Tried:
    """Read so many plates."""
    exact = found = 0
    characters = 0.0
    for number, text in enumerate(plate_texts(count)):
        wanted = text.replace(" ", "")
        got = [line.replace(" ", "") for line in read(with_plate(scenery(number), text, conditions, number))]
        exact += wanted in got
        found += any(folded(wanted) in folded(line) for line in got)
        characters += max((SequenceMatcher(None, wanted, line).ratio() for line in got), default=0.0)
    return Tried(exact=exact / count, folded=found / count, characters=characters / count)


def frames(count: int) -> Iterator[Picture]:
    """Photos as frames of 720p, each with a plate."""
    for number, text in enumerate(plate_texts(count)):
        image = Image.fromarray(scenery(number)).resize((1280, 720), Image.Resampling.BICUBIC)
        yield with_plate(np.array(image), text, CLEAR, number)


def screenshot(seed: int, size: tuple[int, int] = (1920, 1080)) -> Picture:
    """Twenty-four lines of dark words on light ground."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", size, (248, 248, 250))
    drawing, font = ImageDraw.Draw(image), ImageFont.load_default(18)
    for number in range(24):
        text = " ".join(rng.choice(WORDS, 8))
        drawing.text((60, 40 + number * size[1] // 26), text, font=font, fill=(25, 25, 35))
    return np.array(image)


def _all(read: Read, pictures: list[Picture]) -> Callable[[], None]:
    def work() -> None:
        for picture in pictures:
            read(picture)

    return work
