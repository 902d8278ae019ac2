"""The constants of src/heimdex/search/calibration.py, fitted; prints them and what they would do.

    python scripts/fit_verdict.py [--held-out]

On every second of the 400 photos (--held-out: how the constants as they stand do on the others), never on
the evaluation set. Asked for are the classes' names and the everyday words the starter knows. A query is
asked twice: of a library with its photos, and of one without them and what is so like them that four classes
share a word. Libraries are 25 to 200 of the photos, and 2,000 and 20,000 rows made of the photos by mixing
and noise. A logistic regression of whether it is there, on the best score less half the median and on the
expected best of N, gives SLOPE, MIDDLE and GROWTH.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.retrieval import Photos, read_photos
from heimdex.encoders.background import background_vectors, calibrate, on_scale
from heimdex.encoders.catalog import LoadOptions, fingerprint, load
from heimdex.encoders.encoder import UNDERSTOOD, Encoder
from heimdex.encoders.row import WEIGHTS_FOLDER
from heimdex.encoders.starter import VOCABULARY
from heimdex.encoders.vocabulary import Vocabulary
from heimdex.inference.weights import open_weights
from heimdex.search import calibration
from heimdex.search.calibration import expected_best
from heimdex.search.verdict import MATCH_STRENGTH, WEAK_STRENGTH

SEED = 5
SMALL = (25, 50, 100, 200)
LARGE = (2_000, 20_000)
WIDEST = 130  # classes; wider words ("animal") are not asked for
CLOSE = 4  # classes; photos that share so narrow a word are alike, and go with those asked for


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Vectors (n, 1000), their means, deviations and classes (n,)."""

    values: np.ndarray
    means: np.ndarray
    deviations: np.ndarray
    classes: np.ndarray

    def pick(self, places: np.ndarray) -> Rows:
        return Rows(
            values=self.values[places],
            means=self.means[places],
            deviations=self.deviations[places],
            classes=self.classes[places],
        )


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A query's vector, the classes that answer it, and those that are so like that they go with them."""

    vector: np.ndarray
    right: np.ndarray
    near: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--held-out", action="store_true")
    start = 1 if parser.parse_args().held_out else 0
    photos = read_photos(WEIGHTS_FOLDER)
    encoder = load("starter", LoadOptions(threads=2))
    seen = np.stack([vectors[0].values for vectors in encoder.encode_pictures(photos.pixels)])
    make = maker(encoder)
    rows = make(seen[start::2], photos.classes[start::2])
    others = seen[1 - start :: 2], photos.classes[1 - start :: 2]
    queries = list(asked(encoder, photos, start, rows))
    cases = np.array(list(measured(queries, rows, [jittered(make, *others, count) for count in LARGE])))
    print(f"{len(queries)} queries, {len(rows.classes)} photos")
    if not start:
        fit(cases)
    show(cases)


def maker(encoder: Encoder):
    assert encoder.text_space is not None
    space = encoder.text_space
    background = background_vectors(fingerprint(encoder.row, LoadOptions()), space, lambda: encoder, None)

    def make(values: np.ndarray, classes: np.ndarray) -> Rows:
        halves = values.astype(np.float16).astype(np.float32)
        means, deviations = calibrate(halves, background, space)
        return Rows(values=halves, means=means, deviations=deviations, classes=classes)

    return make


def asked(encoder: Encoder, photos: Photos, start: int, rows: Rows) -> Iterator[Asked]:
    """Names of the photos' classes, and words for kinds of which there is a photo."""
    vocabulary = Vocabulary.read(open_weights(WEIGHTS_FOLDER, VOCABULARY))
    with np.load(WEIGHTS_FOLDER / VOCABULARY) as arrays:
        kinds = [str(arrays["texts"][place]) for place in arrays["kinds"]]
    members = vocabulary.members
    narrow = members[members.sum(axis=1) <= CLOSE].astype(int)
    close = (narrow.T @ narrow > 0) | np.eye(members.shape[1], dtype=bool)
    for name, number in zip(photos.words[start::2], rows.classes, strict=True):
        right = np.arange(members.shape[1]) == number
        yield Asked(vector=words(encoder, name)[0], right=right, near=close[number])
    for kind, right in zip(kinds, members, strict=True):
        vector, certainty = words(encoder, kind)
        if certainty >= UNDERSTOOD and right.sum() <= WIDEST and right[rows.classes].any():
            yield Asked(vector=vector, right=right, near=right)


