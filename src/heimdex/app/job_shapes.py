"""Jobs as JSON: the same for the command line and the server."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from heimdex.entities import Job


def job(found: Job) -> dict[str, Any]:
    """One job."""
    progress = found.progress
    return {
        "job_id": found.job_id,
        "parent_id": found.parent_id,
        "kind": found.kind,
        "queue": found.queue,
        "priority": found.priority,
        "state": str(found.state),
        "asked_to": found.wish,
        "progress": {
            "done": progress.done,
            "total": progress.total,
            "current": progress.current or None,
            "eta": progress.eta_s,
        },
        "arguments": dict(found.arguments),
        "result": None if found.result is None else dict(found.result),
        "error": found.error,
        "attempts": found.attempts,
        "failures": found.failures,
        "worker": None if found.worker is None else found.worker.rpartition("/")[0],
        "not_before": _iso(found.not_before),
        "created_at": _iso(found.created_at),
        "started_at": _iso(found.started_at),
        "finished_at": _iso(found.finished_at),
    }


def jobs(found: Iterable[Job]) -> dict[str, Any]:
    """A list of jobs, without what they were given and what they gave."""
    return {
        "jobs": [{k: v for k, v in job(one).items() if k not in ("arguments", "result")} for one in found]
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
