"""The texts of a scene, as they are given to the lexical index and as they come back to be compared."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Channel(IntEnum):
    """How a scene holds words; the number is the database's."""

    SAID = 1
    WRITTEN = 2
    DESCRIBED = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Passage:
    """A sentence and its language, ISO 639-1, where it is known."""

    text: str
    language: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SceneTexts:
    """All words of a scene: sentences said in it, lines written in it, what is described of it."""

    spoken: tuple[Passage, ...] = ()
    written: tuple[str, ...] = ()
    captions: tuple[Passage, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class SceneWords:
    """A scene's words as they are compared: a line per sentence, words apart by one space; "" where none.

    `said_stems` and `described_stems` hold the stem of each word in the same place.
    """

    said: str = ""
    said_stems: str = ""
    written: str = ""
    described: str = ""
    described_stems: str = ""
