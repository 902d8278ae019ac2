"""Originals read again: their content, and what they say about themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from heimdex.entities import Asset, Facts
from heimdex.pipeline.inspection import faults
from heimdex.pipeline.inspection.faults import Finding
from heimdex.pipeline.inspection.inspectors import Inspectors
from heimdex.pipeline.inspection.jobs import Original
from heimdex.pipeline.inspection.seen import Seen
from heimdex.pipeline.inspection.subject import Read, Subject
from heimdex.pipeline.tools import Tools
from heimdex.store import assets
from heimdex.store.checked import CheckedPath

HASHED_BYTES = 8 << 30
"""Originals whose content is read again for a sample, in all: 64 long films would be a terabyte."""

_SUSPICIOUS = (
    faults.OTHER_CONTENT,
    faults.WRONGLY_EMPTY,
    faults.SCENE_IMPOSSIBLE,
    faults.SCENE_SURPLUS,
    faults.SIZE,
)
"""What would follow from an asset whose content or kind on record is wrong."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Task:
    subject: Subject
    path: CheckedPath
    hashed: bool


class Originals:
    """The files of the assets in `sample` (None: of all), and of whatever is suspicious."""

    def __init__(self, tools: Tools, inspectors: Inspectors, read: Read, seen: Seen) -> None:
        self.tools = tools
        self._seen = seen
        self.inspectors = inspectors
        self.sample: frozenset[str] | None = None
        self.counts: Counter[str] = Counter()
        self.displaced: set[str] = set()  # hashes of contents that were met under other assets
        self._read = read
        self._hash_bytes = HASHED_BYTES

    def check(self, subjects: Sequence[Subject], found: Sequence[Finding]) -> Iterator[Finding]:
        """Compare files with the assets they lead to; `found` is what is known of these already."""
        suspects = {finding.asset_id for finding in found if finding.kind in _SUSPICIOUS}
        tasks = [task for subject in subjects for task in self._tasks(subject, subject.asset_id in suspects)]
        ids = sorted({task.subject.asset_id for task in tasks})
        rows = self._read(lambda c: assets.get_assets(c, self.tools.owner, ids)) if ids else []
        known = {asset.asset_id: asset for asset in rows}
        originals = self.inspectors.read_originals([(task.path.stamp.path, task.hashed) for task in tasks])
        for task, original in zip(tasks, originals, strict=True):
            self.counts["originals_read_again"] += not original.unreadable
            if task.subject.asset_id in known:
                yield from self._compare(task, original, known[task.subject.asset_id])

    def _tasks(self, subject: Subject, suspect: bool) -> Iterator[_Task]:
        """The paths to read: those whose file is as it was when it was indexed."""
        sampled = self.sample is None or subject.asset_id in self.sample
        for path in subject.paths:
            odd = suspect or path.stamp.size_bytes != subject.asset.size_bytes
            wanted = path.state == "present" and (sampled or odd)
            if wanted and self._seen.stamp(path.stamp.path) == path.stamp:
                hashed = odd or self._may_hash(path.stamp.size_bytes)
                if not hashed and self.tools.originals.is_far(path.stamp.path):
                    continue  # to fetch it would cost as much as to read it
                yield _Task(subject=subject, path=path, hashed=hashed)

    def _compare(self, task: _Task, original: Original, known: Asset) -> Iterator[Finding]:
        name, path = task.path.stamp.text, task.path.stamp.path
        if original.content_hash not in (None, known.content_hash):
            self.displaced.add(original.content_hash or "")
            yield task.subject.found(faults.CONTENT, group="content", detail=name, target=path)
        elif original.error is not None:
            yield task.subject.found(faults.FACTS, f"they cannot be read any more: {original.error}")
        elif original.facts is not None:
            now, before = original.facts, known.facts
            wrong = [p.name for p in fields(Facts) if _differ(getattr(now, p.name), getattr(before, p.name))]
            if wrong:
                target = (path, now)
                yield task.subject.found(faults.FACTS, ", ".join(wrong), *wrong, group="facts", target=target)

    def _may_hash(self, size_bytes: int) -> bool:
        if self.sample is None:
            return True
        allowed = size_bytes <= self._hash_bytes
        self._hash_bytes -= size_bytes if allowed else 0
        return allowed


def _differ(now: object, before: object) -> bool:
    if isinstance(now, float) and isinstance(before, float):
        return not abs(now - before) <= 1e-5 * max(1.0, abs(now))  # the database holds some as real
    if isinstance(now, str):  # and text without NUL
        now = now.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()
    return now != before
