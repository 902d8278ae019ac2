"""Jobs on the real queue: entered, run, tried again, parked, paused, cancelled, taken over."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from heimdex.entities import JobState, NewJob
from heimdex.errors import NotFound, StoreError, UsageError
from heimdex.jobs.kind import JobRun, Registry
from heimdex.store import jobs as rows
from heimdex.store.database import Database
from heimdex.store.jobs import JobFilter
from tests.worker_kit import PATIENCE_S, QUICK, Bench


@pytest.fixture
def bench(database: Database, owner: str) -> Bench:
    return Bench(database=database, owner=owner)


def nothing(run: JobRun) -> None:
    """A kind that has nothing to do."""


class Gate:
    """Work that says when it has begun and goes on until it is stopped or let through."""

    def __init__(self) -> None:
        self.begun, self.open = threading.Event(), threading.Event()

    def __call__(self, run: JobRun) -> Mapping[str, Any]:
        self.begun.set()
        while not self.open.wait(0.01):
            run.progress(1, 2)
        return {"through": True}


def tickets(bench: Bench) -> int:
    return sum(n for _, _, n in bench.database.run(bench.owner, rows.queue_depth))


def test_a_job_is_done_and_gives_its_result(bench: Bench) -> None:
    bench.kind("add", lambda run: {"sum": run.arguments["a"] + run.arguments["b"]})
    job = bench.board().enqueue("add", {"a": 2, "b": 3})
    assert job.state == JobState.WAITING
    assert bench.work()
    found = bench.board().get(job.job_id)
    assert (found.state, found.result, found.attempts) == (JobState.DONE, {"sum": 5}, 1)
    assert found.finished_at is not None
    assert tickets(bench) == 0


def test_a_transaction_that_is_rolled_back_leaves_neither_row_nor_ticket(bench: Bench) -> None:
    bench.kind("note", nothing)

    def enter(connection: Any) -> None:
        bench.board().enqueue_in(connection, NewJob(kind="note"))
        assert len(rows.find_some(connection, bench.owner, JobFilter())) == 1
        raise StoreError("no")

    with pytest.raises(StoreError, match="no"):
        bench.database.run(bench.owner, enter)
    assert bench.board().list() == []
    assert tickets(bench) == 0


def test_what_fails_is_tried_again_later(bench: Bench) -> None:
    def fail_twice(run: JobRun) -> Mapping[str, Any]:
        if run.job.attempts < 3:
            raise StoreError(f"failure {run.job.attempts}")
        return {}

    bench.kind("flaky", fail_twice)
    job = bench.board().enqueue("flaky")
    with bench.working():
        found = bench.wait(job)
    assert (found.state, found.attempts, found.error, found.failures) == (JobState.DONE, 3, None, 0)


def test_the_pause_before_another_try_grows(bench: Bench) -> None:
    def fail(run: JobRun) -> None:
        raise StoreError("still not")

    bench.kind("flaky", fail)
    slow = replace(QUICK, running=replace(QUICK.running, first_pause_s=100.0, longest_pause_s=300.0))
    job = bench.board().enqueue("flaky")
    pauses = []
    for _ in range(3):
        now = datetime.now(UTC)
        bench.work(slow)
        found = bench.board().get(job.job_id)
        assert found.state == JobState.WAITING
        assert found.error == "still not"
        assert found.not_before is not None
        pauses.append((found.not_before - now).total_seconds())
        bench.board().cancel(job.job_id)
        job = again(bench, job.job_id, failures=found.failures)
    assert [round(pause / 100, 1) for pause in pauses] == [
        pytest.approx(wanted, rel=0.3) for wanted in (1, 2, 3)
    ]


def again(bench: Bench, job_id: str, *, failures: int) -> Any:
    """Have a job run now that failed so often."""
    board = bench.board()
    board.retry(job_id)

    def set_failures(connection: Any) -> None:
        rows.write(
            connection, bench.owner, replace(rows.lock(connection, bench.owner, job_id), failures=failures)
        )

    bench.database.run(bench.owner, set_failures)
    return board.get(job_id)


def test_what_fails_every_time_is_parked_with_its_error_and_can_be_tried_again(bench: Bench) -> None:
    broken = [True]

    def fail(run: JobRun) -> Mapping[str, Any]:
        if broken:
            raise ValueError("this again")
        return {}

    bench.kind("poison", fail, most_failures=3)
    job = bench.board().enqueue("poison")
    with bench.working():
        found = bench.wait(job)
        assert (found.state, found.error, found.attempts) == (JobState.PARKED, "this again", 3)
        broken.clear()
        bench.board().retry(job.job_id)
        assert bench.wait(job).state == JobState.DONE


def test_what_makes_no_sense_fails_at_once(bench: Bench) -> None:
    def refuse(run: JobRun) -> None:
        raise NotFound("there is no such thing")

    bench.kind("ask", refuse)
    job = bench.board().enqueue("ask")
    bench.work()
    found = bench.board().get(job.job_id)
    assert (found.state, found.attempts, found.error) == (JobState.FAILED, 1, "there is no such thing")


def test_higher_priority_and_the_quicker_queue_go_first(bench: Bench) -> None:
    bench.kind("note", nothing)
    board = bench.board()
    board.enqueue("note", {"mark": "low"}, priority=-5)
    board.enqueue("note", {"mark": "much later"}, queue="backfill", priority=300)
    board.enqueue("note", {"mark": "middle"})
    raised = board.enqueue("note", {"mark": "raised"}, priority=-9)
    board.enqueue("note", {"mark": "at once"}, queue="interactive")
    board.prioritise(raised.job_id, 9)
    bench.work()
    assert bench.did == ["at once", "raised", "middle", "low", "much later"]


def test_a_worker_takes_only_jobs_of_its_queues(bench: Bench) -> None:
    bench.kind("note", nothing)
    bench.board().enqueue("note", {"mark": "a"}, queue="backfill")
    bench.board().enqueue("note", {"mark": "b"}, queue="index")
    bench.work(replace(QUICK, queues=("index", "interactive")))
    assert bench.did == ["b"]


def test_a_running_job_is_cancelled(bench: Bench) -> None:
    gate = Gate()
    bench.kind("long", gate)
    job = bench.board().enqueue("long")
    with bench.working():
        assert gate.begun.wait(PATIENCE_S)
        bench.board().cancel(job.job_id)
        found = bench.wait(job)
    assert (found.state, found.result) == (JobState.CANCELLED, None)
    assert tickets(bench) == 0


def test_a_waiting_job_that_is_cancelled_never_runs(bench: Bench) -> None:
    bench.kind("note", nothing)
    job = bench.board().enqueue("note")
    assert bench.board().cancel(job.job_id).state == JobState.CANCELLED
    bench.work()
    assert bench.did == []


def test_a_running_job_is_paused_and_goes_on(bench: Bench) -> None:
    gate = Gate()
    bench.kind("long", gate)
    job = bench.board().enqueue("long")
    with bench.working():
        assert gate.begun.wait(PATIENCE_S)
        bench.board().pause(job.job_id)
        found = bench.wait(job)
        assert found.state == JobState.PAUSED
        assert found.progress.done == 1
        gate.open.set()
        bench.board().resume(job.job_id)
        assert bench.wait(job).state == JobState.DONE
    assert bench.did == ["long", "long"]


def test_a_paused_job_is_not_taken(bench: Bench) -> None:
    bench.kind("note", nothing)
    job = bench.board().enqueue("note")
    bench.board().pause(job.job_id)
    bench.work()
    assert bench.did == []
    with pytest.raises(UsageError, match="did not fail"):
        bench.board().retry(job.job_id)
    bench.board().resume(job.job_id)
    bench.work()
    assert bench.did == ["note"]


def test_a_worker_that_is_told_to_stop_hands_its_job_back_without_counting_a_failure(bench: Bench) -> None:
    gate = Gate()
    bench.kind("long", gate)
    job = bench.board().enqueue("long")
    with bench.working() as stop:
        assert gate.begun.wait(PATIENCE_S)
        stop.set()
    found = bench.board().get(job.job_id)
    assert (found.state, found.failures, found.error) == (JobState.WAITING, 0, None)
    gate.open.set()
    bench.work()
    assert bench.board().get(job.job_id).state == JobState.DONE


def test_a_job_that_does_not_listen_is_handed_back_and_can_write_nothing(bench: Bench) -> None:
    begun, go = threading.Event(), threading.Event()

    def deaf(run: JobRun) -> Mapping[str, Any]:
        if run.job.attempts == 1:
            begun.set()
            go.wait()
        return {"attempt": run.job.attempts}

    bench.kind("deaf", deaf)
    job = bench.board().enqueue("deaf")
    with bench.working(replace(QUICK, grace_s=0.3)) as stop:
        assert begun.wait(PATIENCE_S)
        stop.set()
    assert bench.board().get(job.job_id).state == JobState.WAITING
    bench.work()
    go.set()
    bench.work()
    found = bench.board().get(job.job_id)
    assert (found.state, found.result) == (JobState.DONE, {"attempt": 2})


def test_parts_run_and_their_whole_concludes(bench: Bench) -> None:
    def split(run: JobRun) -> None:
        run.split(NewJob(kind="part", arguments={"n": n, "mark": n}) for n in range(5))

    bench.kind("whole", split, conclude=lambda run: {"sum": sum(r["n"] for r in run.results())})
    bench.kind("part", lambda run: {"n": run.arguments["n"]})
    job = bench.board().enqueue("whole")
    bench.work()
    found = bench.board().get(job.job_id)
    assert (found.state, found.result) == (JobState.DONE, {"sum": 10})
    assert bench.did == ["whole", 0, 1, 2, 3, 4]
    assert [part.parent_id for part in bench.board().list(JobFilter(parent_id=job.job_id))] == 5 * [
        job.job_id
    ]
    assert [one.job_id for one in bench.board().list()] == [job.job_id]


def test_a_part_that_fails_fails_its_whole_and_both_can_be_tried_again(bench: Bench) -> None:
    broken = [True]

    def part(run: JobRun) -> None:
        if broken and run.arguments["mark"] == 1:
            raise UsageError("not this one")

    def split(run: JobRun) -> None:
        run.split(NewJob(kind="part", arguments={"mark": n}) for n in range(3))

    bench.kind("whole", split, conclude=lambda run: {"concluded": True})
    bench.kind("part", part)
    job = bench.board().enqueue("whole")
    bench.work()
    found = bench.board().get(job.job_id)
    assert found.state == JobState.FAILED
    assert found.error is not None
    assert found.error.startswith("1 of 3 parts")
    broken.clear()
    bench.did.clear()
    bench.board().retry(job.job_id)
    bench.work()
    assert bench.board().get(job.job_id).state == JobState.DONE
    assert bench.did == [1]


def test_cancelling_a_whole_cancels_its_parts(bench: Bench) -> None:
    gate = Gate()

    def split(run: JobRun) -> None:
        run.split(NewJob(kind="part", arguments={"mark": n}) for n in range(3))

    bench.kind("whole", split, conclude=lambda run: {})
    bench.kind("part", gate)
    job = bench.board().enqueue("whole")
    with bench.working():
        assert gate.begun.wait(PATIENCE_S)
        assert bench.board().cancel(job.job_id).state == JobState.CANCELLED
        parts = [bench.wait(part) for part in bench.board().list(JobFilter(parent_id=job.job_id))]
    assert {part.state for part in parts} == {JobState.CANCELLED}
    assert bench.did == ["whole", 0]


def test_a_paused_whole_concludes_when_it_is_resumed(bench: Bench) -> None:
    def split(run: JobRun) -> None:
        run.split([NewJob(kind="part", arguments={"mark": 0}), NewJob(kind="part", arguments={"mark": 1})])

    bench.kind("whole", split, conclude=lambda run: {"concluded": True})
    gate = Gate()
    bench.kind("part", gate)
    job = bench.board().enqueue("whole")
    with bench.working():
        assert gate.begun.wait(PATIENCE_S)
        assert bench.board().pause(job.job_id).state == JobState.PAUSED
        for part in bench.board().list(JobFilter(parent_id=job.job_id)):
            assert bench.wait(part).state == JobState.PAUSED
        gate.open.set()
        bench.board().resume(job.job_id)
        found = bench.wait(job)
    assert (found.state, found.result) == (JobState.DONE, {"concluded": True})


def test_no_more_of_a_kind_run_at_once_than_it_allows(bench: Bench) -> None:
    guard, now, most = threading.Lock(), [0], [0]

    def count(run: JobRun) -> None:
        with guard:
            now[0] += 1
            most[0] = max(most[0], now[0])
        run.stop.wait(0.1)
        with guard:
            now[0] -= 1

    bench.registry = Registry(limits={"limited": 1})
    bench.kind("limited", count)
    jobs = [bench.board().enqueue("limited") for _ in range(3)]
    with bench.working(replace(QUICK, concurrency=3)):
        assert {bench.wait(job).state for job in jobs} == {JobState.DONE}
    assert most == [1]


def test_an_owner_sees_and_touches_only_jobs_of_his_own(bench: Bench) -> None:
    bench.kind("note", nothing)
    job = bench.board().enqueue("note")
    other = bench.board(str(uuid.uuid4()))
    assert other.list() == []
    for touch in (other.get, other.cancel, other.pause, other.resume, other.retry):
        with pytest.raises(NotFound):
            touch(job.job_id)
    assert bench.board().get(job.job_id).state == JobState.WAITING


def test_a_job_for_later_waits_for_its_time(bench: Bench) -> None:
    bench.kind("note", nothing)
    job = bench.board().enqueue("note", not_before=datetime.now(UTC) + timedelta(hours=1))
    bench.work()
    assert bench.did == []
    assert bench.board().get(job.job_id).state == JobState.WAITING


def test_what_cannot_be_entered_is_refused(bench: Bench) -> None:
    bench.kind("note", nothing)
    with pytest.raises(UsageError, match="there are: note"):
        bench.board().enqueue("nonsense")
    with pytest.raises(UsageError, match="priority"):
        bench.board().enqueue("note", priority=5000)
    with pytest.raises(UsageError, match="queue"):
        bench.board().enqueue("note", queue="nowhere")
