"""The starter for speech, on the one real recording."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest

from heimdex.errors import ModelUnavailable
from heimdex.extractors.recogniser import Stretch
from heimdex.extractors.sphinx import NAME, SphinxRecogniser, fingerprint
from tests.unit.extractors.sounds import SAID, jfk, noise, word_errors

START_US = 7_000_000


@pytest.fixture(scope="module")
def starter() -> SphinxRecogniser:
    return SphinxRecogniser()


def test_most_words_of_a_clear_recording_are_right_and_at_their_time(starter: SphinxRecogniser) -> None:
    (passage,) = starter.recognise([Stretch(start_us=START_US, samples=jfk())])
    said = [word.text.strip() for word in passage.words]
    assert word_errors(SAID.split(), said) < 0.35
    assert passage.language == "en"
    assert all(word.text.startswith(" ") and word.text.strip().isalpha() for word in passage.words)
    assert all(0.0 <= word.confidence <= 1.0 for word in passage.words)
    assert len({word.confidence for word in passage.words}) > 5
    # By ear, in seconds: "fellow" at 1.2, the first "country" at 5.9, the second at 10.0.
    at_s = {word.text.strip(): (word.start_us - START_US) / 1e6 for word in reversed(passage.words)}
    assert at_s["fellow"] == pytest.approx(1.2, abs=0.5)
    assert at_s["country"] == pytest.approx(5.9, abs=0.5)
    assert all(one.end_us <= two.start_us for one, two in zip(passage.words, passage.words[1:], strict=False))


def test_the_same_sound_gives_the_same_words_whatever_was_heard_before(starter: SphinxRecogniser) -> None:
    speech = Stretch(start_us=0, samples=jfk()[:40_000])
    before = list(starter.recognise([speech]))
    list(starter.recognise([Stretch(start_us=0, samples=noise(2, 0.5))]))
    assert list(starter.recognise([speech])) == before


def test_every_stretch_has_its_passage_however_short(starter: SphinxRecogniser) -> None:
    short = [Stretch(start_us=0, samples=np.zeros(size, np.float32)) for size in (0, 1, 1_599, 1_600, 3_000)]
    assert [passage.words for passage in starter.recognise(short)] == [()] * 5


def test_the_starter_is_known_without_loading_it() -> None:
    assert len(fingerprint()) == 64
    assert NAME == "starter-speech"


def test_without_the_package_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> Any:
        return None

    monkeypatch.setattr(importlib.util, "find_spec", nothing)
    with pytest.raises(ModelUnavailable, match="heimdex models pull faster-whisper-base"):
        fingerprint()
