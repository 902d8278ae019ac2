"""Mending what `verify` finds.

What can be put right by rows alone is put right here. Whatever has to be made again is only put back to
pending: the index run that follows makes it, and is therefore given the files of all mended assets, wherever
they lie. An asset whose file is away stays pending until it is back.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from heimdex.entities import FileStamp
from heimdex.pipeline.flow import PICTURE, SCENES
from heimdex.pipeline.inspection.faults import OTHER_WEIGHTS, Finding, Mend, told
from heimdex.pipeline.inspection.inspectors import Inspectors
from heimdex.pipeline.inspection.whole import ALL, Inspection
from heimdex.pipeline.ledger import claim_key
from heimdex.pipeline.tools import Tools
from heimdex.store import assets, mends

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Mended:
    """What a repair leaves to the index run: the files to look at. `faults` were found."""

    roots: tuple[bytes, ...]
    faults: int


def repair(tools: Tools) -> Mended:
    """Look at everything closely and mend it. Assets that somebody works on are left to him.

    Raises StoreError, WorkersUnavailable.
    """
    roots: dict[bytes, None] = {}
    faults = 0
    claims = tools.database.claims()
    try:
        with Inspectors(tools) as inspectors:
            inspection = Inspection(tools, inspectors, sample=ALL)
            for findings in inspection.run():
                faults += len(told(findings))
                for asset_id, own in _by_asset(findings).items():
                    key = None if asset_id is None else claim_key(tools.owner, asset_id)
                    if key is not None and not claims.try_claim(key):
                        continue
                    try:
                        roots |= dict.fromkeys(_Repair(tools, inspection.model.model_id, asset_id).mend(own))
                    finally:
                        if key is not None:
                            claims.release(key)
    finally:
        claims.close()
    log.info("%d faults found, %d files to look at again", faults, len(roots))
    return Mended(roots=tuple(roots), faults=faults)


def _by_asset(findings: Iterable[Finding]) -> dict[str | None, list[Finding]]:
    found: dict[str | None, list[Finding]] = {}
    for finding in findings:
        log.info("%s: %s", finding.kind.what, finding.where)
        found.setdefault(finding.asset_id, []).append(finding)
        if finding.kind.mend is Mend.RUN and isinstance(finding.target, str):
            found.setdefault(finding.target, []).append(finding)  # the other of two swapped
    return found


class _Repair:
    """The mending of one asset, or of what belongs to none."""

    def __init__(self, tools: Tools, model_id: int, asset_id: str | None) -> None:
        self.tools = tools
        self.owner = tools.owner
        self.model_id = model_id
        self.asset_id = asset_id or ""

    def mend(self, findings: Iterable[Finding]) -> list[bytes]:
        """Mend; the asset's files that the index run has to look at."""
        wanted = list(findings)
        self.tools.database.run(self.owner, lambda c: self._write(c, wanted))
        for finding in wanted:
            if finding.kind.mend is Mend.SWEEP:
                self.tools.derived.sweep(finding.target)
            elif finding.kind.mend is Mend.DROP_ASSET:
                self.tools.derived.remove_asset(self.asset_id)
        if not self.asset_id:
            return []
        paths = self.tools.database.run(
            self.owner, lambda c: assets.paths_of(c, self.owner, self.asset_id), read_only=True
        )
        stamp = self.tools.originals.stamp
        return [path.path_bytes for path in paths if stamp(path.path_bytes) is not None]

    def _write(self, connection: Any, findings: list[Finding]) -> None:
        writers = {
            Mend.RUN: self._run_stage,
            Mend.DROP_ENTRY: self._drop_entry,
            Mend.DROP_VECTORS: self._drop_vectors,
            Mend.DROP_ASSET: self._drop_asset,
            Mend.DROP_ORPHANS: self._drop_orphans,
            Mend.ADOPT: self._adopt,
            Mend.READ_AGAIN: self._read_again,
            Mend.SETTLE: self._settle,
            Mend.MISS: self._miss,
            Mend.PROBE: self._write_facts,
            Mend.REFRESH: self._refresh,
            Mend.RESTATE: self._restate,
        }
        # What is derived from other rows comes after those.
        for finding in sorted(findings, key=lambda finding: finding.kind.mend is Mend.REFRESH):
            write = writers.get(finding.kind.mend)
            if write is not None:
                write(connection, finding)

    def _run_stage(self, connection: Any, finding: Finding) -> None:
        # A stage replaces what stands under its own asset, and takes along what stands with its rows.
        mends.delete_astray_vectors(connection, self.owner, self.asset_id)
        if finding.kind is OTHER_WEIGHTS:
            mends.delete_empty_runs(connection, self.owner, self.asset_id, self.model_id)
        self._run_again(connection, finding.stage or finding.kind.stage or "", finding.model_id)

    def _drop_entry(self, connection: Any, finding: Finding) -> None:
        mends.delete_run(connection, self.owner, self.asset_id, finding.stage or "", finding.model_id)

    def _drop_vectors(self, connection: Any, finding: Finding) -> None:
        mends.delete_vectors(connection, self.owner, self.asset_id, finding.model_id)

    def _drop_asset(self, connection: Any, _: Finding) -> None:
        assets.delete_assets(connection, self.owner, [self.asset_id])

    def _drop_orphans(self, connection: Any, _: Finding) -> None:
        mends.delete_orphans(connection, self.owner)
        self._run_again(connection, SCENES.name, 0)

    def _adopt(self, connection: Any, _: Finding) -> None:
        mends.adopt_keyframes(connection, self.owner, self.asset_id)

    def _read_again(self, connection: Any, finding: Finding) -> None:
        mends.unsettle_path(connection, self.owner, finding.target)

    def _restate(self, connection: Any, finding: Finding) -> None:
        mends.restate_space(connection, *finding.target)

    def _settle(self, connection: Any, finding: Finding) -> None:
        mends.settle(connection, self.owner, self.asset_id, finding.target)

    def _miss(self, connection: Any, finding: Finding) -> None:
        assets.mark_missing(connection, self.owner, [finding.target], [self.asset_id])

    def _refresh(self, connection: Any, finding: Finding) -> None:
        if finding.target is not None:
            stamp = finding.target.stamp
            mends.settle_path_text(connection, self.owner, stamp.path, stamp.text)
            if self.tools.originals.stamp(stamp.path) is None:  # the bytes were wrong, not the text
                assets.mark_missing(connection, self.owner, [stamp.path], [self.asset_id])
        assets.refresh(connection, self.owner, [self.asset_id])

    def _write_facts(self, connection: Any, finding: Finding) -> None:
        if finding.target is None:  # they cannot be read any more: let the index run say why
            mends.unsettle_paths(connection, self.owner, self.asset_id)
            return
        path, facts = finding.target
        stamp = self.tools.originals.stamp(path) or FileStamp(path=path, size_bytes=0, modified_ns=0)
        assets.update_facts(connection, self.owner, self.asset_id, facts, stamp)
        self._run_again(connection, SCENES.name, 0)

    def _run_again(self, connection: Any, stage: str, model_id: int) -> None:
        """Put a stage back to pending. A model that is not in use has no run to come: its rows go."""
        if stage == PICTURE.name and model_id != self.model_id:
            mends.delete_run(connection, self.owner, self.asset_id, stage, model_id)
            mends.delete_vectors(connection, self.owner, self.asset_id, model_id)
            return
        mends.pend_run(connection, self.owner, self.asset_id, stage, model_id)
