"""The background texts: a thousand things one might ask a library of pictures for.

    python scripts/build_background.py [--check]

Writes src/heimdex/encoders/background.txt, and beside it background.npz, the starter's vectors of them. What
every picture scores against them tells which pictures are near everything and what a score is worth
(docs/decisions/0032-verdict.md). The words of background_words.txt were written for this, from no list of
classes and no list of queries; they are put together by counting. Changing them changes every calibration:
raise VERSION in encoders/background.py.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from heimdex.encoders import background
from heimdex.encoders.catalog import LoadOptions, fingerprint, load

TARGET: Path = background.TEXTS
COUNT = 1000
WORDS = Path(__file__).with_name("background_words.txt")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only say whether the file is right")
    text = "\n".join(texts()) + "\n"
    if not parser.parse_args().check:
        TARGET.write_text(text, encoding="utf-8")
        write_vectors()
    elif TARGET.read_text(encoding="utf-8") != text:
        sys.exit(f"{TARGET} differs from what this script writes")


def write_vectors() -> None:
    """The starter's vectors, which every library needs at once."""
    options = LoadOptions(threads=2, precision="fp32")  # the same on every processor, nearly
    encoder = load("starter", options)
    rows = np.stack([vector.values for vector in encoder.encode_words(background.background_texts())])
    background.write(background.PACKAGED, fingerprint(encoder.row, options), rows)


def texts() -> list[str]:
    """The texts, each once, in a fixed order."""
    found: dict[str, None] = {}
    for text in _all():
        if len(found) < COUNT:
            found[text] = None
    return list(found)


def _all() -> Iterator[str]:
    lists = _lists()
    things, places, people, looks = (lists[name] for name in ("things", "places", "people", "looks"))
    yield from things
    yield from lists["whole"]
    # Strides that share no divisor with the other list's length: neighbours here meet strangers there.
    for number, doing in enumerate(lists["doings"] * 3):
        yield f"{people[number * 7 % len(people)]} {doing}"
    for number, thing in enumerate(things):
        yield f"{_article(thing)} {places[number * 11 % len(places)]}"
    for number, thing in enumerate(things):
        yield _article(f"{looks[number * 9 % len(looks)]} {thing}")


def _lists() -> dict[str, list[str]]:
    """The lists of words, by name."""
    found: dict[str, str] = {}
    for line in WORDS.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            name = line.strip("[]")
        elif line and not line.startswith("#"):
            found[name] = f"{found.get(name, '')} {line}"
    return {name: [part.strip() for part in text.split(";")] for name, text in found.items()}


def _article(thing: str) -> str:
    return f"{'an' if thing[0] in 'aeiou' else 'a'} {thing}"


if __name__ == "__main__":
    main()