def words(encoder: Encoder, text: str) -> tuple[np.ndarray, float]:
    vector = next(iter(encoder.encode_words([text])))
    return vector.values, vector.certainty


def jittered(make, values: np.ndarray, classes: np.ndarray, count: int) -> Rows:
    """Rows like photos: two mixed, the second by up to three tenths, each probability off by some factor."""
    rng = np.random.default_rng(SEED)
    first, second = rng.integers(len(values), size=(2, count))
    share = rng.uniform(0, 0.3, size=(count, 1)).astype(np.float32)
    noise = np.exp(0.6 * rng.standard_normal((count, values.shape[1]), dtype=np.float32))
    mixed = ((1 - share) * values[first] + share * values[second]) * noise
    mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
    # What a row shows besides is its class too: it is left out where either is asked for.
    return make(mixed, np.stack([classes[first], classes[second]], axis=1))


def measured(queries: list[Asked], rows: Rows, large: list[Rows]) -> Iterator[tuple[int, int, float, float]]:
    """(size, whether it is there, best score less half the median, expected best of the size)."""
    rng = np.random.default_rng(SEED)
    for query in queries:
        own = np.flatnonzero(query.right[rows.classes])
        away = np.flatnonzero(~(query.near | query.right)[rows.classes])
        best_own = scores(query, rows.pick(own)).max()
        for size in SMALL:
            others = scores(query, rows.pick(rng.permutation(away)[:size]))
            yield from both(size, others, best_own)
        for of_all in large:
            unlike = ~(query.near | query.right)[of_all.classes].any(axis=1)
            yield from both(len(unlike), scores(query, of_all)[unlike], best_own)


def both(size: int, others: np.ndarray, own: float) -> Iterator[tuple[int, int, float, float]]:
    median = min(float(np.median(others)), calibration.MOST_MEDIAN)
    expected = expected_best(size)
    share = calibration.MEDIAN_SHARE * median
    yield size, 0, others.max() - share, expected
    yield size, 1, max(others.max(), own) - share, expected


def scores(query: Asked, rows: Rows) -> np.ndarray:
    on = on_scale(rows.values @ query.vector, load("starter", LoadOptions()).text_space)
    return (on - rows.means) / rows.deviations


def fit(cases: np.ndarray) -> None:
    """Newton's method for the logistic regression."""
    there = cases[:, 1]
    inputs = np.c_[cases[:, 2:], np.ones(len(cases))]
    weights = np.zeros(3)
    for _ in range(50):
        odds = 1 / (1 + np.exp(-inputs @ weights))
        curve = (inputs * (odds * (1 - odds))[:, np.newaxis]).T @ inputs
        weights += np.linalg.solve(curve, inputs.T @ (there - odds))
    slope, growth, middle = weights[0], -weights[1] / weights[0], -weights[2] / weights[0]
    print(f"SLOPE = {slope:.2f}, MIDDLE = {middle:.3f}, GROWTH = {growth:.3f}")


def show(cases: np.ndarray) -> None:
    """What the constants as they stand in the product would say."""
    odds = calibration.SLOPE * (cases[:, 2] - calibration.GROWTH * cases[:, 3] - calibration.MIDDLE)
    strength = 1 / (1 + np.exp(-odds))
    print("| rows | not there: none | not there: match | there: none | there: match |\n|---|---|---|---|---|")
    for size in (*SMALL, *LARGE):
        cells = []
        for there in (0, 1):
            here = strength[(cases[:, 0] == size) & (cases[:, 1] == there)]
            cells += [f"{(here < WEAK_STRENGTH).mean():.3f}", f"{(here >= MATCH_STRENGTH).mean():.3f}"]
        print(f"| {size:,} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
