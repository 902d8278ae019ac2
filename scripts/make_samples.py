"""Make the sample library that `heimdex demo` indexes, from pictures we may ship.

    python scripts/make_samples.py [--out src/heimdex/samples] [--pictures FOLDER]

The same versions of PyAV, Pillow, pillow-heif and espeak-ng give the same bytes. espeak-ng must be installed.
Without --pictures the data folder of a scikit-image wheel is fetched with pip.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import pillow_heif
from sample_library.clips import CLIPS
from sample_library.files import make_clip, make_photo, make_recording
from sample_library.sound import can_speak
from sample_library.sources import SOURCES, fetch_pictures, load_pictures
from sample_library.stills import PHOTOS, RECORDINGS

LARGEST_BYTES = 6_000_000  # of all files together: they are committed, and ship in the wheel
ABOUT = (
    "What the sample library shows. Times are microseconds after the file's zero, intervals half-open. "
    "A scene entered by a fade begins in the middle of the frames held in the fade's colour. "
    "Dates, cameras and places are made up."
)


def main() -> None:
    """Build everything below --out, and truth.json beside it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "src/heimdex/samples")
    parser.add_argument("--pictures", type=Path, help="a folder with scikit-image's data files")
    arguments = parser.parse_args()
    if not can_speak():
        sys.exit("espeak-ng is needed for the spoken sentences; install it (apt-get install espeak-ng).")
    pillow_heif.register_heif_opener()
    with tempfile.TemporaryDirectory() as scratch:
        pictures = load_pictures(arguments.pictures or fetch_pictures(Path(scratch)))
    out: Path = arguments.out
    assets = [make_clip(clip, pictures, out) for clip in CLIPS]
    assets += [make_recording(recording, out) for recording in RECORDINGS]
    assets += [make_photo(photo, pictures, out) for photo in PHOTOS]
    write_truth(assets, out)


def write_truth(assets: list[dict[str, Any]], out: Path) -> None:
    """What is in the files, for tests and for the curious; refuses a library grown too large."""
    sources = [
        {"subject": subject, "title": source.title, "author": source.author}
        | {"licence": source.licence, "origin": source.origin}
        for subject, source in SOURCES.items()
    ]
    truth = {"about": ABOUT, "assets": assets, "sources": sources}
    (out / "truth.json").write_text(json.dumps(truth, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    total = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    print(f"{len(assets)} files, {total / 1e6:.2f} MB below {out}")
    if total > LARGEST_BYTES:
        sys.exit(f"That is more than {LARGEST_BYTES / 1e6:.0f} MB: shorten a clip or raise the CRF.")


if __name__ == "__main__":
    main()
