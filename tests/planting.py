"""A library whose rows and files a test may spoil, and worker processes that outlive one run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from PIL import Image

from heimdex.app import Heimdex
from heimdex.encoders import catalog
from heimdex.encoders.text_rows import STARTER_SENTENCES
from heimdex.entities import Picture
from heimdex.pipeline import models, reading, stages
from heimdex.pipeline.inspection import inspectors
from heimdex.pipeline.workers import Warmth, WorkerPool
from tests.conformance.fakes import FAKE, FakeEncoder
from tests.media.clips import Clip, Sound, make

COLOURS = {"red": (220, 30, 30), "green": (30, 170, 50), "blue": (30, 60, 220), "yellow": (230, 220, 40)}
WHITE = (250, 250, 250)
PHOTO_SIDE = 120  # px
DATE_TIME = 306  # the EXIF tag


@contextmanager
def lasting_workers() -> Iterator[None]:
    """Worker processes are kept from one run to the next: starting them is half the time of a small run."""
    pools: dict[Warmth | None, _LastingPool] = {}

    def pool(size: int, *, memory_limit_bytes: int, warmth: Warmth | None = None) -> WorkerPool:
        if warmth not in pools:
            pools[warmth] = _LastingPool(size, memory_limit_bytes=memory_limit_bytes, warmth=warmth)
        return pools[warmth]

    with pytest.MonkeyPatch.context() as patch:
        for module in (stages, inspectors, reading):
            patch.setattr(module, "WorkerPool", pool)
        try:
            yield
        finally:
            for lasting in pools.values():
                WorkerPool.close(lasting)


class _LastingPool(WorkerPool):
    def close(self) -> None:
        """Only the test ends these."""


@contextmanager
def fake_model() -> Iterator[None]:
    """The catalog holds one model, `fake`, which sees colours and needs no weights."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages, "WORK", "tests.fake_work")
        patch.setattr(catalog, "ROWS", (FAKE, STARTER_SENTENCES))
        patch.setattr(catalog, "load", lambda name, options=None: FakeEncoder())
        yield


@dataclass(frozen=True, kw_only=True)
class Library:
    """An index over a few files, and a superuser's hand in its database."""

    heimdex: Heimdex
    media: Path
    root: str  # the superuser's conninfo

    def sql(self, statement: str, **parameters: Any) -> list[Any]:
        """Run a statement past policies; `%(asset)s` and the like are taken from the parameters."""
        with psycopg.connect(self.root) as connection:
            connection.execute("SET search_path = heimdex, public")
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def forced(self, *statements: str, **parameters: Any) -> None:
        """Run statements past foreign keys and triggers as well."""
        with psycopg.connect(self.root) as connection:
            connection.execute("SET search_path = heimdex, public")
            connection.execute("SET session_replication_role = replica")
            for statement in statements:
                connection.execute(statement, parameters)

    def model_id(self) -> int:
        """The model in use."""
        heimdex = self.heimdex
        found = heimdex.database.run(heimdex.owner, lambda c: models.find(c, heimdex.model))
        assert found is not None
        return found.model_id

    def asset(self, name: str) -> str:
        """The asset that a file of this name leads to."""
        path = os.fsencode(self.media / name)
        found = self.sql("SELECT asset_id::text FROM file WHERE path_bytes = %(path)s", path=path)
        return str(found[0][0])

    def kept(self, name: str) -> list[Kept]:
        """The kept frames of a file's asset, in order."""
        rows = self.sql(
            "SELECT keyframe_id::text, scene_id::text, s.position, k.rank, frame_key, thumbnail_key "
            "FROM keyframe k JOIN scene s USING (owner_id, scene_id) WHERE s.asset_id = %(asset)s "
            "ORDER BY s.position, k.rank",
            asset=self.asset(name),
        )
        home = self.heimdex.settings.home
        return [
            Kept(
                keyframe_id=keyframe_id,
                scene_id=scene_id,
                position=position,
                rank=rank,
                frame=home / frame_key,
                thumbnail=home / thumbnail_key,
            )
            for keyframe_id, scene_id, position, rank, frame_key, thumbnail_key in rows
        ]

    def folder(self, name: str) -> Path:
        """Where the derived files of a file's asset lie."""
        return self.heimdex.derived.asset_folder(self.asset(name))

    def is_as_plants_need_it(self) -> bool:
        """The film has three scenes, and the second of them two kept frames at least."""
        kept = {(frame.position, frame.rank) for frame in self.kept("film.mp4")}
        return {position for position, _ in kept} == {0, 1, 2} and (1, 1) in kept

    def start_over(self) -> None:
        """Everything as at first, whatever was done to it."""
        self.sql("TRUNCATE asset, file, path_word, model, space CASCADE")
        shutil.rmtree(self.heimdex.derived.root, ignore_errors=True)
        shutil.rmtree(self.media)
        self.heimdex.index(make_media(self.media))

    def faults(self, sample: int = -1) -> list[str]:
        """What `verify` names."""
        return [fault.what for fault in self.heimdex.verify(sample=sample).faults]


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A kept frame."""

    keyframe_id: str
    scene_id: str
    position: int
    rank: int
    frame: Path
    thumbnail: Path


CUTS = (40, 110)  # frame numbers
FRAMES = 150


def paint(number: int) -> Picture:
    """A frame of the film: a still, then waves that wander until nothing is where it was, then a still."""
    y, x = np.mgrid[0:90, 0:160]
    if number < CUTS[0] or number >= CUTS[1]:
        picture = np.empty((90, 160, 3), np.uint8)
        picture[:] = COLOURS["red"] if number < CUTS[0] else COLOURS["blue"]
        picture[(x - 80) ** 2 + (y - 45) ** 2 < 400] = WHITE
        return picture
    waves = 120 + 100 * np.sin((x + 0.6 * (number - CUTS[0])) * np.pi / 40)
    return np.repeat(waves[..., np.newaxis], 3, axis=2).astype(np.uint8)


def make_media(folder: Path) -> Path:
    """A film of three scenes, another of one, a recording, four photos: one is dated, one is there twice."""
    folder.mkdir(parents=True, exist_ok=True)
    film = Clip(width=160, height=90, count=FRAMES, cuts=CUTS, group=20, paint=paint, paint_name="waves")
    make(film, folder).rename(folder / "film.mp4")
    make(Clip(width=160, height=90, count=30, group=20), folder).rename(folder / "short.mp4")
    make(Clip(codec=None, ending="m4a", sound=Sound(seconds=1.0)), folder).rename(folder / "sound.m4a")
    y, x = np.mgrid[-1 : 1 : PHOTO_SIDE * 1j, -1 : 1 : PHOTO_SIDE * 1j]
    for number, (name, colour) in enumerate(COLOURS.items()):
        rings = 0.5 + 0.5 * np.cos((6 + 3 * number) * np.hypot(x, y))
        pixels = (rings[..., None] * np.array(colour)).astype(np.uint8)
        exif = Image.Exif()
        if name == "green":
            exif[DATE_TIME] = "2021:05:04 10:20:30"
        Image.fromarray(pixels).save(folder / f"{name}.jpg", quality=90, comment=b"aaaaaaaa", exif=exif)
    (folder / "copies").mkdir(exist_ok=True)
    shutil.copy2(folder / "yellow.jpg", folder / "copies" / "again.jpg")
    return folder
