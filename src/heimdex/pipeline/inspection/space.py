"""One model's vectors looked at as `verify` does, before searches are given to them: nothing else is judged.

Every row: its length, its norm, its checksum, its record, and that the ledger counts what is there. Of a
sample of kept frames the vectors are computed again.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from heimdex.entities import DerivedFile, Fault
from heimdex.pipeline.flow import PICTURE
from heimdex.pipeline.inspection import faults
from heimdex.pipeline.inspection.faults import Finding, as_fault, told
from heimdex.pipeline.inspection.inspectors import Inspectors
from heimdex.pipeline.inspection.ledger import check_ledger
from heimdex.pipeline.inspection.rows import check_vectors
from heimdex.pipeline.inspection.subject import Model, Subject
from heimdex.pipeline.inspection.vectors import Vectors
from heimdex.pipeline.inspection.whole import PAGE_ASSETS
from heimdex.pipeline.ledger import claim_key
from heimdex.pipeline.tools import Tools
from heimdex.store import checks
from heimdex.store.checked import Page
from heimdex.store.vectors import StoredModel

_UNDER_WAY = (faults.NO_ENTRY, faults.OTHER_WEIGHTS, faults.PENDING, faults.STALE_RUNNING)
"""What is still to be made is counted by whoever asks; here it is only looked at what is there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SpaceCheck:
    """What was found: how much was looked at, and every fault."""

    assets: int
    frames_encoded_again: int
    faults: tuple[Fault, ...]


def check_space(
    tools: Tools, model: StoredModel, *, sample: int, on_page: Callable[[], None] = lambda: None
) -> SpaceCheck:
    """Look at all vectors of `tools.model`, closely at those of `sample` kept frames.

    Assets that somebody works on are left out. Raises StoreError, WorkersUnavailable.
    """
    with Inspectors(tools) as inspectors:
        inspection = _Inspection(tools, model, inspectors, sample)
        found: list[Finding] = []
        for page in inspection.pages():
            found += page
            on_page()
        if inspectors.unloadable is not None:
            where, why = tools.model.row.name, inspectors.unloadable
            found.append(Finding(kind=faults.MODEL_UNLOADABLE, where=where, detail=why))
    return SpaceCheck(
        assets=inspection.assets,
        frames_encoded_again=inspection.vectors.counts["frames_encoded_again"],
        faults=tuple(_in_words(finding, tools.model.row.name) for finding in told(found)),
    )


class _Inspection:
    def __init__(self, tools: Tools, model: StoredModel, inspectors: Inspectors, sample: int) -> None:
        self.assets = 0
        self._owner = tools.owner
        self._database = tools.database
        self._derived = tools.derived
        self._model = Model(model_id=model.model_id, name=model.name)
        self.vectors = Vectors(tools, inspectors, self._read)
        self.vectors.sample = self._read(
            lambda c: checks.draw_keyframes(c, self._owner, secrets.token_hex(8), sample)
        )

    def pages(self) -> Iterator[list[Finding]]:
        """The findings, page by page."""
        last: str | None = self._read(lambda c: checks.last_asset(c, self._owner))
        after: str | None = None
        while last is not None:
            page = self._read(partial(self._next, after=after, last=last))
            if page is None:
                return
            after = page.assets[-1].asset_id
            yield self._settled(page, self._check(page))

    def _next(self, connection: Any, after: str | None, last: str) -> Page | None:
        key = partial(claim_key, self._owner)
        return checks.read_page(connection, self._owner, after, last, limit=PAGE_ASSETS, claim_key=key)

    def _check(self, page: Page) -> list[Finding]:
        free = [a for a in page.assets if not a.fresh and a.asset_id not in page.claimed]
        subjects = {asset.asset_id: Subject(page, asset, self._model) for asset in free}
        self.assets += len(subjects)
        found = [
            finding
            for subject in subjects.values()
            for check in (check_ledger, check_vectors)
            for finding in check(subject)
        ]
        kept = self._read(lambda c: checks.kept_files(c, self._owner, list(subjects)))
        drawn = [(subjects[frame.asset_id], frame) for frame in kept if self.vectors.wants(frame)]
        self._derived.at_hand(
            [
                DerivedFile(key=frame.frame_key, sha256=frame.frame_sha256, size_bytes=frame.frame_bytes)
                for _, frame in drawn
            ]
        )
        found += self.vectors.check(drawn, self._derived.path)
        return [finding for finding in found if self._is_ours(finding)]

    def _is_ours(self, finding: Finding) -> bool:
        of_model = finding.model_id == self._model.model_id
        return of_model and finding.stage in (None, PICTURE.name) and finding.kind not in _UNDER_WAY

    def _settled(self, page: Page, found: Sequence[Finding]) -> list[Finding]:
        """The findings about assets that nobody has touched since they were read."""
        ids = {finding.asset_id for finding in found if finding.asset_id is not None}
        if not ids:
            return list(found)
        keys = {claim_key(self._owner, asset_id): asset_id for asset_id in ids}

        def touched(connection: Any) -> set[str]:
            now = checks.fingerprints(connection, self._owner, ids)
            changed = {asset_id for asset_id in ids if now.get(asset_id) != page.fingerprints[asset_id]}
            return changed | checks.claimed(connection, keys)

        busy = self._read(touched)
        return [finding for finding in found if finding.asset_id not in busy]

    def _read(self, work: Callable[[Any], Any]) -> Any:
        return self._database.run(self._owner, work, read_only=True)


def _in_words(finding: Finding, name: str) -> Fault:
    """The mending is another than that of the model in use, which an index run would do."""
    fault = as_fault(finding)
    if finding.asset_id is None:
        return fault
    return replace(fault, mend=f"`heimdex backfill --model {name} --force --asset {finding.asset_id}`")
