"""Listening beside the recognisers' own libraries used plainly, and its memory over three hours.

`python -m benchmarks.speech FILE [FOLDER]` listens to one file, with the starter or the Whisper in FOLDER.
"""

from __future__ import annotations

import os
import sys
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from benchmarks.long_memory import GB, growth_row, is_worker
from benchmarks.memory import watch
from benchmarks.plan import CORES, DATA, Plan
from benchmarks.rows import Row, at_most, interleaved, times_as_long
from heimdex.entities import Facts
from heimdex.extractors.recogniser import SAMPLE_RATE_HZ
from heimdex.extractors.whisper import WhisperOptions
from heimdex.media.probe import probe
from heimdex.media.recognise import recognise
from heimdex.pipeline import hearing
from tests.random_whisper import FILES, TINY, make_whisper

RECORDING = DATA / "jfk.flac"
HOURS = 3
TALK_S = 120  # for Whisper: the recording again and again
EVERY_S = {"whisper": 60, "starter": 600}  # over the hours somebody speaks so often, for 11 s


def speech_rows(plan: Plan) -> list[Row]:
    """Time against the libraries used plainly, then memory."""
    if not RECORDING.exists():
        raise SystemExit(f"{RECORDING} is not there: this benchmark needs the test data")
    folder = make_whisper(plan.cache / "faster-whisper-random", TINY)
    return [*starter_rows(plan), *whisper_rows(plan, folder), *memory_rows(plan, folder)]


def starter_rows(plan: Plan) -> list[Row]:
    """The starter beside pocketsphinx, each with its model loaded."""
    from pocketsphinx import Decoder

    decoder = Decoder(samprate=float(SAMPLE_RATE_HZ), loglevel="FATAL")

    def plainly() -> None:
        sound = (np.clip(decoded(RECORDING), -1, 1) * 32_767).astype("<i2")
        decoder.start_utt()
        decoder.process_raw(sound.tobytes(), full_utt=True)
        decoder.end_utt()
        decoder.hyp()

    def ours() -> None:
        hearing.listen(silent, os.fsencode(RECORDING), facts_of(RECORDING), None)

    ours()
    times = interleaved({"ours": ours, "plain": plainly}, plan.runs(5))
    return [
        times_as_long("the starter, to pocketsphinx alone on the same 11 s", times["ours"], times["plain"]),
        at_most("… seconds of work for a second of speech", min(times["ours"]) / 11.0, "s"),
    ]


def whisper_rows(plan: Plan, folder: Path) -> list[Row]:
    """Whisper of the size `tiny`, random weights that say 40 words a window, beside faster-whisper."""
    from faster_whisper import BatchedInferencePipeline, WhisperModel

    options = whisper(folder)
    talk = plan.cache / f"talk-{TALK_S}s.wav"
    write_talk(talk, TALK_S, every_s=11)
    model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=CORES)
    batched = BatchedInferencePipeline(model)
    how: dict[str, Any] = {"beam_size": 5, "word_timestamps": True, "vad_filter": True}

    def one_by_one() -> None:
        list(model.transcribe(str(talk), **how, temperature=0.0, condition_on_previous_text=False)[0])

    def in_batches() -> None:
        list(batched.transcribe(str(talk), **how, batch_size=4)[0])

    def ours() -> None:
        hearing.listen(silent, os.fsencode(talk), facts_of(talk), options)

    ours()
    work = {"ours": ours, "one by one": one_by_one, "in batches": in_batches}
    times = interleaved(work, plan.runs(3))
    what = f"Whisper tiny (random weights) on {TALK_S} s of speech, to faster-whisper"
    return [
        times_as_long(f"{what} window by window", times["ours"], times["one by one"]),
        times_as_long(f"{what} in batches", times["ours"], times["in batches"]),
    ]


def memory_rows(plan: Plan, folder: Path) -> list[Row]:
    """The listening process over hours."""
    hours = 0.2 if plan.quick else HOURS
    rows = []
    for name, every_s in EVERY_S.items():
        path = plan.cache / f"hours-{hours}-{every_s}s.wav"
        write_talk(path, round(hours * 3600), every_s=every_s)
        command = [sys.executable, "-m", "benchmarks.speech", str(path)]
        found = watch([*command, str(folder)] if name == "whisper" else command, every_s=0.2)
        path.unlink()
        if found.returncode != 0:
            raise SystemExit(f"listening to {path.name} ended with {found.returncode}")
        taken = max(found.processes, key=lambda one: one.peak_bytes)
        assert not is_worker(taken)
        what = f"listening with {name} to {hours:g} hours ({found.seconds:.0f} s)"
        rows.append(Row(what=what, figure=f"{taken.peak_bytes / GB:.2f} GB at most"))
        rows.append(growth_row("… its last quarter to its second", taken))
    return rows


def write_talk(path: Path, seconds: int, *, every_s: int) -> None:
    """A recording in which the same is said every so many seconds, over a little noise."""
    speech = decoded(RECORDING)[: 11 * SAMPLE_RATE_HZ]
    chance = np.random.default_rng(3)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        for at_s in range(0, seconds, every_s):
            sound = chance.normal(0, 0.002, min(every_s, seconds - at_s) * SAMPLE_RATE_HZ)
            count = min(len(speech), len(sound))
            sound[:count] += speech[:count]
            file.writeframes((np.clip(sound, -1, 1) * 32_767).astype("<i2").tobytes())


def decoded(path: Path) -> NDArray[np.float32]:
    """A recording as 16 kHz mono."""
    return np.concatenate(list(_decoded(path)))


def _decoded(path: Path) -> Iterator[NDArray[np.float32]]:
    resampler = AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE_HZ)
    with av.open(str(path)) as container:
        for frame in [*container.decode(audio=0), None]:
            for part in resampler.resample(frame):
                yield part.to_ndarray()[0]


def facts_of(path: Path) -> Facts:
    """What the index knows of a file before it listens."""
    recognised = recognise(os.fsencode(path))
    assert recognised is not None
    return probe(os.fsencode(path), recognised, max_pixels=10**8)


def whisper(folder: Path) -> WhisperOptions:
    """How the index would load it."""
    return WhisperOptions(name="faster-whisper-random", folder=folder, files=FILES, threads=CORES)


def silent(*_: object) -> None:
    """Nobody watches."""


def main() -> None:
    path = Path(sys.argv[1])
    options = whisper(Path(sys.argv[2])) if len(sys.argv) > 2 else None
    print(len(hearing.listen(silent, os.fsencode(path), facts_of(path), options).utterances))


if __name__ == "__main__":
    main()
