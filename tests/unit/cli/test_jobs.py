"""Work that a command does itself although it stands in the queue."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from heimdex.cli import jobs
from heimdex.entities import JobState


def test_it_is_worked_on_until_the_job_has_ended_also_where_parts_are_due_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    states = iter([JobState.RUNNING, JobState.RUNNING, JobState.DONE])
    worked: list[object] = []
    monkeypatch.setattr(jobs, "work_here", worked.append)

    def wait(job_id: str, *, timeout_s: float) -> Any:
        assert (job_id, timeout_s) == ("a", jobs.LOOK_AGAIN_S)
        return SimpleNamespace(job_id=job_id, state=next(states))

    library = SimpleNamespace(jobs=SimpleNamespace(wait=wait))
    ended = jobs.work_out(library, SimpleNamespace(job_id="a"))  # type: ignore[arg-type]
    assert ended.state == JobState.DONE
    assert worked == [library] * 3


def test_a_job_that_somebody_paused_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "work_here", lambda _: None)
    paused = SimpleNamespace(job_id="a", state=JobState.PAUSED)
    library = SimpleNamespace(jobs=SimpleNamespace(wait=lambda *_, **__: paused))
    assert jobs.work_out(library, paused) is paused  # type: ignore[comparison-overlap, arg-type]
