"""Picture halves of full size: ours beside open_clip on torch and ONNX Runtime, in one run.

Every engine runs in a process of its own, which stays for all of its model's rounds; they take turns, so that
what else the machine does falls on all alike. Pictures come prepared: it is engines that are compared. Memory
is a process's peak once it has loaded the model and run a batch (VmHWM), Python and numpy included.
"""

from __future__ import annotations

import os
import signal
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.engines import BATCHES, ONE_BY_ONE, PEERS, engine
from benchmarks.plan import CORES, Plan
from benchmarks.random_models import SUBJECTS, Subject, graph, make, pixels, place
from benchmarks.rows import Row, at_most, ratio_of, shown, table

CACHED_BAR_S = 1.0
QUERY_BAR_MS = 6.0
SPEED_BARS = {("ViT-B/32", "bf16"): 10.0, ("ViT-B/32", "int8"): 13.0}  # × open_clip one by one
QUERY_TOKENS = 8  # "a red car at night", marks included, padded as our encoder does
PEAK_SIZE = 2048  # of the square matrices that show what the processor can do


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One engine on one model."""

    each_s: list[float]  # seconds a picture, round by round
    load_s: float
    peak_mib: float


@dataclass(frozen=True, kw_only=True)
class Line:
    """An engine's process and the pipe to it."""

    pipe: Any  # multiprocessing's Connection; its type takes what is sent for a parameter
    pid: int


