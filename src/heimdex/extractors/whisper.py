"""Whisper by faster-whisper: many languages, punctuation, batches; from local files only.

Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak Supervision"; word times by the alignment
of its cross-attention. A window is decoded by beam search at temperature 0, so that the same sound always
gives the same words; one that falls into a loop is decoded once more with repetitions forbidden.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from heimdex.entities import Word
from heimdex.errors import ModelError, ModelUnavailable
from heimdex.extractors.packing import LONGEST_SAMPLES, Window, packed
from heimdex.extractors.recogniser import SAMPLE_RATE_HZ, Passage, Recogniser, Stretch, microseconds
from heimdex.extractors.speech_guards import COMPRESSION, NO_SPEECH
from heimdex.inference import translate_device
from heimdex.inference.session import Precision
from heimdex.inference.weights import open_weights

log = logging.getLogger(__name__)

WINDOWS = {"cpu": 4, "cuda": 16}  # decoded together
BEAMS = 5
SURE_OF_LANGUAGE = 0.5  # else the language that was heard before stays
FRAMES_A_SECOND = 100
NO_REPEATS: dict[str, Any] = {
    "repetition_penalty": 1.1,
    "no_repeat_ngram_size": 4,
}  # for windows that fell into a loop


@dataclass(frozen=True, kw_only=True, slots=True)
class WhisperOptions:
    """Which weights, and how they run."""

    name: str  # the catalog's
    folder: Path
    files: tuple[str, ...]  # that must be there as the folder's manifest says
    memo_dir: Path | None = None  # where checked checksums are remembered
    device: str = "cpu"
    precision: Precision = "auto"
    threads: int = 0  # 0: as many as the machine has cores
    language: str | None = None  # ISO 639-1; None: it is detected


class WhisperRecogniser(Recogniser):
    """Writes down what is said in any of Whisper's languages."""

    def __init__(self, options: WhisperOptions) -> None:
        """Raises ModelUnavailable where files or the library are missing, WeightsCorrupt, ModelError."""
        self.name = options.name
        for file in options.files:
            open_weights(options.folder, file, options.memo_dir)
        if not (options.folder / "tokenizer.json").is_file():  # the library would fetch one
            raise ModelUnavailable(f"{options.folder} has no tokenizer.json; pull the model again.")
        self._model, self.device = _loaded(options)
        self._pipeline = _pipeline(self._model)
        if options.language is not None and options.language not in self._model.supported_languages:
            raise ModelError(f"{self.name} knows no language {options.language!r}.")
        self._asked = options.language
        self.batch_us = WINDOWS[self.device] * microseconds(LONGEST_SAMPLES)
        self.forget()

    def forget(self) -> None:
        """As the interface says: the language of one recording says nothing of the next."""
        self._language: str | None = None  # heard last

    def recognise(self, stretches: Sequence[Stretch]) -> Iterator[Passage]:
        """What is said, stretch by stretch. The language is detected anew with every call."""
        windows = list(packed(stretches))
        if not windows:
            return
        found = self._transcribe(windows, {"language": self._asked})
        looped = [number for number, one in enumerate(found) if _has_looped(one)]
        if looped:
            again = self._transcribe(
                [windows[number] for number in looped], NO_REPEATS | {"language": self._language}
            )
            for number, one in zip(looped, again, strict=True):
                found[number] = min(one, found[number], key=lambda heard: heard.compression)
        for window, heard in zip(windows, found, strict=True):
            yield from window.placed(heard.passage)

    def _transcribe(self, windows: Sequence[Window], more: dict[str, Any]) -> list[_Heard]:
        """What is heard in each window, its times counted from the window's start."""
        sounds = [window.samples for window in windows]
        ends = np.cumsum([len(sound) for sound in sounds])
        starts = ends - [len(sound) for sound in sounds]
        clips = [
            # Half a sample more, for what floats lose when the library counts samples again.
            {"start": (start + 0.5) / SAMPLE_RATE_HZ, "end": (end + 0.5) / SAMPLE_RATE_HZ}
            for start, end in zip(starts, ends, strict=True)
        ]
        try:
            segments, info = self._pipeline.transcribe(
                np.concatenate(sounds),
                beam_size=BEAMS,
                temperature=0.0,
                word_timestamps=True,
                without_timestamps=True,
                clip_timestamps=clips,
                batch_size=WINDOWS[self.device],
                **more,
            )
            found = list(segments)
        except (RuntimeError, ValueError, IndexError) as err:
            raise ModelError(f"{self.name} failed ({str(err).splitlines()[0]}).") from err
        language = self._settled(info.language, info.language_probability)
        frames = [int(clip["start"] * FRAMES_A_SECOND) for clip in clips]
        return [_heard([one for one in found if one.seek == frame], frame, language) for frame in frames]

    def _settled(self, language: str, probability: float) -> str:
        """What was detected, unless that is doubtful and another language came before."""
        if probability < SURE_OF_LANGUAGE and self._language is not None:
            return self._language
        self._language = language
        return language


