"""Sense probes: does a model see what it should? Vectors that mean nothing pass every other check."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heimdex.encoders.encoder import Encoder
from heimdex.entities import Picture
from heimdex.errors import HeimdexError
from heimdex.inference.transforms import read_rgb

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
CAPTIONS: dict[str, str] = {
    "2023/photo-01.jpg": "a photo of a cat",
    "2023/photo-02.jpg": "a cup of coffee",
    "2023/photo-05.jpg": "a rocket on its launch pad",
    "2024/photo-06.jpg": "a man with a camera on a tripod",
    "2024/photo-07.png": "a photo of a horse",
}
"""Pictures of the sample library, and what they show. With random weights the right ones are all on top,
both ways, less than once in ten thousand times."""

MARGIN = 0.02  # cosine by which the right answer must lead; CLIP's leads by .05 and more


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeResult:
    """One question put to a model."""

    asked: str
    wanted: str
    found: str  # what came out on top
    margin: float  # cosine of the wanted answer less that of the best other one
    ok: bool

    def __str__(self) -> str:
        verdict = "right" if self.ok else "wrong"
        return f"{verdict}: {self.asked} → {self.found} (wanted {self.wanted}, margin {self.margin:+.3f})"


def probe(encoder: Encoder) -> tuple[ProbeResult, ...]:
    """Ask a model what it sees in pictures that come with Heimdex; the right answer must lead by MARGIN.

    With words: every picture its caption, and every caption its picture. Without: every picture's mirrored
    middle, in grey, must be nearest to that picture. Raises ModelError as the encoder does.
    """
    names = list(CAPTIONS)
    try:
        pictures = [read_rgb(SAMPLES / name) for name in names]
    except OSError as err:
        raise HeimdexError(f"The sample pictures cannot be read ({err}). Reinstall Heimdex.") from err
    if encoder.text_space is None:
        cosines = _rows(encoder, [_disguised(picture) for picture in pictures]) @ _rows(encoder, pictures).T
        return _answers([f"the middle of {name} in grey" for name in names], names, cosines)
    place = encoder.picture_spaces.index(encoder.text_space)
    seen = _rows(encoder, pictures, place)
    asked = np.stack([vector.values for vector in encoder.encode_words(CAPTIONS.values())])
    captions = list(CAPTIONS.values())
    return (*_answers(names, captions, seen @ asked.T), *_answers(captions, names, asked @ seen.T))


def _rows(encoder: Encoder, pictures: list[Picture], place: int | None = None) -> NDArray[np.float32]:
    place = encoder.picture_spaces.index(encoder.similar_space) if place is None else place
    return np.stack([vectors[place].values for vectors in encoder.encode_pictures(pictures)])


def _disguised(picture: Picture) -> Picture:
    """The middle of a picture, mirrored and without its colours, which alone would give it away."""
    height, width = picture.shape[:2]
    middle = picture[height // 8 : height - height // 8, width // 8 : width - width // 8][:, ::-1]
    grey = middle.mean(axis=2, keepdims=True).round().astype(np.uint8)
    return np.ascontiguousarray(grey.repeat(3, axis=2))


def _answers(asked: list[str], answers: list[str], cosines: NDArray[np.float32]) -> tuple[ProbeResult, ...]:
    results = []
    for index, row in enumerate(cosines):
        others = np.delete(row, index)
        margin = float(row[index] - others.max())
        results.append(
            ProbeResult(
                asked=asked[index],
                wanted=answers[index],
                found=answers[int(row.argmax())],
                margin=margin,
                ok=margin >= MARGIN,
            )
        )
    return tuple(results)
