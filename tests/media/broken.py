"""Makes files that are broken in every way met so far, each with what should become of it.

`make_broken(folder)` writes them and gives the list. Run as a script with a folder it prints the list.
"""
# Names are bytes here, which pathlib does not take.
# ruff: noqa: PTH101, PTH102, PTH103, PTH109, PTH119, PTH120, PTH123, PTH211

from __future__ import annotations

import os
import random
import shutil
import socket
import sys
import zipfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tests.media import bombs
from tests.media.bases import Bases, make_bases, photo


class Expectation(StrEnum):
    """Where a file should stop, or that it should not."""

    WALK = "walk"
    RECOGNISE = "recognise"
    PROBE = "probe"
    DECODE = "decode"
    INDEXED = "indexed"  # whole, or as far as it can be read
    IGNORED = "ignored"  # nobody claimed that it is media


@dataclass(frozen=True, kw_only=True)
class BrokenCase:
    """One file and what should become of it."""

    name: str
    path: bytes
    expectation: Expectation


def make_broken(folder: Path) -> list[BrokenCase]:
    """Writes all broken files below `folder` and says what should become of each."""
    maker = _Maker(folder=folder, bases=make_bases(folder.parent / f"{folder.name}-bases"))
    for part in (_specials, _not_media, _names, _cut_photos, _bombs, _odd_photos, _cut_films, _odd_films):
        part(maker)
    return maker.cases


@dataclass(kw_only=True)
class _Maker:
    folder: Path
    bases: Bases

    def __post_init__(self) -> None:
        self.cases: list[BrokenCase] = []
        self.folder.mkdir(parents=True, exist_ok=True)

    def write(self, name: str | bytes, content: bytes, expectation: Expectation) -> bytes:
        """A file with this content; every case has a folder of its own so that names cannot collide."""
        path = self.place(name, expectation)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def place(self, name: str | bytes, expectation: Expectation) -> bytes:
        raw = name if isinstance(name, bytes) else os.fsencode(name)
        home = os.fsencode(self.folder) + b"/%03d" % len(self.cases)
        os.makedirs(home, exist_ok=True)
        path = home + b"/" + raw
        shown = raw.decode("utf-8", "backslashreplace")
        self.cases.append(BrokenCase(name=shown, path=path, expectation=expectation))
        return path


def _specials(maker: _Maker) -> None:
    os.mkdir(maker.place("folder.mp4", Expectation.WALK))
    os.mkfifo(maker.place("pipe.mp4", Expectation.WALK))
    os.symlink("nowhere.jpg", maker.place("dangling.jpg", Expectation.WALK))
    os.symlink("loop.mp4", maker.place("loop.mp4", Expectation.WALK))
    _bind_socket(maker.place("socket.mov", Expectation.WALK))
    locked = maker.write("locked.jpg", maker.bases.photos["jpeg"], Expectation.RECOGNISE)
    os.chmod(locked, 0)
    if os.access(locked, os.R_OK):  # root reads everything
        maker.cases[-1] = BrokenCase(name="locked.jpg", path=locked, expectation=Expectation.INDEXED)


def _bind_socket(path: bytes) -> None:
    """Binds from inside its folder: a socket's whole path may have only some 100 bytes."""
    here = os.getcwd()
    os.chdir(os.path.dirname(path))
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(os.path.basename(path))
    finally:
        os.chdir(here)


def _not_media(maker: _Maker) -> None:
    noise = random.Random(7).randbytes(50_000)
    page = b"<!DOCTYPE html><html><body>404 Not Found</body></html>"
    for name, content in {
        "empty.mp4": b"",
        "empty.jpg": b"",
        "empty.heic": b"",
        "one-byte.mov": b"\x00",
        "text.mp4": b"This is a text and no film.\n" * 40,
        "text.jpg": "Ein Text mit Umlauten: äöü\n".encode() * 40,
        "utf16.mp4": "a text".encode("utf-16") * 50,
        "page.webp": page,
        "playlist.mp4": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        "concat.avi": b"ffconcat version 1.0\nfile '/etc/passwd'\n",
        "zeros.mp4": bytes(100_000),
        "zeros.jpg": bytes(5_000),
        "noise.mp4": noise,
        "noise.jpg": noise,
        "archive.mp4": b"PK\x03\x04" + noise,
        "document.jpg": b"%PDF-1.7\n" + noise,
        "program.mkv": b"\x7fELF\x02\x01\x01" + noise,
        "other-riff.avi": b"RIFF\x00\x10\x00\x00CDXA" + noise,
        "camera.cr2": b"II*\x00\x10\x00\x00\x00CR\x02\x00" + noise,
        "camera.nef": maker.bases.photos["tiff"],
    }.items():
        maker.write(name, content, Expectation.RECOGNISE)
    for name, content in {
        "README.txt": b"hello\n",
        "film.srt": b"1\n00:00:01,000 --> 00:00:02,000\nHello\n",
        "module.ts": b"export const a: number = 1;\n",
        "noise.bin": noise,
        "empty.dat": b"",
        "._photo.jpg": maker.bases.photos["jpeg"],
        ".hidden.jpg": maker.bases.photos["jpeg"],
        "Thumbs.db": noise,
    }.items():
        maker.write(name, content, Expectation.IGNORED)
    document = maker.place("letter.docx", Expectation.IGNORED)
    with zipfile.ZipFile(os.fsdecode(document), "w") as archive:
        archive.writestr("word/document.xml", "<w:document/>")


