"""`verify`: derive everything again from files and rows, name every fault and its mend. Changes nothing."""

from __future__ import annotations

from heimdex.entities import Fault, Verification
from heimdex.pipeline.inspection.faults import as_fault, told
from heimdex.pipeline.inspection.inspectors import Inspectors
from heimdex.pipeline.inspection.whole import ALL, Inspection
from heimdex.pipeline.tools import Tools

FAULTS_LISTED = 10_000  # of a library in ruins; the rest is counted


def verify(tools: Tools, *, sample: int) -> Verification:
    """Check rows and derived files of the whole library; look closely at `sample` kept frames and assets.

    Closely means: the frame and its thumbnail are decoded and compared, the vectors computed again, the
    original's content and facts read again. 0 for none, -1 for all. Safe while others index: what they work
    on is counted as `busy` and left out. Raises StoreError, WorkersUnavailable.
    """
    listed: list[Fault] = []
    unlisted = 0
    with Inspectors(tools) as inspectors:
        inspection = Inspection(tools, inspectors, sample=max(ALL, sample))
        for findings in inspection.run():
            named = [as_fault(finding) for finding in told(findings)]
            room = FAULTS_LISTED - len(listed)
            listed += named[:room]
            unlisted += len(named[room:])
    checked = inspection.checked
    if unlisted:
        checked["faults_not_listed"] = unlisted
    return Verification(checked=checked, faults=tuple(listed))
