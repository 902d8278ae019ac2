"""Transcripts as subtitle files that players read."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

import pysubs2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heimdex.entities import Utterance, Word
from heimdex.media.subtitle_formats import raw_cues
from heimdex.media.subtitle_text import plain
from heimdex.pipeline.captions import captions, srt, vtt


def said(
    text: str, start_s: float, end_s: float, words: tuple[Word, ...] = (), position: int = 0
) -> Utterance:
    return Utterance(
        position=position, start_us=round(start_s * 1e6), end_us=round(end_s * 1e6), text=text, words=words
    )


def columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


SHORT = [said("Ask not what your country can do for you.", 3.25, 7.5), said("Ça va ?", 3661.0004, 3662)]


def test_srt_has_numbers_times_and_texts() -> None:
    assert srt(SHORT) == (
        "1\n00:00:03,250 --> 00:00:07,500\nAsk not what your country can do for you.\n\n"
        "2\n01:01:01,000 --> 01:01:02,000\nÇa va ?\n"
    )


def test_vtt_has_its_header_and_escapes_what_its_text_may_not_hold() -> None:
    assert vtt([said("1 < 2 & 3 --> 4", 0, 1)]) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n1 &lt; 2 &amp; 3 --&gt; 4\n"
    )


def test_an_arrow_in_a_text_is_no_line_of_times_in_srt() -> None:
    (cue,) = raw_cues(srt([said("00:00:01,000 --> 00:00:02,000", 5, 6)]))
    assert (cue.start_us, cue.raw.strip()) == (5_000_000, "00:00:01,000 → 00:00:02,000")


def test_nothing_said_is_an_empty_file() -> None:
    assert srt([]) == ""
    assert vtt([]) == "WEBVTT\n"


def test_another_library_reads_what_is_written() -> None:
    for form, text in (("srt", srt(SHORT)), ("vtt", vtt(SHORT))):
        read = pysubs2.SSAFile.from_string(text, format_=form)
        assert [(event.start, event.end) for event in read] == [(3250, 7500), (3661000, 3662000)]
        assert [event.plaintext for event in read] == [utterance.text for utterance in SHORT]


def test_a_long_sentence_is_parted_at_the_times_of_its_words() -> None:
    texts = [f"word{n:02d}" for n in range(40)]
    words = tuple(
        Word(text=text, start_us=n * 400_000 + 50_000, end_us=n * 400_000 + 350_000)
        for n, text in enumerate(texts)
    )
    found = list(captions([said(" ".join(texts) + ".", 0.05, 16, words)]))
    assert len(found) >= 4
    starts = {word.start_us for word in words}
    assert all(caption.start_us in starts for caption in found)
    assert all(caption.end_us - caption.start_us <= 7_000_000 for caption in found)
    assert " ".join(" ".join(caption.lines) for caption in found) == " ".join(texts) + "."


def test_what_stands_between_words_is_kept() -> None:
    words = (
        Word(text="Well", start_us=0, end_us=200_000),
        Word(text="he", start_us=300_000, end_us=400_000),
        Word(text="said", start_us=400_000, end_us=600_000),
    )
    (caption,) = captions([said("“Well”, (he) said …", 0, 1, words)])
    assert caption.lines == ("“Well”, (he) said …",)


def test_wide_letters_count_twice_and_are_never_begun_with_a_full_stop() -> None:
    found = list(captions([said("我不敢相信会发生这种事。" * 10, 0, 30)]))
    assert all(columns(line) <= 44 for caption in found for line in caption.lines)
    assert "".join("".join(caption.lines) for caption in found) == "我不敢相信会发生这种事。" * 10
    assert not any(caption.lines[0].startswith("。") for caption in found)


@given(
    words=st.lists(st.text("abcdeé,.—", min_size=1, max_size=12), min_size=1, max_size=120),
    start_s=st.floats(0, 100),
    lasts_s=st.floats(0, 40),
)
def test_captions_of_any_sentence_fit_and_lose_nothing(
    words: list[str], start_s: float, lasts_s: float
) -> None:
    sentence = said(" ".join(words), start_s, start_s + lasts_s)
    found = list(captions([sentence]))
    assert " ".join(" ".join(caption.lines) for caption in found) == " ".join(words)
    assert all(len(caption.lines) <= 2 for caption in found)
    assert all(columns(line) <= 84 for caption in found for line in caption.lines)
    assert all(one.end_us <= two.start_us for one, two in pairwise(found))
    assert found[0].start_us == sentence.start_us
    assert found[-1].end_us == sentence.end_us


@pytest.mark.parametrize("write", [srt, vtt])
def test_what_is_written_is_read_again_as_it_was(write: object) -> None:
    texts = ["He said: <hello> & {goodbye}", "3 > 2, isn't it?", "日本語。はい。", "- one - two"]
    text = (srt if write is srt else vtt)([said(t, n * 2, n * 2 + 1.5) for n, t in enumerate(texts)])
    cues = list(raw_cues(text))
    assert [cue.start_us for cue in cues] == [0, 2_000_000, 4_000_000, 6_000_000]
    if write is vtt:
        assert [plain(cue.raw).strip() for cue in cues][1:] == texts[1:]
