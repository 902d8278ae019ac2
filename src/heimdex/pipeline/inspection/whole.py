"""One inspection of the whole library: page by page, rows first, then files, then a sample looked at closely.

Every page is read in one state of the database and checked against the disk after that. Whoever works on an
asset meanwhile makes it look wrong, so an asset with findings is asked for once more at the end: if it is
claimed, or anything about it has changed, its findings are dropped and it counts as busy. Between its early
and its later stages a run claims no asset: while one goes on, stages that have not run are none of our
business. Memory holds a page of assets, and the findings about it.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from heimdex.pipeline import models
from heimdex.pipeline.flow import PICTURE, SCENES
from heimdex.pipeline.inspection import faults
from heimdex.pipeline.inspection.faults import Finding, causes_only
from heimdex.pipeline.inspection.files import check_folder, check_kept
from heimdex.pipeline.inspection.inspectors import Inspectors
from heimdex.pipeline.inspection.kept import looked_at
from heimdex.pipeline.inspection.ledger import check_ledger
from heimdex.pipeline.inspection.library import check_database, check_folders, misstated_spaces, orphans
from heimdex.pipeline.inspection.originals import Originals
from heimdex.pipeline.inspection.paths import check_path_rows, check_paths
from heimdex.pipeline.inspection.rows import check_keyframes, check_scenes, check_vectors
from heimdex.pipeline.inspection.seen import Seen
from heimdex.pipeline.inspection.subject import SCENE_ROWS, Model, Subject
from heimdex.pipeline.inspection.vectors import Vectors
from heimdex.pipeline.inspection.words import Words
from heimdex.pipeline.ledger import claim_key, run_key
from heimdex.pipeline.tools import Tools
from heimdex.store import checks
from heimdex.store.checked import KeptFiles, Page
from heimdex.store.database import is_claimed

ALL = -1
PAGE_ASSETS = 200
_TO_COME = (faults.NO_ENTRY, faults.PENDING)  # what an index run that goes on has still to do
PAGE_FRAMES = 2000  # kept frames looked at together; a film of ten hours may have 10,000


class Inspection:
    """All findings about one owner's library. `sample` kept frames and assets are looked at closely."""

    def __init__(self, tools: Tools, inspectors: Inspectors, *, sample: int) -> None:
        self.tools = tools
        self.model = Model(model_id=0, name=tools.model.row.name)
        self._owner = tools.owner
        self._inspectors = inspectors
        self._sample = sample
        self._counts: Counter[str] = Counter()
        self._orphans: dict[str, dict[str, int]] = {}
        self._vectors = Vectors(tools, inspectors, self._read)
        self._words = Words(tools, self._read)
        self._seen = Seen(tools, self._read)
        self._originals = Originals(tools, inspectors, self._read, self._seen)
        self._pathless: list[Finding] = []
        self._runs = False  # an index run went on when the last page was read

    @property
    def checked(self) -> dict[str, int]:
        """How much of what was looked at."""
        return dict(self._counts + self._vectors.counts + self._originals.counts)

    def run(self) -> Iterator[list[Finding]]:
        """The findings, causes only, page by page; what belongs to no asset comes last."""
        last: str | None = self._read(self._begin)
        after: str | None = None
        while last is not None:
            page = self._read(partial(self._next_page, after=after, last=last))
            if page is None:
                break
            after = page.assets[-1].asset_id
            yield self._check(page)
        yield self._check_library()

    def _begin(self, connection: Any) -> str | None:
        owner = self._owner
        self._counts = Counter(checks.totals(connection, owner))
        self._orphans = checks.orphans(connection, owner)
        stored = models.find(connection, self.tools.model)
        if stored is not None:
            misstated = frozenset(wrong.space.name for wrong, _ in misstated_spaces(self.tools, stored))
            self.model = replace(self.model, model_id=stored.model_id, misstated=misstated)
        if self._sample != ALL:
            salt, count = secrets.token_hex(8), self._sample
            self._vectors.sample = checks.draw_keyframes(connection, owner, salt, count)
            self._originals.sample = checks.draw_assets(connection, owner, salt, count)
        return checks.last_asset(connection, owner)

    def _next_page(self, connection: Any, after: str | None, last: str) -> Page | None:
        key = partial(claim_key, self._owner)
        page = checks.read_page(connection, self._owner, after, last, limit=PAGE_ASSETS, claim_key=key)
        # Asked after the page: a run that has ended since has changed what its missing entries say.
        self._runs = is_claimed(connection, run_key(self._owner))
        return page

    def _check(self, page: Page) -> list[Finding]:
        free = [a for a in page.assets if not a.fresh and a.asset_id not in page.claimed]
        self._counts["busy"] += len(page.assets) - len(free)
        subjects = [Subject(page, asset, self.model) for asset in free]
        found = [finding for subject in subjects for finding in self._check_rows(subject)]
        for group in _groups(subjects):
            found += self._check_kept(group)
        found += self._words.check(subjects)
        found += self._originals.check(subjects, found)
        causes = causes_only(_weighed(found))
        if self._runs:
            causes = [finding for finding in causes if finding.kind not in _TO_COME]
        sure = self._confirmed(causes, page.fingerprints)
        # Where its path went may show in a page to come.
        self._pathless += [finding for finding in sure if finding.kind is faults.NO_PATH]
        return [finding for finding in sure if finding.kind is not faults.NO_PATH]

    def _check_rows(self, subject: Subject) -> Iterator[Finding]:
        yield from check_ledger(subject)
        yield from check_path_rows(subject)
        yield from check_paths(subject, self._seen)
        if not subject.waits_for(SCENES):
            yield from check_scenes(subject)
            yield from check_keyframes(subject)
        if not subject.waits_for(PICTURE):
            yield from check_vectors(subject)
        if subject.asset_id in self._orphans:
            yield orphans(subject.asset_id, self._orphans.pop(subject.asset_id), subject.name)

    def _check_kept(self, group: Sequence[Subject]) -> Iterator[Finding]:
        """The kept files of some assets, and the vectors of those in the sample."""
        ids = [subject.asset_id for subject in group]
        by_asset: dict[str, list[KeptFiles]] = {asset_id: [] for asset_id in ids}
        for kept in self._read(lambda c: checks.kept_files(c, self._owner, ids)):
            by_asset[kept.asset_id].append(kept)
        tree = self.tools.derived.tree(ids)
        judged: list[tuple[Subject, KeptFiles]] = []
        for subject in group:
            yield from check_folder(subject, by_asset[subject.asset_id], self.tools.derived, tree)
            if not subject.waits_for(SCENES):
                judged += [(subject, kept) for kept in by_asset[subject.asset_id]]
        wants = self._vectors.wants
        self._counts["kept_files"] += 2 * len(judged)
        rows = [kept for _, kept in judged]
        with looked_at(self.tools, self._inspectors, rows, wants, tree) as (looks, path_of):
            sound: list[tuple[Subject, KeptFiles]] = []
            for (subject, kept), look in zip(judged, looks, strict=True):
                yield from check_kept(subject, kept, look)
                if wants(kept) and look.frame.is_picture:
                    sound.append((subject, kept))
            yield from self._vectors.check(sound, path_of)

    def _confirmed(self, found: list[Finding], fingerprints: dict[str, str]) -> list[Finding]:
        """The findings about assets that nobody has touched since they were read."""
        ids = {finding.asset_id for finding in found if finding.asset_id is not None}
        if not ids:
            return found

        def touched(connection: Any) -> set[str]:
            keys = {claim_key(self._owner, asset_id): asset_id for asset_id in ids}
            now = checks.fingerprints(connection, self._owner, ids)
            changed = {asset_id for asset_id in ids if now.get(asset_id) != fingerprints[asset_id]}
            return changed | checks.claimed(connection, keys)

        busy = self._read(touched)
        self._counts["busy"] += len(busy)
        return [finding for finding in found if finding.asset_id not in busy]

    def _check_library(self) -> list[Finding]:
        # An asset whose path leads to another by mistake gets it back, and is not told as well.
        found = [finding for finding in self._pathless if finding.target not in self._originals.displaced]
        found += [orphans(gone, tables, f"asset {gone}") for gone, tables in self._orphans.items()]
        found += check_folders(self.tools, self._read)
        found += self._seen.check()
        found += self._read(lambda c: list(check_database(c, self.tools, self.model)))
        if self._inspectors.unloadable is not None:
            why = self._inspectors.unloadable
            found.append(Finding(kind=faults.MODEL_UNLOADABLE, where=self.model.name, detail=why))
        return causes_only(found)

    def _read(self, work: Any) -> Any:
        return self.tools.database.run(self._owner, work, read_only=True)


