"""`verify`: derive everything again from files and rows, name every fault and its mend. Changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from heimdex.entities import Fault, Verification
from heimdex.pipeline.inspection.faults import OTHER_WEIGHTS, Finding, as_fault, told
from heimdex.pipeline.inspection.inspectors import Inspectors
from heimdex.pipeline.inspection.whole import ALL, Inspection
from heimdex.pipeline.tools import Tools

FAULTS_LISTED = 10_000  # of a library in ruins; the rest is counted


def verify(tools: Tools, *, sample: int, check_stop: Callable[[], None] = lambda: None) -> Verification:
    """Check rows and derived files of the whole library; look closely at `sample` kept frames and assets.

    Closely means: the frame and its thumbnail are decoded and compared, the vectors computed again, the
    original's content and facts read again. 0 for none, -1 for all. Safe while others index: what they work
    on is counted as `busy` and left out. Raises StoreError, WorkersUnavailable.
    """
    listed: list[Fault] = []
    counts: Counter[str] = Counter()
    with Inspectors(tools) as inspectors:
        inspection = Inspection(tools, inspectors, sample=max(ALL, sample))
        for page in inspection.run():
            check_stop()
            findings = page
            if not inspection.model.model_id:  # not one asset's fault: nothing is indexed with this model
                findings = [finding for finding in page if finding.kind is not OTHER_WEIGHTS]
                counts["stale"] += len(page) - len(findings)
            named = [as_fault(finding) for finding in told(findings)]
            room = FAULTS_LISTED - len(listed)
            listed += named[:room]
            counts["faults_not_listed"] += len(named[room:])
        if counts["stale"]:
            where = f"{inspection.model.name} · {counts.pop('stale')} assets"
            listed.append(as_fault(Finding(kind=OTHER_WEIGHTS, where=where)))
    return Verification(checked=inspection.checked | dict(+counts), faults=tuple(listed))
