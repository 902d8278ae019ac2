"""A large library in the embedded database, without any files: what searching at scale is measured on.

The vectors are real ones (the starter's, of the real photos), each many times over under a different jitter:
noise alone would be much easier for an index, or much harder, than real data. Rows are made by the server
itself; the index is built by the product's own function. A crowd is made once and kept in the cache folder.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from benchmarks.crowd_words import fill_words
from benchmarks.plan import ROOT, photos
from heimdex.config import SINGLE_OWNER
from heimdex.encoders import catalog
from heimdex.encoders.encoder import Encoder
from heimdex.entities import Space
from heimdex.media.photo import read_photo
from heimdex.store import vectors
from heimdex.store.database import Database
from heimdex.store.postgres import EmbeddedPostgres
from heimdex.store.vectors import StoredModel, to_text

RECIPE = 1  # raise it when the rows would come out differently
JITTER = 0.35  # length of the noise laid over a unit vector
NOISES = 1600  # more than any picture has frames, so that no two frames are the same
JOINT_DIM = 512  # of the space that stands for a CLIP model's: random directions of the starter's features
FOLDER_WORDS = (
    "dog boat car bird holiday garden kitchen mountain birthday concert school river street".split()
)
RECORD = {  # of the size a real one has
    "model_name": "starter",
    "pretrained": "efficientnet-lite0 + all-MiniLM-L6-v2",
    "embed_dim": 1000,
    "normalized": True,
    "device": "cpu",
    "frame_path": f"derived/{SINGLE_OWNER}/{SINGLE_OWNER}/1/{SINGLE_OWNER}.jpg",
    "frame_quality": dict.fromkeys(
        ("quality_score", "sharpness", "exposure", "contrast", "steadiness"), 0.71
    ),
    "inference_time_ms": 3.141,
    "created_at": "2026-01-01T00:00:00.000000+00:00",
    "error": None,
}

Matrix = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Size:
    """How many rows: `frames` in each of `scenes`, so many scenes in an asset (1: photos)."""

    scenes: int
    frames: int
    scenes_per_asset: int
    spaces: tuple[str, ...]  # that get vectors
    words: bool = False  # whether something is said, written and described in every scene


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """An open database full of vectors."""

    database: Database
    root: str  # the superuser's conninfo of that database
    model: StoredModel
    base: dict[str, Matrix]  # what was jittered, by space; some spaces may be empty in the database
    home: Path


@contextmanager
def crowd(cache: Path, size: Size) -> Iterator[Crowd]:
    """The library of that size, made if it is not there yet."""
    base = real_vectors()
    home = cache / f"crowd-{fingerprint(size, base)}"
    made = home / "complete"
    if not made.exists():
        shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True, exist_ok=True)
    server = EmbeddedPostgres(home)
    root = psycopg.conninfo.make_conninfo(server.start(), dbname="heimdex")
    try:
        with Database.open(home=home, url=None) as database:
            spaces = [Space(model="bench", name=name, dim=values.shape[1]) for name, values in base.items()]
            model = database.run(SINGLE_OWNER, lambda c: vectors.register_model(c, spaces, "float", "0" * 64))
            if not made.exists():
                with psycopg.connect(root) as connection:
                    fill(connection, size, base, model)
                for name in size.spaces:
                    build = partial(vectors.build_index, space_id=model.space(name).space_id)
                    database.run(SINGLE_OWNER, build)
                if size.words:
                    with psycopg.connect(root) as connection:
                        fill_words(connection, database)
                with psycopg.connect(root, autocommit=True) as connection:
                    connection.execute("VACUUM ANALYZE")
                made.touch()
            yield Crowd(database=database, root=root, model=model, base=base, home=home)
    finally:
        server.close()


def fingerprint(size: Size, base: dict[str, Matrix]) -> str:
    """Changes when the rows or the tables would come out differently."""
    digest = hashlib.sha256(json.dumps([RECIPE, asdict(size)]).encode())
    for path in sorted((ROOT / "src/heimdex/store/schema").glob("*.sql")):
        digest.update(path.read_bytes())
    for values in base.values():
        digest.update(np.round(values, 3).tobytes())
    return digest.hexdigest()[:12]


@lru_cache(maxsize=1)
def encoder() -> Encoder:
    """The starter."""
    return catalog.load("starter")


@lru_cache(maxsize=1)
def real_vectors() -> dict[str, Matrix]:
    """The starter's vectors of the real photos by space, and a `joint` space made of its features."""
    pictures = (read_photo(bytes(path), max_pixels=10**8, short_side=512) for path in photos())
    found = list(encoder().encode_pictures(pictures))
    spaces = {
        vector.space.name: np.stack([row[number].values for row in found])
        for number, vector in enumerate(found[0])
    }
    features = spaces["features"]
    directions = np.random.default_rng(5).standard_normal((features.shape[1], JOINT_DIM)).astype(np.float32)
    spaces["joint"] = normalised((features - features.mean(axis=0)) @ directions)
    return spaces


def jittered(values: Matrix, seed: int) -> Matrix:
    """Each row turned a little, at random."""
    noise = np.random.default_rng(seed).standard_normal(values.shape).astype(np.float32)
    return normalised(values + normalised(noise) * JITTER)


def normalised(rows: Matrix) -> Matrix:
    """Rows of norm 1."""
    found: Matrix = (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)
    return found


