"""Verify and remove as jobs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from heimdex.errors import UsageError
from heimdex.jobs.kind import JobRun, Kind
from heimdex.jobs.paths import unpack

FAULTS_LISTED = 1000
SAMPLE = 64


def verify(run: JobRun) -> Mapping[str, Any]:
    """Name every fault of the library; it does not fail where there are some: `ok` says so."""
    from heimdex.pipeline.verify import verify as look

    found = look(run.tools, sample=int(run.arguments.get("sample", SAMPLE)), check_stop=run.check_stop)
    faults = [asdict(fault) for fault in found.faults[:FAULTS_LISTED]]
    return {"ok": not found.faults, "checked": found.checked, "faults": faults, "count": len(found.faults)}


def remove(run: JobRun) -> Mapping[str, Any]:
    """Take assets, files or folders out of the index; uploads among them are deleted."""
    from heimdex.pipeline.library import remove as take_out

    return {"removed": take_out(run.tools, [os.fsdecode(one) for one in unpack(run.arguments["targets"])])}


def check_removal(arguments: Mapping[str, Any]) -> None:
    """Raises UsageError."""
    if not unpack(arguments.get("targets")):
        raise UsageError("nothing to remove: give ids or paths")


VERIFY = Kind(name="verify", queue="index", work=verify, at_once=1)
REMOVE = Kind(name="remove", queue="interactive", work=remove, check=check_removal, at_once=1)
