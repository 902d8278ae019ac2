from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from heimdex.errors import (
    DamagedFile,
    ModelUnavailable,
    WorkerCrashed,
    WorkerMemory,
    WorkersUnavailable,
    WorkerTimeout,
)
from heimdex.pipeline import worker as worker_module
from heimdex.pipeline.worker import SAID_LIMIT_BYTES
from heimdex.pipeline.workers import Warmth, WorkerPool

JOBS = "tests.unit.pipeline.jobs"
LONG_S = 600.0  # no test may take as long: what waits for it hangs, and pytest's own limit says so
MIB = 1 << 20


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    made = WorkerPool(1, memory_limit_bytes=0)
    yield made
    made.close()


def call(pool: WorkerPool, job: str, *args: object, timeout_s: float = 60.0) -> object:
    return pool.call(f"{JOBS}:{job}", *args, timeout_s=timeout_s)


def is_running(pid: int) -> bool:
    """Whether the process lives; a zombie does not."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def wait_until_gone(pid: int, patience_s: float = 30.0) -> bool:
    deadline = time.monotonic() + patience_s
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_running(pid)


def test_a_call_gives_the_functions_result(pool: WorkerPool) -> None:
    assert call(pool, "double", 21) == 42


def test_a_worker_knows_no_secrets(pool: WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {"HEIMDEX_HOME": "/home", "LANG": "C.UTF-8", "MONKEYS": "two"}
    secret = dict.fromkeys(
        (
            "HEIMDEX_DATABASE_URL",
            "HEIMDEX_S3_SECRET",
            "AWS_SESSION_TOKEN",
            "PGPASSWORD",
            "HF_TOKEN",
            "openai_api_key",
        ),
        "secret",
    )
    for name, value in (kept | secret).items():
        monkeypatch.setenv(name, value)
    told = call(pool, "surroundings")
    assert isinstance(told, dict)
    assert {name: told[name] for name in kept} == kept
    assert "secret" not in told.values()


def test_a_result_of_many_megabytes_arrives_whole(pool: WorkerPool) -> None:
    assert call(pool, "large", 24) == b"y" * (24 * MIB)


def test_the_same_process_takes_one_item_after_the_other_and_stays_warm(pool: WorkerPool) -> None:
    assert [call(pool, "count") for _ in range(3)] == [1, 2, 3]


def test_an_error_of_ours_passes_through_with_its_type_and_its_words(pool: WorkerPool) -> None:
    with pytest.raises(DamagedFile, match=r"^cut short at byte 7$"):
        call(pool, "refuse", "cut short at byte 7")
    assert call(pool, "count") == 1, "the process goes on"


def test_an_exception_nobody_expected_is_named_and_the_process_goes_on(pool: WorkerPool) -> None:
    before = call(pool, "pid")
    with pytest.raises(WorkerCrashed, match=r"^unexpected ZeroDivisionError: one over nothing$"):
        call(pool, "stumble")
    assert call(pool, "pid") == before


def test_an_item_that_sleeps_too_long_is_a_timeout_in_so_many_words(pool: WorkerPool) -> None:
    with pytest.raises(WorkerTimeout, match=r"^Timeout after 0\.5s$"):
        call(pool, "nap", LONG_S, timeout_s=0.5)


@pytest.mark.parametrize("job", ["spin", "spin_deaf"])
def test_an_item_that_spins_in_c_is_ended_and_the_next_runs_in_a_fresh_process(
    pool: WorkerPool, job: str
) -> None:
    before = call(pool, "pid")
    with pytest.raises(WorkerTimeout):
        call(pool, job, timeout_s=0.5)
    assert isinstance(before, int)
    assert not is_running(before)
    assert call(pool, "count") == 1


@pytest.mark.parametrize(
    ("job", "words"),
    [
        ("abort", r"died of SIGABRT"),
        ("segfault", r"died of SIGSEGV"),
        ("be_killed", r"died of SIGKILL \(the system may have run out of memory\)"),
    ],
)
def test_a_process_that_dies_is_named_by_its_signal_and_replaced(
    pool: WorkerPool, job: str, words: str
) -> None:
    with pytest.raises(WorkerCrashed, match=words):
        call(pool, job)
    assert call(pool, "count") == 1


@pytest.mark.parametrize("code", [0, 3])
def test_a_job_that_exits_has_not_finished_its_item(pool: WorkerPool, code: int) -> None:
    with pytest.raises(WorkerCrashed, match=rf"ended with exit code {code}$"):
        call(pool, "leave", code)
    assert call(pool, "count") == 1


def test_a_job_that_gathers_memory_is_ended_at_the_limit() -> None:
    pool = WorkerPool(1, memory_limit_bytes=256 * MIB)
    try:
        with pytest.raises(WorkerMemory, match=r"^used \d+ MiB of memory, the limit is 256 MiB"):
            call(pool, "hoard", 10_240, 8)
        assert call(pool, "count") == 1, "a fresh process"
    finally:
        pool.close()


def test_ten_gigabytes_at_once_are_refused_before_the_machine_feels_them() -> None:
    pool = WorkerPool(1, memory_limit_bytes=256 * MIB)
    try:
        with pytest.raises(WorkerMemory, match="ran out of the memory a worker may use"):
            call(pool, "hoard", 10_240, 10_240)
        assert call(pool, "double", 1) == 2
    finally:
        pool.close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody asks whom to end")
def test_when_the_machine_runs_out_of_memory_workers_are_the_first_to_go(pool: WorkerPool) -> None:
    ours = int(Path("/proc/self/oom_score_adj").read_text())
    assert int(Path(f"/proc/{call(pool, 'pid')}/oom_score_adj").read_text()) > ours


def test_below_the_limit_memory_is_the_jobs_own_affair() -> None:
    pool = WorkerPool(1, memory_limit_bytes=512 * MIB)
    try:
        assert call(pool, "hoard", 128, 8) == 128 * MIB
    finally:
        pool.close()


def test_what_a_job_prints_neither_reaches_us_nor_spoils_its_answer(
    pool: WorkerPool, capfd: pytest.CaptureFixture[str]
) -> None:
    assert call(pool, "shout", 1) == "said"
    assert capfd.readouterr() == ("", "")


def test_what_a_job_prints_does_not_fill_the_disk(pool: WorkerPool) -> None:
    call(pool, "shout", 4)
    call(pool, "nap", 0.3)
    (worker,) = pool._all
    assert os.fstat(worker._said.fileno()).st_size <= SAID_LIMIT_BYTES
    with pytest.raises(WorkerCrashed, match="SIGABRT"):
        call(pool, "abort")


def test_progress_is_told_and_starts_the_clock_again(pool: WorkerPool) -> None:
    told: list[int] = []
    job = f"{JOBS}:nap_reporting"
    assert pool.call(job, 12, 0.25, timeout_s=2.0, on_progress=told.append) == "rested"
    assert told == list(range(12))
    with pytest.raises(WorkerTimeout):
        call(pool, "nap", 3.0, timeout_s=2.0)


def test_a_result_that_cannot_be_sent_says_so_and_the_process_goes_on(pool: WorkerPool) -> None:
    before = call(pool, "pid")
    with pytest.raises(WorkerCrashed, match=r"^a result that cannot be sent: .*lambda"):
        call(pool, "closure")
    assert call(pool, "pid") == before


def test_a_result_that_cannot_be_read_says_so(pool: WorkerPool) -> None:
    with pytest.raises(WorkerCrashed, match=r"^the worker's answer cannot be read: invalid literal"):
        call(pool, "unreadable")
    assert call(pool, "double", 4) == 8


def test_a_function_that_is_not_there_is_an_error_and_no_crash(pool: WorkerPool) -> None:
    before = call(pool, "pid")
    with pytest.raises(WorkerCrashed, match="unexpected AttributeError"):
        call(pool, "no_such_job")
    with pytest.raises(WorkerCrashed, match="unexpected ModuleNotFoundError"):
        pool.call("no_such_module:job", timeout_s=60.0)
    assert call(pool, "pid") == before


def test_a_call_that_was_left_in_between_cannot_answer_the_next(pool: WorkerPool) -> None:
    def stop(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pool.call(f"{JOBS}:nap_reporting", 10, 0.05, timeout_s=60.0, on_progress=stop)
    assert call(pool, "double", 5) == 10


def test_an_idle_process_that_was_killed_is_replaced_unnoticed(pool: WorkerPool) -> None:
    before = call(pool, "pid")
    assert isinstance(before, int)
    os.kill(before, signal.SIGKILL)
    assert wait_until_gone(before)
    assert call(pool, "double", 3) == 6


def test_many_threads_share_a_pool_though_some_items_crash() -> None:
    pool = WorkerPool(2, memory_limit_bytes=0)

    def item(number: int) -> object:
        if number % 10 == 7:
            with pytest.raises(WorkerCrashed):
                call(pool, "abort")
            return None
        return call(pool, "double", number)

    try:
        with ThreadPoolExecutor(8) as threads:
            results = list(threads.map(item, range(60)))
        assert results == [None if n % 10 == 7 else 2 * n for n in range(60)]
        assert 1 <= len(pool.pids()) <= 2
    finally:
        pool.close()


def test_closing_ends_busy_workers_and_those_who_wait_for_them() -> None:
    pool = WorkerPool(2, memory_limit_bytes=0)
    with ThreadPoolExecutor(4) as threads:
        calls: list[Future[object]] = [threads.submit(call, pool, "spin", timeout_s=LONG_S) for _ in range(4)]
        try:
            while len(pool.pids()) < 2:
                assert not any(pending.done() for pending in calls), "a worker did not come up"
                time.sleep(0.01)
            pids = pool.pids()
        finally:
            pool.close()
        for pending in calls:
            with pytest.raises(WorkerCrashed, match=r"^the worker was stopped$"):
                pending.result()
    assert not any(is_running(pid) for pid in pids)
    assert pool.pids() == []


def test_a_closed_pool_takes_no_more_calls(pool: WorkerPool) -> None:
    idle = call(pool, "pid")
    pool.close()
    assert isinstance(idle, int)
    assert not is_running(idle)
    with pytest.raises(WorkerCrashed, match=r"^the worker was stopped$"):
        call(pool, "double", 1)
    pool.close()


def test_open_files_do_not_pile_up_over_crashes(pool: WorkerPool) -> None:
    call(pool, "count")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        with pytest.raises(WorkerCrashed):
            call(pool, "abort")
    call(pool, "count")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


ORPHANAGE = """
import sys, threading, time
from heimdex.pipeline.workers import WorkerPool
pool = WorkerPool(2, memory_limit_bytes=0)
pids = [pool.call("tests.unit.pipeline.jobs:pid", timeout_s=60.0)]
job = "tests.unit.pipeline.jobs:" + sys.argv[1]
threading.Thread(target=pool.call, args=(job,), kwargs={"timeout_s": 600.0}, daemon=True).start()
pids.append(pool.call("tests.unit.pipeline.jobs:pid", timeout_s=60.0))
time.sleep(0.5)
print(*pids, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere an alarm ends orphans, after their time")
@pytest.mark.parametrize("job", ["spin", "spin_deaf"])
def test_workers_go_when_their_parent_is_killed_even_while_they_spin_in_c(job: str) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    parent = subprocess.Popen(
        [sys.executable, "-c", ORPHANAGE, job], stdout=subprocess.PIPE, env=environment, text=True
    )
    assert parent.stdout is not None
    with parent.stdout:
        busy, idle = map(int, parent.stdout.readline().split())
    assert is_running(busy)
    assert is_running(idle)
    parent.kill()
    parent.wait()
    assert wait_until_gone(busy)
    assert wait_until_gone(idle)


def test_a_worker_takes_no_module_from_the_folder_it_is_started_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('taken over')")
    monkeypatch.chdir(tmp_path)
    pool = WorkerPool(1, memory_limit_bytes=0)
    try:
        assert not str(call(pool, "where_json_is")).startswith(str(tmp_path))
    finally:
        pool.close()


@pytest.mark.parametrize("program", ["/bin/false", "/nowhere/python"])
def test_where_no_worker_can_be_started_no_item_is_blamed(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setattr(sys, "executable", program)
    with pytest.raises(WorkersUnavailable, match=r"can be started|do not start"):
        call(pool, "double", 1)
    monkeypatch.undo()
    assert call(pool, "double", 1) == 2


def test_a_worker_that_does_not_come_up_in_time_is_no_timeout_of_the_item(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sleeper = tmp_path / "python"
    sleeper.write_text("#!/bin/sh\nexec sleep 600\n")
    sleeper.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(sleeper))
    monkeypatch.setattr(worker_module, "START_TIMEOUT_S", 0.2)
    with pytest.raises(WorkersUnavailable, match="did not start within"):
        call(pool, "double", 1)


def warmed_pool(job: str, marker: Path) -> WorkerPool:
    warmth = Warmth(function=f"{JOBS}:{job}", args=(marker,), timeout_s=60.0)
    return WorkerPool(1, memory_limit_bytes=0, warmth=warmth)


def test_every_fresh_process_is_warmed_once(tmp_path: Path) -> None:
    pool = warmed_pool("warm", tmp_path / "warmed")
    try:
        first = {call(pool, "pid") for _ in range(3)}
        with pytest.raises(WorkerCrashed):
            call(pool, "abort")
        second = call(pool, "pid")
    finally:
        pool.close()
    assert (tmp_path / "warmed").read_text().split() == [str(pid) for pid in (*first, second)]


def test_a_pool_that_was_prepared_has_its_process_warm_before_the_first_call(tmp_path: Path) -> None:
    pool = warmed_pool("warm", tmp_path / "warmed")
    try:
        pool.prepare()
        pool.prepare()
        assert (tmp_path / "warmed").read_text().split() == [str(pid) for pid in pool.pids()]
        assert [call(pool, "pid")] == pool.pids()
    finally:
        pool.close()


def test_what_fails_while_a_pool_is_prepared_is_told_by_the_call(tmp_path: Path) -> None:
    pool = warmed_pool("warm_in_vain", tmp_path / "warmed")
    try:
        pool.prepare()
        with pytest.raises(ModelUnavailable, match=r"^the weights are not here$"):
            call(pool, "double", 1)
    finally:
        pool.close()
    assert len((tmp_path / "warmed").read_text().split()) == 1


def test_a_model_that_is_not_there_is_looked_for_once(tmp_path: Path) -> None:
    pool = warmed_pool("warm_in_vain", tmp_path / "warmed")
    try:
        for _ in range(4):
            with pytest.raises(ModelUnavailable, match=r"^the weights are not here$"):
                call(pool, "double", 1)
    finally:
        pool.close()
    assert len((tmp_path / "warmed").read_text().split()) == 1


def test_a_model_that_crashes_while_it_loads_is_given_up_after_two_tries(tmp_path: Path) -> None:
    pool = warmed_pool("warm_and_abort", tmp_path / "warmed")
    try:
        for _ in range(4):
            with pytest.raises(ModelUnavailable, match=r"the model does not load: .*SIGABRT"):
                call(pool, "double", 1)
    finally:
        pool.close()
    assert len((tmp_path / "warmed").read_text().split()) == 2


def test_a_closing_pool_blames_no_model(tmp_path: Path) -> None:
    warmth = Warmth(function=f"{JOBS}:spin", args=(), timeout_s=LONG_S)
    pool = WorkerPool(1, memory_limit_bytes=0, warmth=warmth)
    caught: list[BaseException] = []

    def run() -> None:
        try:
            call(pool, "double", 1)
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    while not pool.pids():
        time.sleep(0.01)
    pool.close()
    thread.join()
    assert [type(error) for error in caught] == [WorkerCrashed]