def models_text(plan: Plan) -> str:
    """The Markdown of this part."""
    subjects = SUBJECTS[:1] if plan.quick else SUBJECTS
    context = get_context("spawn")
    for subject in subjects:  # in a process of its own: torch stays out of this one
        maker = context.Process(target=make, args=(plan.cache, subject))
        maker.start()
        maker.join()
        if maker.exitcode:
            raise SystemExit(f"{subject.name} could not be made")
    lines = [
        "| model | engine | ms an image | images/s | × one by one | load, s | again, s | peak, MiB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    bars: list[Row] = []
    for subject in subjects:
        lines += _lines(plan, subject, bars)
    bars += _queries(plan)
    bars.append(_peak(plan))
    return "\n".join(lines) + "\n\n" + table(bars)


def _lines(plan: Plan, subject: Subject, bars: list[Row]) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        compiled = Path(folder)
        names = [*subject.precisions, *PEERS]
        found = _measure(plan, subject, names, compiled)
        cached = {name: _load_once(plan, subject, name, compiled) for name in subject.precisions}
    peer = found[ONE_BY_ONE].each_s
    lines = []
    for name in names:
        one = found[name]
        each_s, ratio = statistics.median(one.each_s), ratio_of(peer, one.each_s)
        again = shown(cached[name]) if name in cached else ""
        ours = f"Heimdex {name}" if name not in PEERS else name
        lines.append(
            f"| {subject.name} | {ours} | {shown(each_s * 1000)} | {shown(1 / each_s)} | {ratio:.1f} | "
            f"{'' if name in PEERS[:2] else shown(one.load_s)} | {again} | {one.peak_mib:,.0f} |"
        )
        if (bar := SPEED_BARS.get((subject.name, name))) is not None:
            figure = f"{ratio:.1f} × (in batches {ratio_of(found[BATCHES].each_s, one.each_s):.1f} ×)"
            what = f"{subject.name} {name} beside open_clip one by one"
            bars.append(Row(what=what, figure=figure, bar=f"≥ {bar:g} ×", holds=ratio >= bar))
        if name in cached:
            bars.append(at_most(f"{subject.name} {name}: loaded again", cached[name], "s", CACHED_BAR_S))
    return lines


def _measure(plan: Plan, subject: Subject, names: list[str], compiled: Path) -> dict[str, Measured]:
    """Rounds of all engines in turn, each in its process."""
    found: dict[str, Measured] = {}
    with _processes(plan, subject, names, compiled) as lines:
        for name, line in lines.items():
            load_s, peak_mib = _answer(line)
            found[name] = Measured(each_s=[], load_s=load_s, peak_mib=peak_mib)
        for _ in range(plan.runs(5)):
            for name, line in lines.items():
                os.kill(line.pid, signal.SIGCONT)
                line.pipe.send("run")
                found[name].each_s.append(_answer(line))
                os.kill(line.pid, signal.SIGSTOP)  # threads of an idle engine spin
    return found


@contextmanager
def _processes(plan: Plan, subject: Subject, names: list[str], compiled: Path) -> Iterator[dict[str, Line]]:
    """A process for each engine; one loads after the other, and is stopped then."""
    context = get_context("spawn")
    lines: dict[str, Line] = {}
    workers = []
    try:
        for name in names:
            ours, theirs = context.Pipe()
            worker = context.Process(target=_serve, args=(theirs, plan, subject, name, compiled), daemon=True)
            worker.start()
            theirs.close()
            workers.append(worker)
            lines[name] = Line(pipe=ours, pid=int(worker.pid or 0))
            ours.poll(None)
            os.kill(lines[name].pid, signal.SIGSTOP)
        yield lines
    finally:
        for worker in workers:
            worker.kill()
            worker.join()


def _serve(line: Connection, plan: Plan, subject: Subject, name: str, compiled: Path) -> None:
    """An engine's process: loads, then runs whenever it is told to."""
    try:
        count = max(1, subject.pictures // 4) if name == ONE_BY_ONE else subject.pictures
        given = pixels(subject, count)
        began = time.perf_counter()
        run = engine(name, plan.cache, subject, compiled)
        load_s = time.perf_counter() - began
        run(given[: subject.batch])
        line.send((load_s, _peak_mib()))
        while line.recv():
            began = time.perf_counter()
            run(given)
            line.send((time.perf_counter() - began) / count)
    except EOFError:
        return
    except Exception as error:  # the other end must hear of it
        line.send(error)


def _answer(line: Line) -> Any:
    found = line.pipe.recv()
    if isinstance(found, Exception):
        raise SystemExit(str(found))
    return found


def _load_once(plan: Plan, subject: Subject, name: str, compiled: Path) -> float:
    """Seconds to load an engine again, in a fresh process, its compiled graph being kept."""
    with _processes(plan, subject, [name], compiled) as lines:
        load_s: float = _answer(lines[name])[0]
        return load_s


def _peak_mib() -> float:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def _queries(plan: Plan) -> list[Row]:
    """One text through the words half of ViT-B/32, warm."""
    from heimdex.inference.export import TOKENS
    from heimdex.inference.openvino_session import OpenVinoSession
    from heimdex.inference.session import SessionOptions
    from heimdex.inference.weights import VerifiedFile

    subject = SUBJECTS[0]
    graph(plan.cache, subject, "fp32")
    rows = []
    path = place(plan.cache, subject) / "words.onnx"
    options = SessionOptions(threads=CORES, batches=(1,))
    with OpenVinoSession(VerifiedFile(path=path, sha256=path.name), options) as session:
        for length, bar in ((QUERY_TOKENS, QUERY_BAR_MS), (16, QUERY_BAR_MS), (77, None)):
            tokens = np.ones((1, length), np.int64)
            tokens[0, -1] = 49407
            session.run({TOKENS: tokens})
            times = []
            for _ in range(plan.runs(40)):
                began = time.perf_counter()
                session.run({TOKENS: tokens})
                times.append((time.perf_counter() - began) * 1000)
            what = f"a text of {length} tokens, ViT-B/32 in {session.precision}"
            rows.append(at_most(what, statistics.median(times), "ms", bar))
    return rows


def _peak(plan: Plan) -> Row:
    """What this processor multiplies in bf16, by oneDNN through OpenVINO: the most any of it could reach."""
    from heimdex.inference.openvino_runtime import core, has_bf16, openvino

    ov = openvino()
    size = PEAK_SIZE
    given = ov.opset13.parameter([size, size], np.float32)
    weights = np.random.default_rng(SUBJECTS[0].side).standard_normal((size, size)).astype(np.float32)
    product = ov.Model([ov.opset13.matmul(given, weights, False, True)], [given])
    hint = "bf16" if has_bf16() else "f32"
    settings = {"INFERENCE_PRECISION_HINT": hint, "INFERENCE_NUM_THREADS": CORES, "NUM_STREAMS": 1}
    request = core().compile_model(product, "CPU", settings).create_infer_request()
    request.infer([weights])
    times = []
    for _ in range(plan.runs(9)):
        began = time.perf_counter()
        request.infer([weights])
        times.append(time.perf_counter() - began)
    flops = 2 * size**3 / statistics.median(times) / 1e9
    return Row(what=f"a product of {size}×{size} matrices in {hint}", figure=f"{shown(flops)} GFLOP/s")
