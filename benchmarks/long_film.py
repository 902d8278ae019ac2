"""A film of hours in seconds: a short film's encoded packets, repeated without encoding them again.

    python -m benchmarks.long_film FOLDER [--minutes 180] [--height 360]

The film decodes like a real one and has as many scenes, so it tells whether memory grows with the length of a
film; `memory.py` watches that.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from benchmarks.films import cached_film

SHORT_S = 60


def make_long_film(source: Path, path: Path, minutes: float = 180) -> Path:
    """Repeat all streams of `source` until `path` lasts at least `minutes`; an existing file is kept.

    Each round begins where the longest stream of the last has ended, so that picture and sound stay together.
    Packets that would go back in time (an encoder's priming samples) are left out after the first round.
    """
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"unfinished-{path.name}")
    with av.open(str(source)) as film, av.open(str(unfinished), "w") as out:
        length = round_length(film)
        copies = {stream.index: out.add_stream_from_template(stream) for stream in film.streams}
        latest: dict[int, int] = {}
        for turn in range(-int(-Fraction(minutes) * 60 // length)):
            for packet in shifted(source, turn * length):
                copy = copies[packet.stream.index]
                if packet.dts > latest.get(copy.index, packet.dts - 1):
                    latest[copy.index] = packet.dts
                    packet.stream = copy
                    out.mux(packet)
    unfinished.replace(path)
    return path


def round_length(film: Any) -> Fraction:
    """The length of the longest stream in seconds, exactly."""
    lengths = [Fraction(stream.duration or 0) * Fraction(stream.time_base) for stream in film.streams]
    return max(lengths)


def shifted(source: Path, by_s: Fraction) -> Iterator[Any]:
    """All packets, later by so much; the rounding is of each stream's own clock and does not add up.

    The file is opened anew, because a seek to the start may miss the sound before the first picture.
    """
    with av.open(str(source)) as film:
        for packet in film.demux():
            if packet.dts is not None and packet.pts is not None:  # the demuxer's last packet is empty
                ticks = round(by_s / packet.time_base)
                packet.dts += ticks
                packet.pts += ticks
                yield packet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, help="the cache folder, outside the repository")
    parser.add_argument("--minutes", type=float, default=180)
    parser.add_argument("--height", type=int, default=360, help="360 or 1080; 16:9")
    given = parser.parse_args()
    short = cached_film(given.folder, seconds=SHORT_S, width=given.height * 16 // 9, height=given.height)
    name = f"long-{given.minutes:g}min-{given.height}p.mp4"
    print(make_long_film(short.path, given.folder / name, given.minutes))


if __name__ == "__main__":
    main()
