"""The real path of Whisper, with random weights: what it says is nonsense, its form is not."""

from __future__ import annotations

import dataclasses
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heimdex.errors import ModelError, ModelUnavailable, WeightsCorrupt
from heimdex.extractors.recogniser import Passage, Stretch
from heimdex.extractors.whisper import WhisperOptions, WhisperRecogniser
from heimdex.inference import translate_device
from heimdex.inference.translate_device import TranslateDevice
from tests.random_whisper import FILES, WhisperSizes, make_whisper
from tests.unit.extractors.sounds import music, noise

SECOND = 1_000_000


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> WhisperOptions:
    folder = make_whisper(tmp_path_factory.mktemp("models") / "faster-whisper-tiny")
    return WhisperOptions(name="faster-whisper-tiny", folder=folder, files=FILES, threads=1)


@pytest.fixture(scope="module")
def whisper(options: WhisperOptions) -> WhisperRecogniser:
    return WhisperRecogniser(options)


STRETCHES = [
    Stretch(start_us=10 * SECOND, samples=music(4)),
    Stretch(start_us=30 * SECOND, samples=noise(3)),
    Stretch(start_us=60 * SECOND, samples=music(26)),
    Stretch(start_us=120 * SECOND, samples=noise(0.5)),
]


def check(passages: list[Passage]) -> None:
    assert len(passages) == len(STRETCHES)
    for passage, stretch in zip(passages, STRETCHES, strict=True):
        assert passage.language is not None
        assert passage.no_speech is not None
        assert 0.0 <= passage.no_speech <= 1.0
        assert passage.log_probability is not None
        assert passage.log_probability <= 0.0
        for word in passage.words:
            assert word.text.strip()
            assert 0.0 <= word.confidence <= 1.0
            assert word.start_us <= word.end_us
            assert stretch.start_us <= (word.start_us + word.end_us) / 2 <= stretch.end_us + SECOND
    assert any(passage.words for passage in passages)


def test_words_come_back_with_times_confidences_and_a_detected_language(whisper: WhisperRecogniser) -> None:
    found = list(whisper.recognise(STRETCHES))
    check(found)
    windows = 2  # 34 s of sound
    assert sum(len(passage.words) for passage in found) == windows * WhisperSizes().says
    assert list(whisper.recognise(STRETCHES)) == found


def test_nothing_is_asked_of_the_network(options: WhisperOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a network call")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    check(list(WhisperRecogniser(options).recognise(STRETCHES)))


def test_a_language_that_is_set_is_not_detected(options: WhisperOptions) -> None:
    korean = WhisperRecogniser(dataclasses.replace(options, language="ko"))
    assert {passage.language for passage in korean.recognise(STRETCHES[:2])} == {"ko"}


def test_a_language_without_spaces_gives_letters_without_spaces(options: WhisperOptions) -> None:
    japanese = WhisperRecogniser(dataclasses.replace(options, language="ja"))
    check(list(japanese.recognise(STRETCHES)))


def test_a_language_it_does_not_know_is_named(options: WhisperOptions) -> None:
    with pytest.raises(ModelError, match="xx"):
        WhisperRecogniser(dataclasses.replace(options, language="xx"))


def test_a_doubtful_language_gives_way_to_the_one_before(whisper: WhisperRecogniser) -> None:
    assert whisper._settled("en", 0.9) == "en"
    assert whisper._settled("cy", 0.2) == "en"
    assert whisper._settled("de", 0.8) == "de"
    whisper.forget()
    assert whisper._settled("cy", 0.2) == "cy"


def test_where_a_card_does_not_do_auto_takes_the_processor(
    options: WhisperOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = translate_device.choose

    def choose(asked: str, precision: Any) -> TranslateDevice:
        if asked == "cpu":
            return real(asked, precision)
        return TranslateDevice(device="cuda", compute_type="float16")

    monkeypatch.setattr(translate_device, "choose", choose)
    found = WhisperRecogniser(dataclasses.replace(options, device="auto"))
    assert found.device == "cpu"
    check(list(found.recognise(STRETCHES)))
    with pytest.raises(ModelError):
        WhisperRecogniser(dataclasses.replace(options, device="cuda"))


def test_a_window_that_loops_is_decoded_once_more_without_repetitions(
    options: WhisperOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_whisper(tmp_path / "looping", WhisperSizes(loops=True))
    whisper = WhisperRecogniser(dataclasses.replace(options, folder=folder))
    asked: list[dict[str, Any]] = []
    real = whisper._pipeline.transcribe

    def transcribe(sound: Any, **how: Any) -> Any:
        asked.append(how)
        return real(sound, **how)

    monkeypatch.setattr(whisper._pipeline, "transcribe", transcribe)
    list(whisper.recognise(STRETCHES))
    assert [how.get("no_repeat_ngram_size") for how in asked] == [None, 4]
    assert asked[1]["language"] is not None


def test_nothing_to_hear_is_nothing_heard(whisper: WhisperRecogniser) -> None:
    assert list(whisper.recognise([])) == []
    empty = Stretch(start_us=0, samples=np.empty(0, np.float32))
    assert [passage.words for passage in whisper.recognise([empty])] == [()]


def test_a_file_that_differs_from_its_manifest_is_not_loaded(tmp_path: Path, options: WhisperOptions) -> None:
    folder = make_whisper(tmp_path / "faster-whisper-tiny")
    broken = bytearray((folder / "model.bin").read_bytes())
    broken[1000] ^= 1
    (folder / "model.bin").write_bytes(broken)
    with pytest.raises(WeightsCorrupt):
        WhisperRecogniser(dataclasses.replace(options, folder=folder))


def test_a_tokenizer_that_is_not_there_is_not_fetched(tmp_path: Path, options: WhisperOptions) -> None:
    folder = make_whisper(tmp_path / "faster-whisper-tiny")
    (folder / "tokenizer.json").unlink()
    files = tuple(name for name in FILES if name != "tokenizer.json")
    with pytest.raises(ModelUnavailable, match=r"tokenizer\.json"):
        WhisperRecogniser(dataclasses.replace(options, folder=folder, files=files))


def test_a_graph_that_the_library_cannot_read_is_told_with_its_mend(
    tmp_path: Path, options: WhisperOptions
) -> None:
    folder = tmp_path / "faster-whisper-tiny"
    make_whisper(folder)
    (folder / "model.bin").write_bytes((folder / "model.bin").read_bytes()[:5000])
    with pytest.raises(ModelError, match="heimdex models verify"):
        WhisperRecogniser(dataclasses.replace(options, folder=folder, files=("config.json",)))
