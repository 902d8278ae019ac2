"""What docs/reference/quality.md shows beside `heimdex eval`.

    python scripts/quality.py fusion HOME      how signals are put together: by weights, by ranks
    python scripts/quality.py grow HOME ROWS   add unrelated rows to a library until it has so many pictures
    python scripts/quality.py marks            labelled queries on stdout: what the starter is measured with

HOME is that of a library made by scripts/evaluation_library.py and indexed. Unrelated rows are made of the
photos that are not in it and that answer no query, by mixing and noise. They have no files: `verify` will
complain.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.retrieval import read_photos, read_queries
from heimdex import Heimdex
from heimdex.encoders.catalog import LoadOptions, load
from heimdex.encoders.row import WEIGHTS_FOLDER
from heimdex.entities import Answer, Hit
from heimdex.pipeline.calibrating import calibrate_space
from heimdex.pipeline.models import register
from heimdex.search.evaluation import DEPTH, evaluate
from heimdex.search.labels import read_labels
from tests.library import add_asset, photo, unit

QUERIES = Path(__file__).resolve().parent.parent / "evaluation" / "queries.jsonl"
SCENES = 100  # of a made asset
SEED = 7
RANK_CONSTANT = 60  # Cormack et al. 2009
# Photos not in the library that would answer one of the queries, by number.
ANSWERING = {
    *range(56, 101, 2),
    12, 14, 16, 18, 20, 22, 42, 44, 46, 102, 104, 108, 114, 116, 118, 120, 122, 124, 132, 138, 140,
    148, 150, 156, 160, 164, 170, 172, 178, 190, 208, 242, 276, 284, 316, 318, 328, 330, 346, 348,
    350, 354, 358, 372, 374, 376, 390, 398,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=("fusion", "grow", "marks"))
    parser.add_argument("home", type=Path, nargs="?")
    parser.add_argument("rows", type=int, nargs="?", default=0)
    given = parser.parse_args()
    if given.what == "marks":
        print("\n".join(free_marks()))
        return
    with Heimdex(home=given.home) as heimdex:
        if given.what == "fusion":
            compare(heimdex)
        else:
            grow(heimdex, given.rows)


def compare(heimdex: Heimdex) -> None:
    """The measures of both ways over the same candidates with the same evidence."""
    labels = [labelled for labelled in read_labels(QUERIES) if labelled.moments]
    answers = {
        labelled.query: heimdex.search(labelled.query, limit=DEPTH, nearest=True) for labelled in labels
    }
    ways = {
        "calibrated, weighted, added up": answers.__getitem__,
        "ranks": lambda text: by_rank(answers[text]),
    }
    print("| fused by | recall@1 | recall@5 | recall@10 | nDCG@10 | MRR |\n|---|---|---|---|---|---|")
    for name, way in ways.items():
        found = evaluate(labels, way).ranking["fused"].values()
        print(f"| {name} | {' | '.join(f'{f.mean:.3f} ({f.low:.2f}-{f.high:.2f})' for f in found)} |")


def by_rank(answer: Answer) -> Answer:
    """Reciprocal-rank fusion: a hit's score is the sum over its signals of 1 / (60 + its rank there)."""
    scores: defaultdict[str, float] = defaultdict(float)
    for signal in {item.signal for hit in answer.hits for item in hit.evidence}:
        said = [(strongest(hit, signal), hit.scene_id) for hit in answer.hits]
        ordered = sorted((pair for pair in said if pair[0] > 0), key=lambda pair: -pair[0])
        for place, (_, scene_id) in enumerate(ordered, 1):
            scores[scene_id] += 1 / (RANK_CONSTANT + place)
    return replace(answer, hits=tuple(sorted(answer.hits, key=lambda hit: -scores[hit.scene_id])))


def strongest(hit: Hit, signal: str) -> float:
    return max((item.contribution for item in hit.evidence if item.signal == signal), default=0.0)


def free_marks() -> Iterator[str]:
    """The free queries of benchmarks/starter_queries.txt, with the photos of the library that answer."""
    classes = read_photos(WEIGHTS_FOLDER).classes
    for line in read_queries()["free"]:
        query, ranges = line.rsplit(":", 1)
        right: set[int] = set()
        for part in ranges.split():
            first, _, last = part.partition("-")
            right.update(range(int(first), int(last or first) + 1))
        moments = [{"path": f"photos/{n:03}.jpg"} for n in range(1, 400, 2) if classes[n] in right]
        yield json.dumps({"query": query, "sort": "picture", "moments": moments})


def grow(heimdex: Heimdex, wanted: int) -> None:
    tools = heimdex._tools()  # noqa: SLF001  (there is no door for what no file shows)
    model = tools.database.run(tools.owner, lambda c: register(c, tools.model))
    labels = replace(model, spaces=(model.space("labels"),))
    there = sum(space["filled"] for space in heimdex.status()["spaces"] if space["space"] == "labels")
    for number, values in enumerate(unrelated(max(0, wanted - there))):
        scenes = [row[np.newaxis] for row in values]
        add_asset(tools.database, tools.owner, labels, f"/made/{there}-{number:05}.mp4", scenes, photo())
    print(f"{calibrate_space(tools, model)} rows added")


def unrelated(count: int) -> Iterator[np.ndarray]:
    """Rows in portions of SCENES."""
    pixels = read_photos(WEIGHTS_FOLDER).pixels
    kept = [pixels[number] for number in range(0, 400, 2) if number not in ANSWERING]
    encoder = load("starter", LoadOptions(threads=2))
    seen = np.stack([vectors[0].values for vectors in encoder.encode_pictures(kept)])
    rng = np.random.default_rng(SEED)
    for start in range(0, count, SCENES):
        size = min(SCENES, count - start)
        first, second = rng.integers(len(seen), size=(2, size))
        share = rng.uniform(0, 0.3, size=(size, 1))
        noise = np.exp(0.6 * rng.standard_normal((size, seen.shape[1])))
        yield unit(((1 - share) * seen[first] + share * seen[second]) * noise)


if __name__ == "__main__":
    main()
