"""How well the starter finds pictures by words, and whether it knows what it does not know.

    python -m benchmarks.retrieval [--weights DIR …] [--methods] [--frames] [--show QUERY …]

Needs the 400 photos of the test data. Each weights folder gives two lines (default: the packaged one; fp32
weights are made by scripts/build_starter.py). `--methods` compares ways of matching, `--frames` ways of
looking at wide frames; `--show` lists the five best photos.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from heimdex.encoders.catalog import LoadOptions, load
from heimdex.encoders.encoder import UNDERSTOOD, Encoder
from heimdex.encoders.row import WEIGHTS_FOLDER
from heimdex.encoders.starter import MAX_TOKENS, STARTER, TOKENIZER, VOCABULARY, WORDS, StarterEncoder
from heimdex.encoders.vocabulary import KIND_SHARE, TEMPERATURE, Vocabulary
from heimdex.inference.openvino_session import OpenVinoSession
from heimdex.inference.session import SessionOptions
from heimdex.inference.tokens import Tokenizer
from heimdex.inference.transforms import VIEWS
from heimdex.inference.weights import open_weights

ROOT = Path(__file__).resolve().parent.parent
PHOTOS = ROOT.parent / "shared" / "data" / "photos"
QUERIES = Path(__file__).with_name("starter_queries.txt")
CLASS_OF = {"n02012849": 134}  # "crane": the names alone do not say which of the two
TOP = 5


@dataclass(frozen=True, kw_only=True)
class Photos:
    """The photos: pixels, class words, class numbers (n,)."""

    pixels: list[np.ndarray]
    words: list[str]
    classes: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Recall of the photo by its class words, and of right photos by free queries (means)."""

    recall_1: float
    recall_5: float
    precision_5: float
    average_precision: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--weights", type=Path, nargs="+", default=[WEIGHTS_FOLDER])
    parser.add_argument("--methods", action="store_true")
    parser.add_argument("--frames", action="store_true")
    parser.add_argument("--show", nargs="+", default=[])
    given = parser.parse_args()
    photos = read_photos(given.weights[0])
    lists = read_queries()
    print("| weights | runs in | top-1 | R@1 | R@5 | free P@5 | free mAP |\n|---|---|---|---|---|---|---|")
    for folder in given.weights:
        for precision in ("fp32", "bf16"):
            encoder = load("starter", LoadOptions(weights_dir=folder, precision=precision, threads=2))
            found = np.stack([vectors[0].values for vectors in encoder.encode_pictures(photos.pixels)])
            top = (found.argmax(axis=1) == photos.classes).mean()
            line = table_line(figures(encoder, found, photos, lists["free"]))
            print(f"| {folder.name} | {precision} | {top:.3f} | {line} |", flush=True)
    print_certainty(encoder, lists)
    print_absent(encoder, found, photos)
    for query in given.show:
        show(encoder, found, photos, query)
    if given.methods:
        compare_methods(given.weights[0], found, photos, lists["free"])
    if given.frames:
        compare_frames(given.weights[0], photos)


def read_photos(weights: Path) -> Photos:
    if not PHOTOS.is_dir():
        raise SystemExit(f"The photos are not at {PHOTOS}.")
    with np.load(weights / VOCABULARY) as arrays:
        names = [str(arrays["texts"][place]) for place in arrays["names"][:, 0]]
    with (PHOTOS / "labels.csv").open() as source:
        rows = list(csv.DictReader(source))
    return Photos(
        pixels=[np.asarray(Image.open(PHOTOS / row["file"]).convert("RGB")) for row in rows],
        words=[row["words"] for row in rows],
        classes=np.array([CLASS_OF.get(row["wordnet_id"]) or class_of(names, row) for row in rows]),
    )


def class_of(names: Sequence[str], row: dict[str, str]) -> int:
    # Two classes may share a name once case is gone (a corgi and a jacket); photos come in class order.
    places = [place for place, name in enumerate(names) if name == row["words"].lower()]
    return places[0] if row["wordnet_id"] < "n025" else places[-1]


def read_queries() -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    for line in QUERIES.read_text().splitlines():
        if line.startswith("["):
            lists[line.strip("[]")] = current = []
        elif line and not line.startswith("#"):
            current.append(line)
    return lists


