"""The starter: pocketsphinx with the American English model that comes in its package."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from heimdex.entities import Word
from heimdex.errors import ModelError, ModelUnavailable
from heimdex.extractors.recogniser import SAMPLE_RATE_HZ, Passage, Recogniser, Stretch

NAME = "starter-speech"
LANGUAGE = "en"
MODEL = "model/en-us"  # in the package's folder
FRAME_US = 10_000
LEAST_SAMPLES = SAMPLE_RATE_HZ // 10  # the decoder finds no path through less
NO_WORD = ("<", "[", "+")  # how silence, breath and noise are written


def fingerprint() -> str:
    """A SHA-256 over the names and sizes of the model's files: other files, another model.

    The library is not loaded for it. Raises ModelUnavailable where it is not installed.
    """
    folder = _folder()
    lines = "".join(
        f"{path.relative_to(folder).as_posix()} {path.stat().st_size}\n" for path in _files(folder)
    )
    return hashlib.sha256(lines.encode()).hexdigest()


def size_bytes() -> int:
    """Of the model's files. Raises as `fingerprint` does."""
    return sum(path.stat().st_size for path in _files(_folder()))


def _folder() -> Path:
    found = importlib.util.find_spec("pocketsphinx")
    folder = Path(next(iter(found.submodule_search_locations or ()), "")) / MODEL if found else None
    if folder is None or not folder.is_dir():
        raise ModelUnavailable(
            "The starter for speech is not installed; install pocketsphinx, or fetch a better model with "
            "`heimdex models pull faster-whisper-base`."
        )
    return folder


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


class SphinxRecogniser(Recogniser):
    """Writes down English: lower case, no punctuation, no numerals."""

    name = NAME

    def __init__(self) -> None:
        """Raises ModelUnavailable where the library or its model is not there."""
        try:
            from pocketsphinx import Decoder

            self._decoder: Any = Decoder(samprate=float(SAMPLE_RATE_HZ), loglevel="FATAL")
        except (ImportError, OSError, RuntimeError, ValueError) as err:
            raise ModelUnavailable(
                f"The starter for speech cannot be loaded ({err}); install pocketsphinx again, or fetch a "
                "better model with `heimdex models pull faster-whisper-base`."
            ) from err

    def recognise(self, stretches: Sequence[Stretch]) -> Iterator[Passage]:
        """What is said; each stretch for itself, so that the same sound always gives the same words."""
        for stretch in stretches:
            long_enough = len(stretch.samples) >= LEAST_SAMPLES
            yield Passage(words=tuple(self._words(stretch)) if long_enough else (), language=LANGUAGE)

    def _words(self, stretch: Stretch) -> Iterator[Word]:
        decoder = self._decoder
        sound = (np.clip(stretch.samples, -1.0, 1.0) * 32_767).astype("<i2")
        try:
            decoder.reinit_feat()  # or the noise it met before would be taken off this sound
            decoder.start_utt()
            # Heard as a whole: its loudness is then levelled over the whole, with no memory of others.
            decoder.process_raw(sound.tobytes(), full_utt=True)
            decoder.end_utt()
            decoder.get_prob()  # or the words would have no confidence
            segments = list(decoder.seg() or ())
        except RuntimeError as err:
            raise ModelError(f"pocketsphinx failed at {stretch.start_us / 1e6:.1f} s: {err}") from err
        for segment in segments:
            if segment.word.startswith(NO_WORD):
                continue
            yield Word(
                text=" " + segment.word.partition("(")[0],  # "and(2)" is another way to say "and"
                start_us=stretch.start_us + segment.start_frame * FRAME_US,
                end_us=min(stretch.start_us + (segment.end_frame + 1) * FRAME_US, stretch.end_us),
                confidence=min(max(float(segment.prob), 0.0), 1.0),
            )
