"""Content says what a file is; its name only whether to complain."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from heimdex.errors import UnknownFormat, UnreadableFile
from heimdex.media.formats import FORMATS, Family, claims_media, extension
from heimdex.media.recognise import recognise
from heimdex.media.signatures import name_by_content
from tests.media import bombs
from tests.media.bases import FILM_CLIPS, PHOTO_KINDS, photo
from tests.media.clips import Clip, Sound, make


def put(folder: Path, name: str, content: bytes) -> bytes:
    path = folder / name
    path.write_bytes(content)
    return os.fsencode(path)


def format_of(path: bytes) -> str | None:
    recognised = recognise(path)
    return None if recognised is None else recognised.format


@pytest.mark.parametrize("kind", PHOTO_KINDS)
def test_photos_are_told_by_content(tmp_path: Path, kind: str) -> None:
    recognised = recognise(put(tmp_path, "any.thing", photo(kind)))
    assert recognised is not None
    assert (recognised.family, recognised.format) == (Family.PHOTO, kind)


FILMS = {
    "mp4": "mp4", "faststart.mp4": "mp4", "mkv": "matroska", "webm": "webm", "avi": "avi", "ts": "mpegts",
    "mpg": "mpeg", "flv": "flv", "wmv": "asf", "mov": "mov", "animated.gif": "animated-gif",
    "animated.png": "animated-png",
}  # fmt: skip


@pytest.mark.parametrize("kind", FILMS)
def test_films_are_told_by_content_whatever_their_name(clip_folder: Path, tmp_path: Path, kind: str) -> None:
    content = make(FILM_CLIPS[kind], clip_folder).read_bytes()
    recognised = recognise(put(tmp_path, "holiday.jpg", content))
    assert recognised is not None
    assert (recognised.family, recognised.format) == (Family.STREAM, FILMS[kind])


SOUNDS = {
    "wav": ("wav", "pcm_s16le"), "mp3": ("mp3", "libmp3lame"), "m4a": ("mp4", "aac"),
    "flac": ("flac", "flac"),
    "ogg": ("ogg", "libopus"), "aac": ("aac", "aac"), "ac3": ("ac3", "ac3"), "aiff": ("aiff", "pcm_s16be"),
    "mka": ("matroska", "flac"), "mp2": ("mp3", "mp2"), "caf": ("caf", "pcm_s16le"),
    "au": ("au", "pcm_s16be"), "w64": ("w64", "pcm_s16le"), "tta": ("tta", "tta"), "wv": ("wv", "wavpack"),
}  # fmt: skip


@pytest.mark.parametrize("ending", SOUNDS)
def test_sounds_are_told_by_content(clip_folder: Path, ending: str) -> None:
    name, codec = SOUNDS[ending]
    path = make(Clip(codec=None, ending=ending, sound=Sound(codec=codec, seconds=0.5)), clip_folder)
    assert format_of(os.fsencode(path)) == name


@pytest.mark.parametrize(
    ("ending", "codec", "name"),
    [
        ("h264", "libx264", "h264"),
        ("hevc", "libx265", "hevc"),
        ("m2v", "mpeg2video", "mpegvideo"),
        ("ivf", "libvpx", "ivf"),
        ("nut", "mpeg4", "nut"),
        ("mxf", "mpeg2video", "mxf"),
        ("y4m", "rawvideo", "y4m"),
        ("m2ts", "libx264", "mpegts"),
        ("3gp", "mpeg4", "mp4"),
    ],
)
def test_rare_containers_are_told_by_content(clip_folder: Path, ending: str, codec: str, name: str) -> None:
    quiet = (("x265-params", "log-level=none"),) if codec == "libx265" else ()
    path = make(Clip(codec=codec, ending=ending, count=10, options=quiet), clip_folder)
    assert format_of(os.fsencode(path)) == name


def test_a_gif_with_one_picture_is_a_photo(tmp_path: Path) -> None:
    assert format_of(put(tmp_path, "one.gif", bombs.gif(8, 8))) == "gif"
    assert format_of(put(tmp_path, "two.gif", bombs.gif(8, 8, pictures=2))) == "animated-gif"


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1heic", "heic"),
        (b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1avif", "avif"),
        (b"\x00\x00\x00\x18ftypavis\x00\x00\x00\x00avisavif", "picture-sequence"),
        (b"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  ", "mov"),
        (b"\x00\x00\x00\x14ftypM4V \x00\x00\x00\x00isom", "mp4"),
        (b"\x00\x00\x04\x00moov\x00\x00\x00\x6cmvhd", "mov"),
        (b"RF64\xff\xff\xff\xffWAVEds64", "wav"),
    ],
)
def test_brands_and_forms_are_told_apart(tmp_path: Path, head: bytes, name: str) -> None:
    assert format_of(put(tmp_path, "file.bin", head + bytes(64))) == name


def test_every_format_that_content_can_name_is_known(tmp_path: Path) -> None:
    from heimdex.media.signatures import FIXED

    assert {name for _offset, _magic, name in FIXED} <= FORMATS.keys() | {"raw-photo"}


@pytest.mark.parametrize("name", ["README", "notes.txt", "table.csv", "letter.docx", "film.srt", "code.ts"])
def test_what_is_no_media_and_claims_none_is_passed_over(tmp_path: Path, name: str) -> None:
    assert recognise(put(tmp_path, name, b"just words\n" * 50)) is None
    assert recognise(put(tmp_path, name, b"")) is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (bytes(9000), "only zeros"),
        (b"no film\n" * 2000, "is a text"),
        ("Ümläut ".encode() * 200, "is a text"),
        (b"PK\x03\x04" + bytes(range(256)) * 40, "not what its name"),
    ],
)
def test_a_name_that_claims_too_much_is_complained_about(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(UnknownFormat, match=said):
        recognise(put(tmp_path, "film.MP4", content))


def test_camera_raw_files_are_refused_by_name_of_their_kind(tmp_path: Path) -> None:
    for name, content in (
        ("a.nef", photo("tiff")),
        ("b.cr2", b"II*\x00\x10\x00\x00\x00CR\x02\x00" + bytes(99)),
    ):
        with pytest.raises(UnknownFormat, match="camera raw"):
            recognise(put(tmp_path, name, content))


def test_a_pipe_in_the_place_of_a_file_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(UnreadableFile, match="not a regular file"):
        recognise(os.fsencode(tmp_path / "pipe.mp4"))


def test_a_vanished_file_and_a_folder_are_unreadable(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="not there any more"):
        recognise(os.fsencode(tmp_path / "gone.mp4"))
    with pytest.raises(UnreadableFile, match="not a regular file"):
        recognise(os.fsencode(tmp_path))


@pytest.mark.parametrize(
    ("name", "ending", "claims"),
    [
        (b"/a/b.JPG", b"jpg", True),
        (b".mp4", b"", False),
        (b"/x.mp4/readme", b"", False),
        (b"caf\xe9.MoV", b"mov", True),
        (b"a.ts", b"ts", False),
    ],
)
def test_endings_are_read_from_names_as_bytes(name: bytes, ending: bytes, claims: bool) -> None:
    assert extension(name) == ending
    assert claims_media(name) is claims


def test_chance_does_not_make_a_transport_stream(tmp_path: Path) -> None:
    lucky = bytearray(b"\x11" * 2000)
    lucky[0] = lucky[188] = 0x47
    with (tmp_path / "x").open("w+b") as file:
        assert name_by_content(bytes(lucky), file) is None