def figures(encoder: Encoder, found: np.ndarray, photos: Photos, free: Sequence[str]) -> Figures:
    by_class = np.stack([vector.values for vector in encoder.encode_words(photos.words)]) @ found.T
    queries, right = free_queries(free, photos)
    by_query = np.stack([vector.values for vector in encoder.encode_words(queries)]) @ found.T
    return scored(by_class, by_query, right)


def free_queries(free: Sequence[str], photos: Photos) -> tuple[list[str], np.ndarray]:
    """The queries that some photo answers, and which photos do, (queries, photos) bool."""
    texts, right = [], []
    for line in free:
        text, ranges = line.rsplit(":", 1)
        classes: set[int] = set()
        for part in ranges.split():
            first, _, last = part.partition("-")
            classes.update(range(int(first), int(last or first) + 1))
        answers = np.isin(photos.classes, list(classes))
        if answers.any():
            texts.append(text)
            right.append(answers)
    return texts, np.stack(right)


def scored(by_class: np.ndarray, by_query: np.ndarray, right: np.ndarray) -> Figures:
    own = np.diag(by_class)[:, np.newaxis]
    ranks = (by_class > own).sum(axis=1)
    precisions, averages = [], []
    for scores, answers in zip(by_query, right, strict=True):
        hits = answers[np.argsort(-scores, kind="stable")]
        precisions.append(hits[: min(TOP, hits.sum())].mean())
        averages.append((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())
    return Figures(
        recall_1=float((ranks < 1).mean()),
        recall_5=float((ranks < TOP).mean()),
        precision_5=float(np.mean(precisions)),
        average_precision=float(np.mean(averages)),
    )


def table_line(of: Figures) -> str:
    return " | ".join(
        f"{value:.3f}" for value in (of.recall_1, of.recall_5, of.precision_5, of.average_precision)
    )


def print_certainty(encoder: Encoder, lists: dict[str, list[str]]) -> None:
    print(
        f"\n| list | queries | understood (certainty ≥ {UNDERSTOOD}) | median certainty |\n|---|---|---|---|"
    )
    for name, texts in lists.items():
        if name != "free":
            sure = np.array([vector.certainty for vector in encoder.encode_words(texts)])
            print(f"| {name} | {len(texts)} | {(sure >= UNDERSTOOD).sum()} | {np.median(sure):.2f} |")


def print_absent(encoder: Encoder, found: np.ndarray, photos: Photos) -> None:
    """Which cosine tells a photo that shows the class asked for from the best photo where there is none."""
    scores = np.stack([vector.values for vector in encoder.encode_words(photos.words)]) @ found.T
    own = np.diag(scores).copy()
    np.fill_diagonal(scores, -1.0)
    print("\n| cosine | its photo is at least so near | without it, some photo is |\n|---|---|---|")
    for least in (0.05, 0.1, encoder.row.match_cosine, 0.2, 0.3):
        print(f"| {least} | {(own >= least).mean():.3f} | {(scores.max(axis=1) >= least).mean():.3f} |")


def show(encoder: Encoder, found: np.ndarray, photos: Photos, query: str) -> None:
    (vector,) = encoder.encode_words([query])
    scores = found @ vector.values
    best = np.argsort(-scores, kind="stable")[:TOP]
    print(f"\n{query} (certainty {vector.certainty:.2f})")
    for place in best:
        print(f"  {scores[place]:.3f} {place:03d}.jpg {photos.words[place]}")


def compare_methods(weights: Path, found: np.ndarray, photos: Photos, free: Sequence[str]) -> None:
    """ConSE beside label space, with and without everyday words, in variants."""
    queries, right = free_queries(free, photos)
    vocabulary = Vocabulary.read(open_weights(weights, VOCABULARY))
    texts = sentences(weights, [*photos.words, *queries])
    shares = found / found.sum(axis=1, keepdims=True)  # a label vector is the probabilities, made unit
    print("\n| method | R@1 | R@5 | free P@5 | free mAP |\n|---|---|---|---|---|")

    def line(name: str, words: np.ndarray, pictures: np.ndarray) -> None:
        scores = words @ pictures.T
        count = len(photos.words)
        print(f"| {name} | {table_line(scored(scores[:count], scores[count:], right))} |", flush=True)

    names = unit(vocabulary.vectors[vocabulary.names].sum(axis=1))
    members = vocabulary.members.T / np.maximum(vocabulary.members.sum(axis=0), 1)[:, np.newaxis]
    kinds = members @ vocabulary.vectors[vocabulary.kinds]
    both = unit(names + kinds / np.maximum(np.linalg.norm(kinds, axis=1, keepdims=True), 1e-9))
    line("ConSE, 10 classes, names", texts, conse(shares, names))
    line("ConSE, 10 classes, names + everyday words", texts, conse(shares, both))
    likeness = texts @ vocabulary.vectors.T
    by_name = likeness[:, vocabulary.names].max(axis=2)
    by_kind = np.stack(
        [np.where(vocabulary.members, row[vocabulary.kinds][:, None], -1.0).max(axis=0) for row in likeness]
    )
    mixed = np.maximum(by_name, (1 - KIND_SHARE) * by_name + KIND_SHARE * by_kind)
    for name, near in (("names", by_name), ("names + everyday words", mixed)):
        for power in (0.5, 1.0):
            line(f"label space, {name}, p^{power}", labels(near, TEMPERATURE), unit(shares**power))
    for temperature in (0.03, 0.05, 0.1):
        line(f"label space, the last at temperature {temperature}", labels(mixed, temperature), found)


def compare_frames(weights: Path, photos: Photos) -> None:
    """R@1 / R@5 by class words: photos, 16:9 frames with the photo at one end, frames with two of them."""
    squares = [square(pixels) for pixels in photos.pixels]
    ends = [beside(one, blurred(squares[index - 1]), index % 2) for index, one in enumerate(squares)]
    order = np.random.default_rng(3).permutation(len(squares))
    pairs = [beside(squares[a], squares[b], 0) for a, b in order.reshape(-1, 2)]
    print("\n| rule | photos | at one end | two in one |\n|---|---|---|---|")
    for rule in VIEWS:
        row = replace(STARTER, resize=rule)
        encoder = StarterEncoder(row, LoadOptions(weights_dir=weights, threads=2))
        asked = np.stack([vector.values for vector in encoder.encode_words(photos.words)])
        cells = []
        for frames, places in (
            (photos.pixels, np.arange(len(squares))),
            (ends, np.arange(len(squares))),
            (pairs, np.argsort(order) // 2),
        ):
            seen = np.stack([vectors[0].values for vectors in encoder.encode_pictures(frames)])
            scores = asked @ seen.T
            ranks = (scores > scores[np.arange(len(places)), places][:, np.newaxis]).sum(axis=1)
            cells.append(f"{(ranks < 1).mean():.3f} / {(ranks < TOP).mean():.3f}")
        print(f"| {rule} | {' | '.join(cells)} |", flush=True)


def square(pixels: np.ndarray, side: int = 360) -> Image.Image:
    return ImageOps.fit(Image.fromarray(pixels), (side, side), Image.Resampling.BICUBIC)


def blurred(picture: Image.Image) -> Image.Image:
    return picture.resize((6, 6)).resize((280, 360), Image.Resampling.BICUBIC)


def beside(one: Image.Image, two: Image.Image, swap: int) -> np.ndarray:
    """Two pictures side by side, 640×360 (the wider ones lose their outer edge)."""
    frame = Image.new("RGB", (640, 360))
    if one.width == two.width:
        one, two = (picture.resize((320, 360), box=(20, 0, 340, 360)) for picture in (one, two))
    frame.paste(two, (0 if swap else one.width, 0))
    frame.paste(one, (two.width if swap else 0, 0))
    return np.asarray(frame)


def sentences(weights: Path, texts: Sequence[str]) -> np.ndarray:
    session = OpenVinoSession(open_weights(weights, WORDS), SessionOptions(batches=(1,), threads=2))
    tokenizer = Tokenizer(open_weights(weights, TOKENIZER), MAX_TOKENS)
    rows = []
    for text in texts:
        tokens = tokenizer.cut(text).numbers[np.newaxis]
        rows.append(session.run({"tokens": tokens, "mask": np.ones_like(tokens)})["sentence"][0])
    return unit(np.stack(rows))


def conse(shares: np.ndarray, classes: np.ndarray, top: int = 10) -> np.ndarray:
    """Norouzi et al. 2013: the class vectors, weighted with the top probabilities."""
    least = -np.sort(-shares, axis=1)[:, top - 1 : top]
    return unit(np.where(shares < least, 0, shares) @ classes)


def labels(near: np.ndarray, temperature: float) -> np.ndarray:
    return unit(np.exp((near - near.max(axis=1, keepdims=True)) / temperature))


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


if __name__ == "__main__":
    main()
