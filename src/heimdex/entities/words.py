"""What is said, written and described."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from heimdex.entities.ids import new_id


class TextChannel(StrEnum):
    """The texts of a scene that are compared by meaning, each with a vector and a signal of its own."""

    TRANSCRIPT = "transcript"  # what is said in it
    DESCRIPTION = "description"  # what a vision model says of it
    SUMMARY = "summary"  # the gist of both


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """A word as it was said, [start_us, end_us). `confidence` is 0-1; 1 where it was written by people."""

    text: str
    start_us: int
    end_us: int
    confidence: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Utterance:
    """A sentence, [start_us, end_us) on the asset's clock. It may reach over several scenes."""

    position: int  # 0, 1, … within its asset
    start_us: int
    end_us: int
    text: str
    language: str | None = None  # ISO 639-1, e.g. "en"
    confidence: float = 1.0  # 0-1, mean of its words'
    words: tuple[Word, ...] = ()  # empty where only the sentence's own times are known
    utterance_id: str = field(default_factory=new_id)


@dataclass(frozen=True, kw_only=True, slots=True)
class Transcript:
    """All that is said in an asset, from one source: a better one replaces it, they never mix."""

    source: str  # subtitles | speech
    model: str  # "subtitles", or the recogniser's catalog name
    language: str | None
    utterances: tuple[Utterance, ...]
    origin: str | None = None  # of subtitles: the file's name, or "track 2"
    note: str | None = None  # what had to be put right or left out


@dataclass(frozen=True, kw_only=True, slots=True)
class TextLine:
    """A line of writing in the picture, seen over [start_us, end_us) of the asset (a photo: 0, 0)."""

    scene_id: str
    at_us: int  # of the frame in which it was read best
    start_us: int
    end_us: int
    text: str
    box: tuple[float, float, float, float]  # x, y, width, height as shares of the picture, 0-1
    confidence: float  # 0-1
    script: str  # ISO 15924, e.g. "Latn", "Hani", "Hang"; "Zyyy" for digits and signs alone
    line_id: str = field(default_factory=new_id)


@dataclass(frozen=True, kw_only=True, slots=True)
class Description:
    """What a model says in words of a scene."""

    scene_id: str
    text: str
    language: str | None
    model: str
    metadata: Mapping[str, Any] = field(default_factory=dict)  # tokens, cost, time, the frame's checksum