def fill(connection: Any, size: Size, base: dict[str, Matrix], model: StoredModel) -> None:
    """All rows but the index. As the superuser, and without a look-up for each foreign key."""
    connection.execute("SET LOCAL session_replication_role = replica")
    fill_library(connection, size, model)
    rng = np.random.default_rng(3)
    for stored in (model.space(name) for name in size.spaces):
        values = base[stored.space.name]
        noise = normalised(rng.standard_normal((NOISES, values.shape[1])).astype(np.float32)) * JITTER
        for name, rows in (("base", values), ("noise", noise)):
            connection.execute(f"CREATE TEMP TABLE {name} (n int PRIMARY KEY, v halfvec)")
            with connection.cursor().copy(f"COPY {name} FROM STDIN") as copy:
                for number, row in enumerate(rows):
                    copy.write_row((number, to_text(row)))
        connection.execute(
            "INSERT INTO heimdex.vector (owner_id, space_id, keyframe_id, scene_id, asset_id, rank,"
            " embedding, metadata, checksum)"
            " SELECT %(owner)s, %(space)s, key, scene, asset, rank, v, %(record)s, sha256(halfvec_send(v))"
            " FROM (SELECT frame.*, l2_normalize(base.v + noise.v) AS v FROM frame"
            # Frames of a scene are of one picture, and neighbouring scenes of different ones.
            " JOIN base ON base.n = scene_n %% %(bases)s"
            " JOIN noise ON noise.n = (scene_n / %(bases)s * %(frames)s + rank + scene_n * 17) %% %(noises)s"
            " ORDER BY n) made",
            {
                "owner": SINGLE_OWNER,
                "space": stored.space_id,
                "record": json.dumps(RECORD | {"embed_dim": stored.space.dim}),
                "bases": len(values),
                "frames": size.frames,
                "noises": NOISES,
            },
        )
        connection.execute("DROP TABLE base, noise")
        connection.execute(CALIBRATIONS, {"space": stored.space_id})


CALIBRATIONS = (  # as those of the test photos are spread
    "INSERT INTO heimdex.calibration (owner_id, space_id, scene_id, rank, version, mean, deviation, draw)"
    " SELECT owner_id, space_id, scene_id, rank, 1, -4.8 + .7 * (random() * 2 - 1),"
    " 1.19 + .1 * (random() * 2 - 1), random() FROM heimdex.vector WHERE space_id = %(space)s"
)


def fill_library(connection: Any, size: Size, model: StoredModel) -> None:
    """Assets with their paths and words, scenes, keyframes, ledger."""
    counts = {
        "owner": SINGLE_OWNER,
        "scenes": size.scenes,
        "each": size.scenes_per_asset,
        "frames": size.frames,
        "words": list(FOLDER_WORDS),
        "model": model.model_id,
        "kind": "photo" if size.scenes_per_asset == 1 else "video",
    }
    for statement in LIBRARY:
        connection.execute(statement, counts)


LIBRARY = (
    "CREATE TEMP TABLE film AS SELECT n, gen_random_uuid() AS asset,"
    " (%(words)s::text[])[n %% cardinality(%(words)s::text[]) + 1] AS word"
    " FROM generate_series(0, (%(scenes)s - 1) / %(each)s) n",
    "CREATE TEMP TABLE made AS SELECT s AS n, gen_random_uuid() AS scene, asset"
    " FROM generate_series(0, %(scenes)s - 1) s JOIN film ON film.n = s / %(each)s",
    "CREATE TEMP TABLE frame AS SELECT made.n * %(frames)s + rank AS n, made.n AS scene_n, scene, asset,"
    " rank, gen_random_uuid() AS key FROM made CROSS JOIN generate_series(0, %(frames)s - 1) rank",
    "INSERT INTO heimdex.asset (owner_id, asset_id, content_hash, size_bytes, kind, container, width, height,"
    " rotation, duration_us, zero_us, interlaced, taken_at)"
    " SELECT %(owner)s, asset, sha256(asset::text::bytea), 1, %(kind)s, 'mp4', 64, 36, 0, 1, 0, false,"
    " timestamptz '2015-01-01' + n * interval '1 hour' FROM film",
    "INSERT INTO heimdex.file (owner_id, path_bytes, path, asset_id, state, size_bytes, modified_ns)"
    " SELECT %(owner)s, ('/library/' || word || '/' || n)::bytea, '/library/' || word || '/' || n, asset,"
    " 'present', 1, 1 FROM film",
    "INSERT INTO heimdex.path_word (owner_id, word, asset_id)"
    " SELECT %(owner)s, w, asset FROM film CROSS JOIN LATERAL unnest(ARRAY['library', word, n::text]) w",
    "INSERT INTO heimdex.scene (owner_id, scene_id, asset_id, position, start_us, end_us, motion_energy,"
    " motion_pan, motion_tilt, motion_zoom, motion_change)"
    " SELECT %(owner)s, scene, asset, n %% %(each)s, n, n + 1, 0, 0, 0, 0, 0 FROM made",
    "INSERT INTO heimdex.keyframe (owner_id, keyframe_id, scene_id, asset_id, rank, at_us, width, height,"
    " frame_quality, frame_key, frame_sha256, frame_bytes, thumbnail_key, thumbnail_sha256, thumbnail_bytes)"
    " SELECT %(owner)s, key, scene, asset, rank, n, 64, 36, '{}', 'frame', 'sum', 1, 'thumbnail', 'sum', 1"
    " FROM frame",
    "INSERT INTO heimdex.stage_run (owner_id, asset_id, stage, model_id, stage_version, state, content_hash)"
    " SELECT %(owner)s, asset, stage, CASE stage WHEN 'picture' THEN %(model)s ELSE 0 END, 1, 'done',"
    " sha256(asset::text::bytea) FROM film CROSS JOIN unnest(ARRAY['scenes', 'picture']) stage",
)
