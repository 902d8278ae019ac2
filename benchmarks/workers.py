"""What worker processes cost: `python -m benchmarks.workers`. Figures of docs/decisions/0006."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from heimdex.errors import WorkerCrashed, WorkerMemory
from heimdex.pipeline.worker import Worker
from heimdex.pipeline.workers import WorkerPool

JOBS = "tests.unit.pipeline.jobs"
MIB = 1 << 20
LIMIT_MIB = 512


def started(memory_limit_bytes: int = 0) -> Worker:
    worker = Worker(memory_limit_bytes=memory_limit_bytes)
    worker.wait_ready()
    return worker


def start_s() -> float:
    began = time.perf_counter()
    worker = started()
    took = time.perf_counter() - began
    worker.close()
    return took


def import_s() -> float:
    """The first job of a decoder: what it imports."""
    worker = started()
    began = time.perf_counter()
    with suppress(WorkerCrashed):
        worker.call("heimdex.pipeline.work:no_such_job", (), timeout_s=60)
    took = time.perf_counter() - began
    worker.close()
    return took


def stop_s() -> float:
    """From `close` until the thread that waited for a job that spins in C is free."""
    pool = WorkerPool(1, memory_limit_bytes=0)

    def wait() -> None:
        with suppress(WorkerCrashed):
            pool.call(f"{JOBS}:spin", timeout_s=600)

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.5)
    began = time.perf_counter()
    pool.close()
    waiting.join()
    return time.perf_counter() - began


def overshoot_mib() -> float:
    """How far a job that takes memory as fast as it can gets beyond its limit."""
    worker = started(LIMIT_MIB * MIB)
    try:
        worker.call(f"{JOBS}:hoard", (10_240, 16), timeout_s=60)
    except WorkerMemory as error:
        return float(str(error).split()[1]) - LIMIT_MIB
    finally:
        worker.close()
    raise AssertionError("ten gigabytes were given")


def tell(name: str, measure: Callable[[], float], times: int, unit: str, factor: float) -> None:
    values = [measure() * factor for _ in range(times)]
    print(f"{name:<44} median {statistics.median(values):8.2f} {unit}, most {max(values):8.2f} {unit}")


def main() -> None:
    tell("a process starts and answers", start_s, 20, "ms", 1e3)
    tell("a decoder's imports", import_s, 10, "ms", 1e3)
    worker = started()

    def call(job: str, argument: int) -> Callable[[], float]:
        def timed() -> float:
            began = time.perf_counter()
            worker.call(f"{JOBS}:{job}", (argument,), timeout_s=60)
            return time.perf_counter() - began

        timed()
        return timed

    tell("a call and its answer", call("double", 1), 1_000, "ms", 1e3)
    tell("an answer of 16 MiB", call("large", 16), 20, "ms", 1e3)
    worker.close()
    tell("a busy pool is closed", stop_s, 10, "ms", 1e3)
    tell(f"memory beyond a limit of {LIMIT_MIB} MiB", overshoot_mib, 5, "MiB", 1)


if __name__ == "__main__":
    main()
