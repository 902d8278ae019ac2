"""The formats Heimdex knows, as data: name, family, demuxer, and the name endings that claim them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Family(StrEnum):
    """Which reader a file needs: one picture, or streams on a clock."""

    PHOTO = "photo"
    STREAM = "stream"


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """One file format. `demuxer` is libavformat's name for it, None for photos."""

    name: str
    family: Family
    title: str  # for messages
    demuxer: str | None = None


def _photo(name: str, title: str) -> Format:
    return Format(name=name, family=Family.PHOTO, title=title)


def _stream(name: str, title: str, demuxer: str | None = None) -> Format:
    return Format(name=name, family=Family.STREAM, title=title, demuxer=demuxer or name)


_KNOWN = (
    _photo("jpeg", "JPEG"),
    _photo("png", "PNG"),
    _photo("webp", "WebP"),
    _photo("heic", "HEIC"),
    _photo("avif", "AVIF"),
    _photo("tiff", "TIFF"),
    _photo("gif", "GIF"),
    _photo("bmp", "BMP"),
    _photo("jp2", "JPEG 2000"),
    _stream("mp4", "MP4", "mov"),
    _stream("mov", "QuickTime", "mov"),
    _stream("picture-sequence", "HEIF/AVIF sequence", "mov"),
    _stream("matroska", "Matroska"),
    _stream("webm", "WebM", "matroska"),
    _stream("avi", "AVI"),
    _stream("asf", "Windows Media"),
    _stream("flv", "Flash Video"),
    _stream("mpegts", "MPEG transport stream"),
    _stream("mpeg", "MPEG program stream"),
    _stream("mpegvideo", "MPEG video"),
    _stream("h264", "raw H.264"),
    _stream("hevc", "raw HEVC"),
    _stream("m4v", "raw MPEG-4 video"),
    _stream("ogg", "Ogg"),
    _stream("mxf", "MXF"),
    _stream("gxf", "GXF"),
    _stream("rm", "RealMedia"),
    _stream("nut", "NUT"),
    _stream("nsv", "Nullsoft Video"),
    _stream("nuv", "NuppelVideo"),
    _stream("wtv", "Windows TV recording"),
    _stream("dv", "DV"),
    _stream("ivf", "IVF"),
    _stream("y4m", "YUV4MPEG2", "yuv4mpegpipe"),
    _stream("bink", "Bink"),
    _stream("smk", "Smacker"),
    _stream("flic", "FLIC"),
    _stream("animated-gif", "animated GIF", "gif"),
    _stream("animated-png", "animated PNG", "apng"),
    _stream("wav", "WAV"),
    _stream("w64", "Wave64"),
    _stream("aiff", "AIFF"),
    _stream("flac", "FLAC"),
    _stream("mp3", "MP3"),
    _stream("aac", "AAC"),
    _stream("ac3", "AC-3"),
    _stream("amr", "AMR"),
    _stream("caf", "Core Audio"),
    _stream("wv", "WavPack"),
    _stream("ape", "Monkey's Audio"),
    _stream("tta", "True Audio"),
    _stream("au", "AU"),
)

FORMATS: dict[str, Format] = {known.name: known for known in _KNOWN}

PHOTO_EXTENSIONS = frozenset(
    b"jpg jpeg jpe jfif mpo png apng webp heic heif hif avif tif tiff gif bmp dib jp2 j2k jpx".split()
)
RAW_PHOTO_EXTENSIONS = frozenset(
    b"3fr arw cr2 cr3 crw dcr dng erf iiq kdc mef mos mrw nef nrw orf pef raf rw2 rwl sr2 srf srw x3f".split()
)
# Left out because other files bear them more often: .ts and .mts (TypeScript), .mod (Go, trackers), .raw.
# Content decides anyway: a film with such a name is indexed, anything else is passed over in silence.
VIDEO_EXTENSIONS = frozenset(
    b"3g2 3gp 3gpp amv asf avi bik bik2 divx dv f4v flc fli flv gxf h264 264 h265 265 hevc ivf m1v m2p m2t"
    b" m2ts m2v m4v mjpeg mjpg mk3d mkv mov mp4 mpe mpeg mpg mpv mxf nsv nut nuv ogm ogv qt rmvb"
    b" smk trp vob webm wmv wtv y4m".split()
)
AUDIO_EXTENSIONS = frozenset(
    b"aac ac3 aif aifc aiff amr ape caf flac m4a m4b mka mp2 mp3 oga ogg opus spx tta w64 wav wma wv".split()
)
MEDIA_EXTENSIONS = PHOTO_EXTENSIONS | RAW_PHOTO_EXTENSIONS | VIDEO_EXTENSIONS | AUDIO_EXTENSIONS


def extension(name: bytes) -> bytes:
    """The ending of a file name after its last dot, in lower case; empty where there is none."""
    stem, dot, ending = name.rpartition(b"/")[2].rpartition(b".")
    return ending.lower() if dot and stem else b""


def claims_media(name: bytes) -> bool:
    """Whether a file name says that it is a picture, a film or a sound."""
    return extension(name) in MEDIA_EXTENSIONS