@dataclass(frozen=True, kw_only=True, slots=True)
class _Heard:
    """What one window gave."""

    passage: Passage
    compression: float  # bytes to compressed bytes of its text


def _has_looped(heard: _Heard) -> bool:
    return heard.compression > COMPRESSION and (heard.passage.no_speech or 0.0) <= NO_SPEECH


def _heard(segments: Sequence[Any], frame: int, language: str) -> _Heard:
    """The segments of the window that begins in that frame, as a passage."""
    begin_s = frame / FRAMES_A_SECOND
    words = tuple(
        Word(
            text=word.word,
            start_us=max(0, round((word.start - begin_s) * 1e6)),
            end_us=max(0, round((word.end - begin_s) * 1e6)),
            confidence=min(max(float(word.probability), 0.0), 1.0),
        )
        for segment in segments
        for word in segment.words or ()
        if word.word.strip()
    )
    passage = Passage(
        words=words,
        language=language,
        no_speech=max((float(one.no_speech_prob) for one in segments), default=None),
        log_probability=min((float(one.avg_logprob) for one in segments), default=None),
    )
    return _Heard(passage=passage, compression=max((one.compression_ratio for one in segments), default=0.0))


def _loaded(options: WhisperOptions) -> tuple[Any, str]:
    """The model and the device it runs on: for `auto` the processor, too, where a card does not do."""
    device = translate_device.choose(options.device, options.precision)
    try:
        model = _load(options, device)
        if device.device != "cpu":
            _try(model)
    except ModelError as err:
        if options.device != "auto" or device.device == "cpu":
            raise
        log.warning("%s runs on the processor: the card does not do (%s)", options.name, err)
        device = translate_device.choose("cpu", options.precision)
        model = _load(options, device)
    return model, device.device


def _try(model: Any) -> None:
    """Libraries of CUDA that are missing are missed when something is computed. Raises ModelError."""
    try:
        model.encode(model.feature_extractor(np.zeros(SAMPLE_RATE_HZ, np.float32)))
    except RuntimeError as err:
        raise ModelError(f"The card cannot be used ({str(err).splitlines()[0]}).") from err


def _load(options: WhisperOptions, device: translate_device.TranslateDevice) -> Any:
    try:
        from faster_whisper import WhisperModel

        return WhisperModel(
            str(options.folder),
            device=device.device,
            compute_type=device.compute_type,
            cpu_threads=options.threads or os.cpu_count() or 1,
            local_files_only=True,
        )
    except (ImportError, OSError) as err:
        raise ModelUnavailable(f"faster-whisper cannot be loaded ({err}); install it again.") from err
    except (RuntimeError, ValueError) as err:
        raise ModelError(
            f"{options.name} does not load from {options.folder} ({str(err).splitlines()[0]}); run `heimdex "
            "models verify`, which mends it."
        ) from err


def _pipeline(model: Any) -> Any:
    from faster_whisper import BatchedInferencePipeline

    return BatchedInferencePipeline(model)
