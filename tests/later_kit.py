"""Assets with kept files, and runs of later stages over them, for tests of single verbs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from heimdex.encoders.row import LoadOptions
from heimdex.entities import (
    DerivedFile,
    Facts,
    FileStamp,
    FoundScene,
    Keyframe,
    Scene,
    Space,
    StageRun,
    StageState,
    new_id,
)
from heimdex.pipeline.arrivals import Item
from heimdex.pipeline.flow import SCENES, Stage
from heimdex.pipeline.later import Later
from heimdex.pipeline.ledger import Ledger, Outcome
from heimdex.pipeline.originals import Originals
from heimdex.pipeline.tools import Limits, PictureModel, SceneOptions, Tools
from heimdex.pipeline.verb import Verb
from heimdex.store import assets, runs, scenes
from heimdex.store.database import Database
from heimdex.store.derived import DerivedFiles
from heimdex.store.object_cache import ObjectCache
from heimdex.store.objects import open_objects
from heimdex.store.runs import RunKey
from tests.conformance.fakes import FAKE
from tests.library import FACTS, QUALITY

SCENE_US = 4_000_000


@dataclass(kw_only=True)
class Told:
    """Who is told how a run goes."""

    ended_: list[tuple[str, str, StageState, str | None]] = field(default_factory=list)

    def say(self, what: str) -> None:
        """Nothing of interest."""

    def ended(self, item: Item, stage: Stage, outcome: Outcome) -> None:
        self.ended_.append((item.asset.asset_id, stage.name, outcome.state, outcome.error))

    def failed_before(self, item: Item, run: StageRun) -> None:
        """Nothing of interest."""


@dataclass(frozen=True, kw_only=True)
class Kit:
    """A home with a database, and what is in it."""

    tools: Tools

    def with_(self, **changes: Any) -> Kit:
        return Kit(tools=replace(self.tools, **changes))

    def add(self, name: str, pictures: Sequence[Sequence[bytes]], facts: Facts = FACTS) -> Item:
        """An asset whose scenes have these kept files, best first, and last SCENE_US each."""
        owner, database, derived = self.tools.owner, self.tools.database, self.tools.derived
        stamp = FileStamp(path=f"/media/{name}".encode(), size_bytes=1, modified_ns=1)

        def write(connection: Any) -> str:
            entered = assets.register(connection, owner, stamp, new_id().replace("-", "") * 2, facts)
            folder = derived.attempt_folder(entered.asset_id, 1)
            folder.mkdir(parents=True, exist_ok=True)
            found = []
            for position, contents in enumerate(pictures):
                start_us = position * SCENE_US
                scene = Scene(position=position, start_us=start_us, end_us=start_us + SCENE_US)
                frames = tuple(
                    self._keep(folder, scene, rank, content) for rank, content in enumerate(contents)
                )
                found.append(FoundScene(scene=scene, keyframes=frames))
            scenes.replace_scenes(connection, owner, entered.asset_id, found)
            key = RunKey(asset_id=entered.asset_id, stage=SCENES.name)
            attempt = runs.begin(connection, owner, key, SCENES.version)
            state = StageState.DONE if pictures else StageState.EMPTY
            runs.finish(connection, owner, key, attempt, (state, len(pictures), None, 1.0))
            return entered.asset_id

        asset_id = database.run(owner, write)
        (asset,) = database.run(owner, lambda c: assets.get_assets(c, owner, [asset_id]))
        return Item(asset=asset, stamp=stamp, arrival="new")

    def run(self, verb: Verb, *items: Item, retry: bool = False) -> Told:
        """One run of one stage over some assets."""
        told = Told()
        claims = self.tools.database.claims()
        later = Later(Ledger(self.tools.database, self.tools.owner, claims), [verb], told, retry=retry)
        try:
            later.run(items)
        finally:
            later.close()
            claims.close()
        return told

    def entries(self, item: Item) -> dict[str, StageRun]:
        """The ledger of an asset by stage; the newest model's where there are several."""
        owner = self.tools.owner
        found = self.tools.database.run(owner, lambda c: runs.runs_of(c, owner, [item.asset.asset_id]))
        return {run.stage: run for run in found}

    def scene_ids(self, item: Item) -> list[str]:
        """The scenes of an asset in order."""
        owner = self.tools.owner
        found = self.tools.database.run(owner, lambda c: scenes.scenes_of(c, owner, item.asset.asset_id))
        return [scene.scene_id for scene in found]

    def sql(self, statement: str, **parameters: Any) -> list[Any]:
        """Run a statement as the owner."""

        def work(connection: Any) -> list[Any]:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

        found: list[Any] = self.tools.database.run(self.tools.owner, work)
        return found

    def _keep(self, folder: Path, scene: Scene, rank: int, content: bytes) -> Keyframe:
        keyframe_id = new_id()
        path = folder / f"{keyframe_id}.jpg"
        path.write_bytes(content)
        file = DerivedFile(
            key=self.tools.derived.key(path),
            sha256=hashlib.sha256(content).hexdigest(),
            size_bytes=len(content),
        )
        return Keyframe(
            keyframe_id=keyframe_id,
            scene_id=scene.scene_id,
            rank=rank,
            at_us=scene.start_us + (3 - rank) * 1000,  # the best is the last of them
            width=64,
            height=36,
            quality=QUALITY,
            frame=file,
            thumbnail=file,
        )


def make_kit(database: Database, owner: str, home: Path) -> Kit:
    """A kit without anything in it."""
    model = PictureModel(
        row=FAKE,
        options=LoadOptions(threads=2, precision="fp32"),
        spaces=(Space(model="fake", name="labels", dim=28),),
        weights_sha256="0" * 64,
    )
    tools = Tools(
        database=database,
        owner=owner,
        home=home,
        derived=DerivedFiles(home, owner),
        originals=Originals(
            database, owner, ObjectCache(open_objects(home / "objects", owner), home / "cache", 1 << 30)
        ),
        model=model,
        limits=Limits(),
        scenes=SceneOptions(),
        workers=1,
        decode_threads=1,
    )
    return Kit(tools=tools)