def _groups(subjects: Iterable[Subject]) -> Iterator[list[Subject]]:
    """Assets in groups of about PAGE_FRAMES kept frames."""
    group: list[Subject] = []
    frames = 0
    for subject in subjects:
        group.append(subject)
        frames += subject.stored("keyframes")
        if frames >= PAGE_FRAMES:
            yield group
            group, frames = [], 0
    if group:
        yield group


def _weighed(found: Sequence[Finding]) -> list[Finding]:
    """What counts, rows and the disk tell only together.

    A scene that nobody counted and that has no kept frame is one too many. Too few scenes without a gap
    between them, and files of lost frames: the last scene is missing.
    """
    kinds: dict[str | None, set[tuple[faults.FaultKind, str | None]]] = {}
    for finding in found:
        kinds.setdefault(finding.asset_id, set()).add((finding.kind, finding.stage))
    result = []
    for finding in found:
        own = kinds[finding.asset_id]
        if finding.kind is faults.SCENE_BARE and (faults.MORE_ROWS, SCENES.name) in own:
            places = frozenset({*finding.places, SCENE_ROWS})
            result.append(replace(finding, kind=faults.SCENE_SURPLUS, places=places))
        elif (
            finding.kind is faults.FEWER_ROWS
            and finding.stage == SCENES.name
            and (faults.FRAME_LOST, None) in own
            and (faults.SCENE_MISSING, None) not in own
        ):
            result.append(replace(finding, kind=faults.SCENE_MISSING, places=frozenset()))
        else:
            result.append(finding)
    return result
