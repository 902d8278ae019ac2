"""Subtitles within films and beside them, good and broken."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from av.stream import Disposition
from hypothesis import given, settings
from hypothesis import strategies as st

from heimdex.entities import Facts, Kind
from heimdex.media import subtitles
from heimdex.media.subtitle_cues import Cue, ordered
from heimdex.media.subtitle_formats import raw_cues
from heimdex.media.subtitles import Track, choose, subtitles_of
from heimdex.media.video import frames
from tests.media.clips import Clip, Sound, make
from tests.media.counter import read_number
from tests.media.subtitled import Written, with_tracks
from tests.unit.media.conftest import facts_of

LINES = ((500, 1500, r"Hello {\i1}world{\i0}\N- two"), (2000, 3000, "The end"))
FILM = Clip(count=100, sound=Sound(seconds=4))
SRT = "1\n00:00:00,500 --> 00:00:01,500\nHello world\n\n2\n00:00:02,000 --> 00:00:03,000\nThe end\n"
VTT = (
    "WEBVTT - a title\n\nSTYLE\n::cue { color: red }\n\nNOTE of the writer\nover two lines\n\n"
    "intro\n00:00.500 --> 00:01.500 align:start position:0%\nHello <b>world</b>\n\n"
    "0a1b-2c3d\n00:00:02.000 --> 00:00:03.000\nThe end\n\nNOTE 00:00:02.500 --> nobody says this\n"
)
ASS = (
    "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname\nStyle: Default,Arial\n\n"
    "[Events]\n"
    "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    "Comment: 0,0:00:00.00,0:00:05.00,Default,,0,0,0,,nobody says this\n"
    "Dialogue: 0,0:00:00.50,0:00:01.50,Default,,0,0,0,,Hello {\\k10}wor{\\k20}ld\n"
    "Dialogue: 1,0:00:00.50,0:00:01.50,Default,,0,0,0,,Hello world\n"
    "Dialogue: 0,0:00:02.00,0:00:03.00,Default,,0,0,0,,{\\p1}m 0 0 l 10 10{\\p0}\n"
    "Dialogue: 0,0:00:02.00,0:00:03.00,Default,,0,0,0,,The end\n"
)
SMI = (
    "<SAMI><BODY>\n<SYNC Start=500><P Class=KRCC>Hello world\n<SYNC Start=1500><P Class=KRCC>&nbsp;\n"
    "<SYNC Start=2000><P Class=KRCC>The end\n<SYNC Start=3000><P Class=KRCC>&nbsp;\n</BODY></SAMI>\n"
)
SAID = (
    Cue(start_us=500_000, end_us=1_500_000, text="Hello world"),
    Cue(start_us=2_000_000, end_us=3_000_000, text="The end"),
)
FACTS = Facts(kind=Kind.VIDEO, container="mp4", duration_us=60_000_000)


@pytest.fixture(scope="module")
def film(clip_folder: Path) -> Path:
    return make(FILM, clip_folder)


def tracks_of(path: bytes) -> list[Track]:
    return subtitles_of(path, facts_of(path))


def beside(folder: Path, film: Path, content: bytes | str, name: str = "film.srt") -> Track:
    """The one track of a film with this file beside it."""
    (folder / "film.mp4").write_bytes(film.read_bytes())
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    (track,) = tracks_of(os.fsencode(folder / "film.mp4"))
    return track


@pytest.mark.parametrize(
    ("ending", "codec"),
    [("mkv", "subrip"), ("mkv", "ass"), ("mkv", "webvtt"), ("mp4", "mov_text"), ("mov", "mov_text")],
)
def test_a_track_within_a_film_is_shown_at_its_times(
    film: Path, tmp_path: Path, ending: str, codec: str
) -> None:
    written = Written(codec=codec, cues=LINES, language="ger", title="Deutsch")
    path = with_tracks(film, tmp_path / f"film.{ending}", [written])
    facts = facts_of(path)
    shown = {read_number(frame.render(0)): frame.at_us for frame in frames(path, facts)}
    (track,) = subtitles_of(path, facts)
    assert (track.origin, track.language, track.embedded, track.note) == ("track 1", "de", True, None)
    assert [cue.text for cue in track.cues] == ["Hello world\n- two", "The end"]
    # 0.5 s after the film's own picture 0, wherever the container's clock begins
    late_us = track.cues[0].start_us - 500_000
    assert abs(late_us - shown[0]) <= 22_000
    assert [cue.end_us - late_us for cue in track.cues] == pytest.approx([1_500_000, 3_000_000], abs=1_000)


def test_a_film_that_starts_late_shows_its_subtitles_at_the_same_pictures(
    clip_folder: Path, tmp_path: Path
) -> None:
    late = make(Clip(count=100, delay_s=1.2, ending="mkv", options=(("bf", "0"),)), clip_folder)
    cues = ((1700, 2700, "late"),)
    path = with_tracks(late, tmp_path / "late.mkv", [Written(codec="subrip", cues=cues)])
    facts = facts_of(path)
    (track,) = subtitles_of(path, facts)
    assert facts.zero_us == facts_of(os.fsencode(late)).zero_us > 1_000_000
    late_us = 1_700_000 - facts.zero_us
    assert (track.cues[0].start_us, track.cues[0].end_us) == (late_us, late_us + 1_000_000)


def test_several_tracks_are_told_apart(film: Path, tmp_path: Path) -> None:
    tracks = [
        Written(codec="subrip", cues=LINES, language="fre"),
        Written(codec="subrip", cues=LINES[:1], language="eng", title="Signs & Songs"),
        Written(codec="ass", cues=LINES, language="eng", disposition=Disposition.default),
        Written(codec="subrip", cues=LINES[:1], language="eng", disposition=Disposition.forced),
        Written(codec="subrip", cues=LINES, language="eng", title="Director's Commentary"),
    ]
    path = with_tracks(film, tmp_path / "many.mkv", tracks, spoken="eng")
    found = tracks_of(path)
    assert [track.origin for track in found] == [f"track {n}" for n in range(1, 6)]
    assert [track.language for track in found] == ["fr", "en", "en", "en", "en"]
    assert [track.forced for track in found] == [False, True, False, True, False]
    assert [track.as_spoken for track in found] == [False, True, True, True, True]
    for preferred, origin in ((None, "track 3"), ("fr", "track 1"), ("en", "track 3"), ("ja", "track 3")):
        chosen = choose(found, preferred)
        assert chosen is not None
        assert chosen.origin == origin


def test_a_film_without_subtitles_has_none(film: Path) -> None:
    assert tracks_of(os.fsencode(film)) == []
    assert choose([]) is None


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("film.srt", SRT),
        ("film.vtt", VTT),
        ("film.ass", ASS),
        ("film.ssa", ASS),
        ("film.smi", SMI),
        ("film.srt", VTT),
    ],
)
def test_a_file_beside_a_film_says_the_same_in_every_format(
    film: Path, tmp_path: Path, name: str, content: str
) -> None:
    track = beside(tmp_path, film, content, name)
    assert [cue.text for cue in track.cues] == [cue.text for cue in SAID]
    assert [cue.start_us for cue in track.cues] == [cue.start_us for cue in SAID]
    # SAMI has no ends: a cue goes when the next one, perhaps an empty one, comes
    slack_us = 50_000 if name.endswith("smi") else 0
    assert [cue.end_us for cue in track.cues] == pytest.approx([cue.end_us for cue in SAID], abs=slack_us)
    assert (track.origin, track.language, track.note, track.embedded) == (name, None, None, False)


def test_a_file_beside_a_sound_is_found_too(clip_folder: Path, tmp_path: Path) -> None:
    sound = make(Clip(codec=None, ending="m4a", sound=Sound(seconds=4)), clip_folder)
    (tmp_path / "talk.m4a").write_bytes(sound.read_bytes())
    (tmp_path / "talk.en.srt").write_text(SRT)
    (track,) = tracks_of(os.fsencode(tmp_path / "talk.m4a"))
    assert (track.language, track.cues) == ("en", SAID)


def test_older_encodings_are_read_by_the_language_in_the_name(film: Path, tmp_path: Path) -> None:
    track = beside(tmp_path, film, SRT.replace("The end", "Конец, друг мой").encode("cp1251"), "film.rus.srt")
    assert (track.language, track.cues[1].text) == ("ru", "Конец, друг мой")


def test_players_line_ends_and_missing_parts_are_read(film: Path, tmp_path: Path) -> None:
    for number, content in enumerate(
        (
            SRT.replace("\n", "\r\n"),
            SRT.replace("\n", "\r"),
            SRT.replace("1\n00", "00").replace("2\n00", "00"),  # no numbers
            SRT.replace(",", "."),
            SRT.replace(" --> ", "-->"),
            SRT.replace("\n\n", "\n"),  # no lines between
            "\ufeff" + SRT,
            SRT.replace("00:00:0", "0:0:"),
            SRT.replace("1,500\n", "1,500  X1:100 X2:200 Y1:10 Y2:20\n"),
        )
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert beside(folder, film, content).cues == SAID, number


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"\n\r\n  ", "is empty"),
        (bytes(4096), "is empty"),
        (b"\x1a\x45\xdf\xa3\x00\x01\x02" * 300, "is no text"),
        (b"<html><body>404 not found</body></html>", "holds no subtitles"),
        (b"1\n00:00:01,000 --> 00:00:02,000\n\n2\n", "holds no subtitles"),
        (b"1\n99:00:01,000 --> 99:00:02,000\nfar away\n", "1 after the end of the file"),
        (b"1\n00:00:01,000 -->", "holds no subtitles"),
        (b"[Script Info]\n[Events]\nDialogue: garbage\n", "holds no subtitles"),
    ],
)
def test_a_broken_file_is_there_without_cues_and_says_why(
    film: Path, tmp_path: Path, content: bytes, why: str
) -> None:
    track = beside(tmp_path, film, content)
    assert (track.cues, track.note) == ((), why)
    assert choose([track]) is None


def test_a_file_far_too_large_is_not_read(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subtitles, "FILE_LIMIT_BYTES", 1 << 20)
    track = beside(tmp_path, film, SRT.encode() + b" " * (3 << 20))
    assert (track.cues, track.note) == ((), "has 3 MiB and is no subtitle file")


def test_a_pipe_named_like_a_subtitle_file_blocks_nobody(film: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "film.srt")
    (tmp_path / "film.mp4").write_bytes(film.read_bytes())
    (track,) = tracks_of(os.fsencode(tmp_path / "film.mp4"))
    assert track.cues == ()
    assert "not a regular file" in (track.note or "")


def test_a_file_cut_off_says_what_it_can(film: Path, tmp_path: Path) -> None:
    for length in range(len(SRT)):
        cues = [cue for cue in raw_cues(SRT[:length]) if cue.raw.strip()]
        assert len(cues) <= 2
        assert all("-->" not in cue.raw for cue in cues)
    track = beside(tmp_path, film, SRT + "\n3\n00:00:03,1")
    assert [cue.text for cue in track.cues] == ["Hello world", "The end"]


def test_times_that_cannot_be_are_put_right_or_left_out() -> None:
    cues = [
        Cue(start_us=-5_000_000, end_us=-1, text="before everything"),
        Cue(start_us=-500_000, end_us=400_000, text="over the beginning"),
        Cue(start_us=9_000_000, end_us=8_000_000, text="ends before it begins"),
        Cue(start_us=5_000_000, end_us=6_000_000, text="out of order"),
        Cue(start_us=59_000_000, end_us=99_000_000, text="over the end"),
        Cue(start_us=61_000_000, end_us=62_000_000, text="after the end"),
        Cue(start_us=10_000_000, end_us=11_000_000, text=""),
    ]
    found = ordered(cues, 60_000_000)
    assert [(cue.start_us, cue.end_us, cue.text) for cue in found.cues] == [
        (0, 400_000, "over the beginning"),
        (5_000_000, 6_000_000, "out of order"),
        (9_000_000, 10_260_000, "ends before it begins"),
        (59_000_000, 60_000_000, "over the end"),
    ]
    assert found.note == "1 before the beginning; 1 after the end of the file; 1 without an end"


def test_a_cue_without_an_end_ends_with_the_next_one() -> None:
    cues = [Cue(start_us=0, end_us=0, text="one"), Cue(start_us=500_000, end_us=0, text="two")]
    assert [cue.end_us for cue in ordered(cues, 0).cues] == [500_000, 1_500_000]


def roll(*steps: tuple[float, float, str]) -> list[tuple[float, float, str]]:
    cues = [Cue(start_us=round(a * 1e6), end_us=round(b * 1e6), text=text) for a, b, text in steps]
    return [(cue.start_us / 1e6, cue.end_us / 1e6, cue.text) for cue in ordered(cues, 0).cues]


def test_captions_that_roll_up_are_told_once() -> None:
    assert roll((0, 2, "one"), (2, 4, "one\ntwo"), (4, 6, "two\nthree"), (6, 8, "three\nfour")) == [
        (0, 2, "one"),
        (2, 4, "two"),
        (4, 6, "three"),
        (6, 8, "four"),
    ]


def test_captions_of_a_recogniser_that_show_every_line_twice_are_told_once() -> None:
    steps = [(0, 2, "hello there"), (2, 2.01, "hello there"), (2.01, 4, "hello there\ngeneral")]
    steps += [(4, 4.01, "general"), (4.01, 6, "general\nkenobi")]
    assert roll(*steps) == [(0, 2.01, "hello there"), (2.01, 4.01, "general"), (4.01, 6, "kenobi")]


def test_captions_written_letter_by_letter_become_one() -> None:
    assert roll((0, 0.2, "He"), (0.2, 0.4, "Hello"), (0.4, 2, "Hello you")) == [(0, 2, "Hello you")]


def test_layers_of_the_same_words_are_told_once() -> None:
    assert roll((1, 3, "Look"), (1, 3, "Look"), (1, 3, "Look")) == [(1, 3, "Look")]


def test_words_said_again_after_a_pause_are_kept() -> None:
    assert roll((1, 2, "No."), (3, 4, "No.")) == [(1, 2, "No."), (3, 4, "No.")]


def test_two_voices_at_once_are_both_kept() -> None:
    assert len(roll((1, 4, "Where are you?"), (2, 3, "Here!"))) == 2


@settings(max_examples=200)
@given(
    steps=st.lists(
        st.tuples(st.integers(-(10**8), 10**9), st.integers(-(10**8), 10**9), st.text("ab\n ", max_size=8)),
        max_size=40,
    ),
    duration_us=st.sampled_from([0, 1, 10**8]),
)
def test_cues_of_any_times_come_in_order_and_inside_the_file(
    steps: list[tuple[int, int, str]], duration_us: int
) -> None:
    cues = [Cue(start_us=start, end_us=end, text=text.strip()) for start, end, text in steps]
    found = ordered(cues, duration_us).cues
    assert all(cue.text and 0 <= cue.start_us < cue.end_us for cue in found)
    assert [cue.start_us for cue in found] == sorted(cue.start_us for cue in found)
    if duration_us == 10**8:
        assert all(cue.start_us <= duration_us + 1_000_000 for cue in found)


@given(content=st.text("0123456789:,.->\n WEBVTTNOTEab[Evnts]Dialogue<SAMI>{}", max_size=500))
@settings(max_examples=300, deadline=None)
def test_no_text_trips_the_reader(content: str) -> None:
    for cue in raw_cues(content):
        assert isinstance(cue.raw, str)


def track(**changes: object) -> Track:
    plain = {"origin": "film.srt", "language": None, "title": None, "cues": SAID}
    return Track(**(plain | changes))  # type: ignore[arg-type]


ORDER = (
    (track(origin="film.srt"), track(origin="film.en.srt", language="en")),
    (track(origin="film.en.srt", language="en"), track(origin="track 1", embedded=True, default=True)),
    (track(origin="track 2", embedded=True, default=True), track(origin="track 1", embedded=True)),
    (
        track(origin="track 1", embedded=True, as_spoken=True, language="de"),
        track(origin="film.fr.srt", language="fr"),
    ),
    (
        track(origin="film.en.srt", language="en"),
        track(origin="film.en.sdh.srt", language="en", hearing_impaired=True),
    ),
    (track(origin="track 1", embedded=True), track(origin="film.forced.srt", forced=True)),
    (track(origin="track 1", embedded=True, hearing_impaired=True), track(origin="film.srt", cues=())),
)


@pytest.mark.parametrize(("better", "worse"), ORDER)
def test_the_better_of_two_tracks_is_chosen(better: Track, worse: Track) -> None:
    assert choose([better, worse]) == better
    assert choose([worse, better]) == better


def test_the_preferred_language_comes_first_and_forced_tracks_only_where_wanted() -> None:
    german = track(origin="track 3", language="de", embedded=True)
    assert choose([track(language="en", as_spoken=True), german], "de") == german
    forced = track(origin="film.forced.srt", forced=True)
    assert choose([forced]) is None
    assert choose([forced], forced=True) == forced
    assert choose([track(origin="track 1", commentary=True)]) is None