def _names(maker: _Maker) -> None:
    """Good files with names that break careless code."""
    photo, film = maker.bases.photos["jpeg"], maker.bases.films["mp4"]
    for name in (
        b"caf\xe9.jpg",
        b"line\nbreak.jpg",
        b"quote'\".jpg",
        b"-rf.jpg",
        b"%03d.jpg",
        b"a" * 251 + b".jpg",
    ):
        maker.write(name, photo, Expectation.INDEXED)
    for raw in (
        b"film\xff\xfe.mp4",
        b"http:film.mp4",
        b"file%03d.mp4",
        b"a|b,c?.mp4",
        b" .mp4",
        "映画 🎬.mp4".encode(),
    ):
        maker.write(raw, film, Expectation.INDEXED)
    maker.write("film-named.jpg", film, Expectation.INDEXED)
    maker.write("photo-named.mp4", photo, Expectation.INDEXED)
    maker.write("no-ending", photo, Expectation.INDEXED)


def _cut_photos(maker: _Maker) -> None:
    for kind, content in maker.bases.photos.items():
        for share in (5, 50, 90):
            cut = content[: len(content) * share // 100]
            early = kind in ("webp", "avif", "tiff")  # their readers want the whole file to begin with
            maker.write(f"cut-{share}.{kind}", cut, Expectation.PROBE if early else Expectation.DECODE)


def _bombs(maker: _Maker) -> None:
    """Small files whose headers promise enormous pictures."""
    for name, content in {
        "bomb.png": bombs.png(60_000, 60_000),
        "bomb.tiff": bombs.tiff(100_000, 100_000),
        "bomb.gif": bombs.gif(65_535, 65_535),
        "bomb.webp": bombs.webp(16_384, 16_384),
        "bomb.bmp": bombs.bmp(50_000, 50_000),
        "bomb.jpg": bombs.jpeg(65_500, 65_500),
        "bomb-film.y4m": b"YUV4MPEG2 W60000 H60000 F25:1 Ip A1:1 C420jpeg\nFRAME\n" + bytes(4096),
        "bomb-film.gif": bombs.gif(65_535, 65_535, pictures=2),
        "bomb-film.png": bombs.png(60_000, 60_000, animated=True),
        "bomb-film.avi": bombs.resized_avi(maker.bases.films["avi"], 32_000, 32_000),
        "bomb-film.ivf": bombs.ivf(16_000, 16_000),
        "bomb-film.mp4": bombs.resized_mp4(maker.bases.films["mov"], 65_000, 65_000),
        "no-width.png": bombs.png(0, 100),
        "negative.bmp": bombs.bmp(-5, 100),
    }.items():
        maker.write(name, content, Expectation.PROBE)


def _odd_photos(maker: _Maker) -> None:
    photos = maker.bases.photos
    noise = random.Random(3).randbytes(20_000)
    jpeg, png = photos["jpeg"], photos["png"]
    maker.write("noise-after-magic.jpg", b"\xff\xd8\xff\xe0" + noise, Expectation.PROBE)
    maker.write("noise-after-magic.png", png[:8] + noise, Expectation.PROBE)
    maker.write("noise-after-magic.webp", b"RIFF\x20\x4e\x00\x00WEBPVP8 " + noise, Expectation.PROBE)
    maker.write("noise-after-magic.heic", photos["heic"][:24] + noise, Expectation.PROBE)
    maker.write("noise-after-magic.avif", photos["avif"][:32] + noise, Expectation.PROBE)
    maker.write("noise-after-magic.tif", b"II*\x00\x08\x00\x00\x00" + noise, Expectation.PROBE)
    maker.write("noise-after-magic.gif", b"GIF89a" + noise, Expectation.PROBE)
    maker.write("noise-after-magic.jp2", b"\x00\x00\x00\x0cjP  \r\n\x87\n" + noise, Expectation.PROBE)
    maker.write("signature-only.png", png[:8], Expectation.PROBE)
    data = png.index(b"IDAT") + 4
    maker.write("flipped.png", _flipped(png, start=data), Expectation.DECODE)
    maker.write("flipped.jpg", _flipped(jpeg), Expectation.INDEXED)
    maker.write("trailing-noise.jpg", jpeg + noise, Expectation.INDEXED)
    broken_exif = b"Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\xff" + noise[:600]
    marker = b"\xff\xe1" + (len(broken_exif) + 2).to_bytes(2, "big") + broken_exif
    maker.write("broken-exif.jpg", jpeg[:2] + marker + jpeg[2:], Expectation.INDEXED)
    maker.write("broken-profile.jpg", photo("jpeg", icc_profile=noise[:400]), Expectation.INDEXED)
    maker.write("broken-profile.png", photo("png", icc_profile=noise[:400]), Expectation.INDEXED)


def _flipped(content: bytes, *, start: int | None = None, count: int = 24) -> bytes:
    """Some bytes inverted, from `start` or from three fifths of the file on."""
    changed = bytearray(content)
    first = len(content) * 3 // 5 if start is None else start
    for at in range(first, first + count):
        changed[at] ^= 0xFF
    return bytes(changed)


def _cut_films(maker: _Maker) -> None:
    for kind, content in maker.bases.films.items():
        for share in (2, 50, 90):
            cut = content[: len(content) * share // 100]
            lost = kind in ("mp4", "mov") or (share == 2 and kind not in ("mpg", "flv"))  # index at the end
            maker.write(f"cut-{share}.{kind}", cut, Expectation.PROBE if lost else Expectation.INDEXED)


def _odd_films(maker: _Maker) -> None:
    films = maker.bases.films
    noise = random.Random(5).randbytes(40_000)
    mp4, faststart, ts = films["mp4"], films["faststart.mp4"], films["ts"]
    header_end = 4 + int.from_bytes(mp4[:4], "big")
    media = faststart.index(b"mdat") + 4
    for name, content in {
        "header-only.mp4": mp4[:header_end],
        "no-index.mp4": mp4[: mp4.rindex(b"moov") - 4],
        "no-media.mp4": faststart[: media - 8],
        "zeroed-media.mp4": faststart[:media] + bytes(len(faststart) - media),
        "noise-after-magic.mp4": mp4[:header_end] + noise,
        "noise-after-magic.mkv": films["mkv"][:40] + noise,
        "noise-after-magic.flv": b"FLV\x01\x05\x00\x00\x00\x09" + noise,
        "noise-after-magic.avi": films["avi"][:12] + noise,
        "noise-after-magic.wmv": films["wmv"][:16] + noise,
        "noise-in-packets.m2t": b"".join(b"\x47" + noise[at : at + 187] for at in range(0, 37_400, 187)),
        "unknown-codec.mp4": mp4.replace(b"avc1", b"zzz9").replace(b"mp4a", b"zzz8"),
        "tag-only.mp3": b"ID3\x03\x00\x00\x00\x00\x00\x00",
        "marker-only.flac": b"fLaC",
        "page-only.ogg": b"OggS\x00\x02" + bytes(30),
        "header-only.wav": b"RIFF\x24\x00\x00\x00WAVE",
    }.items():
        maker.write(name, content, Expectation.PROBE)
    for name, content in {
        "flipped.mp4": _flipped(faststart, count=400),
        "flipped.mkv": _flipped(films["mkv"], count=400),
        "flipped.ts": _flipped(ts, count=400),
        "noise-within.ts": ts[:20_000] + noise[:1_000] + ts[20_000:],
        "starts-midway.m2t": ts[(len(ts) * 2 // 5) // 188 * 188 :],
        "spliced.m2t": ts + ts,
        "trailing-noise.mp4": mp4 + noise,
        "no-sound-data.mp4": mp4.replace(b"mp4a", b"zzz8"),
    }.items():
        maker.write(name, content, Expectation.INDEXED)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    shutil.rmtree(target, ignore_errors=True)
    for case in make_broken(target):
        print(f"{case.expectation:10} {case.name!r}")
